/** One sandbox made once a test file, its copies, and the proof that a command left everything as it was. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { brine, copyDir, type RunOptions, type RunResult, runBrine, scratchDir } from '../processes/cli.js'
import { copySeed } from './seeds.js'

export const NOW = '2026-11-21T12:00:00Z'
/** When the manifests of the sandbox are due. */
export const NEXT_DAY = '2026-11-22T08:00:00Z'
export const STANDING = '192.0.2.0/24-24 => 64496'

export interface Sandbox {
  readonly dir: string
  /** Where its commands run. */
  readonly cwd: string
  /** Another one, with everything in it. */
  readonly copy: () => Sandbox
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<RunResult>
}

/** Trust anchor, `testbed`, and below it `acme` with AS64496, 192.0.2.0/24, 2001:db8::/32 and one ROA. Call `remove` when done. */
export async function makeSandbox(): Promise<Sandbox & { readonly remove: () => void }> {
  const scratch = scratchDir()
  const dir = join(scratch.path, 'data')
  await copySeed('bad-input', dir, makeAcme, { pool: true })
  let copies = 0
  const at = (path: string): Sandbox => ({
    dir: path,
    cwd: scratch.path,
    copy: () => {
      copies += 1
      return at(copyDir(path, join(scratch.path, `copy-${copies}`)))
    },
    run: (args, given = {}) => runBrine(args, { dataDir: path, now: NOW, cwd: scratch.path, ...given }),
  })
  return { ...at(dir), remove: scratch.remove }
}

async function makeAcme(dataDir: string): Promise<void> {
  const options = { dataDir, now: NOW }
  await brine(
    ['testbed', 'init', '--test', '--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/'],
    options,
  )
  await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', 'AS64496,192.0.2.0/24,2001:db8::/32'], options)
  await brine(['roa', 'add', 'acme', STANDING], options)
}

/** Every path below a folder with its mode and what is in it. */
export type Footprint = ReadonlyMap<string, string>

/** Of no account to anybody: the lock's place, what is growing, status, keys made ahead. */
const PASSING = /^(?:\.lock|\.lock-owner|\.lock\.d|tmp|status|keys\/pool)(?:\/|$)/

/** All that a command could have changed. */
export function footprint(dir: string, leaveOut: RegExp = PASSING): Footprint {
  const found = new Map<string, string>()
  for (const name of (readdirSync(dir, { recursive: true }) as string[]).sort()) {
    if (leaveOut.test(name)) continue
    const path = join(dir, name)
    const stat = lstatSync(path)
    const mode = (stat.mode & 0o7777).toString(8)
    if (stat.isSymbolicLink()) found.set(name, `link ${readlinkSync(path)}`)
    else if (stat.isFile()) found.set(name, `${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    else found.set(name, `${mode} folder`)
  }
  return found
}

/** What the record of a rejected command may change, and nothing else: the commit, the command, the cache that names them. */
const RECORD = /^commits\/|\/command-\d+\.json$|\/info\.json$/

/** State, keys, objects and the served tree: a footprint without the records of who asked for what. */
export function withoutRecords(found: Footprint): Footprint {
  return new Map([...found].filter(([name]) => !RECORD.test(name)))
}

export interface Refusal {
  readonly exit: number
  readonly code: string
  /** Each must be in the message or the hint. */
  readonly says?: readonly (string | RegExp)[]
}

/** The JSON of an error. */
export interface ErrorDocument {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly hint: string | null
    readonly changed: string
    readonly details: Readonly<Record<string, unknown>>
  }
}

/** `run --json ARGS` is refused as described: one error on stdout, nothing on stderr, told that nothing changed. */
export async function expectRefused(
  { run }: Pick<Sandbox, 'run'>,
  args: readonly string[],
  refusal: Refusal,
  options?: RunOptions,
): Promise<ErrorDocument['error']> {
  const result = await run(['--json', ...args], options)
  const told = `brine ${args.join(' ')}\n${result.stdout}${result.stderr}`
  expect(result.code, told).toBe(refusal.exit)
  const { error } = result.json<ErrorDocument>()
  expect({ code: error.code, changed: error.changed }, told).toEqual({ code: refusal.code, changed: 'no' })
  for (const text of refusal.says ?? [])
    expect(`${error.message}\n${error.hint ?? ''}`, told).toMatch(text instanceof RegExp ? text : literally(text))
  return error
}

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
}

/** Runs `work` on every item, `width` at a time. */
export async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>, width = 4): Promise<void> {
  const left = [...items]
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: width }, lane))
}

/** May this process mount file systems of its own? Only root, and not in every container. */
export function canMount(): boolean {
  return process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0
}
