/** A served tree behind a real rsyncd and a real nginx on a loopback of its own, and both validators in front, by `validate-online.sh`. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { benchDir, findProgram, skipOrFail, skipUnlessValidators, validators } from './validators.js'

export interface OnlineOptions {
  readonly transport: 'rsync' | 'rrdp'
  /** The validators' caches, kept between runs. */
  readonly cache?: string
  /** Lines `AS64496,192.0.2.0/24,24`; undefined compares the validators with each other only. */
  readonly vrps?: readonly string[]
  /** Evaluate at this time, seconds since the epoch; it must not be before the present, at which the HTTPS certificate is made. FORT needs `faketime`. */
  readonly at?: number
  /** Hosts in the URIs; left out: those that the TAL names. */
  readonly hosts?: readonly string[]
}

export interface OnlineRun {
  readonly ok: boolean
  readonly output: string
  /** What rpki-client found, sorted. */
  readonly vrps: readonly string[]
  /** What nginx was asked for over RRDP, by both validators: `GET /rrdp/notification.xml 200`. */
  readonly requests: readonly string[]
  /** Everything that rpki-client and FORT said, benign lines included. */
  readonly said: string
}

let namespaces: boolean | undefined

/** Skips (or fails, under BRINE_REQUIRE_VALIDATORS=1) where a validator, a server or the right to a namespace of our own is missing. */
export function skipUnlessOnline(context: TestContext): void {
  skipUnlessValidators(context)
  const missing = ['rsync', 'nginx', 'openssl', 'unshare', 'ip'].filter((name) => findProgram(name) === undefined)
  if (!existsSync(join(benchDir, 'validate-online.sh'))) missing.push(`${benchDir}/validate-online.sh`)
  namespaces ??= spawnSync('unshare', ['-m', '-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0
  if (!namespaces) missing.push('the right to unshare -m -n (root)')
  if (missing.length > 0) skipOrFail(context, missing)
}

/** Lays `repo/` out by links as the URIs of `testbed init` have it: `rsync/{repo,ta}` and `https/{rrdp,ta}`. Returns the folder. */
export function serverRoots(repoDir: string, into: string): string {
  mkdirSync(join(into, 'rsync'), { recursive: true })
  symlinkSync(join(repoDir, 'rsync', 'current'), join(into, 'rsync', 'repo'))
  symlinkSync(join(repoDir, 'ta'), join(into, 'rsync', 'ta'))
  symlinkSync(repoDir, join(into, 'https'))
  return into
}

/** Both validators fetch the tree by one transport, with nothing to fall back to. */
export async function runOnline(
  roots: string,
  tal: string,
  scratch: string,
  options: OnlineOptions,
): Promise<OnlineRun> {
  const out = join(scratch, `out-${options.transport}`)
  const args = [join(benchDir, 'validate-online.sh'), '-c', '-M', options.transport, '-o', out]
  if (options.cache !== undefined) args.push('-C', options.cache)
  if (options.hosts !== undefined) args.push('-H', options.hosts.join())
  if (options.vrps !== undefined) {
    const file = join(scratch, `expected-${options.transport}.csv`)
    writeFileSync(file, options.vrps.map((line) => `${line}\n`).join(''))
    args.push('-e', file)
  }
  const env = { ...process.env, TMPDIR: tmpdir(), ...programsAt(scratch, options) }
  const { status, output } = await run('bash', [...args, roots, tal], env)
  if (options.cache !== undefined) await nextSecond()
  const read = (path: string): string => (existsSync(join(out, path)) ? readFileSync(join(out, path), 'utf8') : '')
  const requests = [...read('https-access.log').matchAll(/"(GET [^ ]+) HTTP[^"]*" (\d+)/g)]
  return {
    ok: status === 0,
    output,
    vrps: read(`rpki-client-${options.transport}/vrps.txt`)
      .split('\n')
      .filter((line) => line !== ''),
    requests: options.transport === 'rrdp' ? requests.map(([, what, code]) => `${what} ${code}`) : [],
    said: read(`rpki-client-${options.transport}/stderr`) + read(`fort-${options.transport}/log`),
  }
}

/** Both transports at once, each with servers and validators of its own. `vrps` has a list for each of them. */
export async function runBoth(
  roots: string,
  tal: string,
  scratch: string,
  options: Omit<OnlineOptions, 'transport'>,
): Promise<Pick<OnlineRun, 'ok' | 'output'> & { readonly vrps: readonly (readonly string[])[] }> {
  const runs = await Promise.all(
    (['rsync', 'rrdp'] as const).map((transport) => runOnline(roots, tal, scratch, { ...options, transport })),
  )
  return {
    ok: runs.every(({ ok }) => ok),
    output: runs.map(({ output }) => output).join('\n'),
    vrps: runs.map(({ vrps }) => vrps),
  }
}

/** Returns the variables that name the validators to the bench; with a time, scripts that run them at it. */
function programsAt(scratch: string, { at, transport }: OnlineOptions): Readonly<Record<string, string>> {
  const { rpkiClient = '', fort = '' } = validators()
  if (at === undefined) return { RPKI_CLIENT: rpkiClient, FORT: fort }
  const script = (name: string, asked: string, program: string): string => {
    const path = join(scratch, `${name}-${transport}`)
    const text = `#!/bin/sh\ncase $1 in -V|--version) exec ${asked} "$@";; esac\nexec ${program} "$@"\n`
    writeFileSync(path, text, { mode: 0o755 })
    return path
  }
  const time = new Date(at * 1000).toISOString().replace('T', ' ').slice(0, 19)
  return {
    RPKI_CLIENT: script('rpki-client-at', rpkiClient, `${rpkiClient} -P ${at}`),
    FORT: script('fort-at', fort, `faketime -f '@${time}' ${fort}`),
  }
}

/**
 * Waits for the next full second. A validator with a cache asks with If-Modified-Since, whose unit is the second: a notification that is
 * replaced within the second in which it was fetched is not seen before the next change.
 */
function nextSecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)))
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  return new Promise<{ status: number; output: string }>((resolve) => {
    const child = execFile(
      program,
      args,
      { env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, output: `${stdout}${stderr}` }),
    )
  })
}
