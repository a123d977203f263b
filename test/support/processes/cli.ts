/**
 * Runs the built program with an environment of its own and no terminal: in a worker, which saves the start of a process (workers.ts), or as
 * users do in a process of its own. `test/e2e/launch/worker.test.ts` compares the two.
 */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Workers } from './workers.js'

const ROOT = join(import.meta.dirname, '../../..')

export interface RunOptions {
  /** BRINE_DATA_DIR; left out: none. */
  readonly dataDir?: string
  /** BRINE_NOW. */
  readonly now?: string
  readonly env?: Readonly<Record<string, string>>
  /** Standard input; left out: nothing, at its end. */
  readonly input?: string
  readonly cwd?: string
  /** A process of its own, as users start it. */
  readonly isProcess?: boolean
}

export interface RunResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as JSON; throws when it is none. */
  readonly json: <T = Record<string, never>>() => T
}

/** The whole environment of a run: nothing of the developer's, and no certificate file that slows every start. */
function environment({ dataDir, now, env }: RunOptions): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: tmpdir(),
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    ...(dataDir === undefined ? {} : { BRINE_DATA_DIR: dataDir }),
    ...(now === undefined ? {} : { BRINE_NOW: now }),
    ...env,
  }
}

/** Variables that are read before the program runs: by Node, the loader of libraries and OpenSSL. */
const EARLY = /^(?:NODE_|LD_|UV_|OPENSSL_|SSL_|FAULT_|TZ$)/
/** Files that name the standard streams of their process. */
const OWN_STREAM = /\/dev\/(?:std|fd)|\/proc\/self/

function needsProcess(args: readonly string[], { isProcess, env }: RunOptions): boolean {
  return (
    isProcess ?? (Object.keys(env ?? {}).some((name) => EARLY.test(name)) || args.some((arg) => OWN_STREAM.test(arg)))
  )
}

/** Runs `brine ARGS` to its end. */
export async function runBrine(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const ended = await (needsProcess(args, options) ? runInProcess(args, options) : runAsJob(args, options))
  return { ...ended, json: <T>() => JSON.parse(ended.stdout) as T }
}

const workers = new Workers()

function runAsJob(args: readonly string[], options: RunOptions): Promise<Ended> {
  const { input = '', cwd = process.cwd() } = options
  return workers.run({ args, env: environment(options), input, cwd, umask: process.umask() })
}

type Ended = Omit<RunResult, 'json'>

function runInProcess(args: readonly string[], options: RunOptions): Promise<Ended> {
  const spawnOptions: SpawnOptions = { env: environment(options), stdio: ['pipe', 'pipe', 'pipe'] }
  if (options.cwd !== undefined) spawnOptions.cwd = options.cwd
  const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), ...args], spawnOptions)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Runs and expects success. */
export async function brine(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await runBrine(args, options)
  if (result.code !== 0)
    throw new Error(
      `brine ${args.join(' ')} ended with ${result.code ?? result.signal}\n${result.stdout}${result.stderr}`,
    )
  return result
}

/** A scratch folder; call `remove` when done. */
export function scratchDir(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'brine-test-'))
  // the folders above a data directory let the server's user pass
  chmodSync(path, 0o711)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/**
 * A whole copy with modes, times and links: a directory made by `init --test` stays live in it. By `cp`, because `cpSync` of Node 24
 * gives folders other modes than the original's, and `keys/` of 0755 is rightly refused.
 */
export function copyDir(from: string, to: string): string {
  execFileSync('cp', ['-a', `${from}/.`, to])
  return to
}
