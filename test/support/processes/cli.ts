/** Runs the built program as users do: a process of its own, an environment of its own, no terminal. */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

/** Runs `brine ARGS` to its end. */
export function runBrine(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
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
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, json: <T>() => JSON.parse(stdout) as T }),
    )
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
