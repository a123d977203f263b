/** A data directory made by the program in its test mode, whose copies are live, as the ground of a test file. */
import { join } from 'node:path'
import { brine, copyDir, type RunOptions, type RunResult, runBrine, scratchDir } from '../processes/cli.js'
import { copySeed } from './seeds.js'

export const NOW = '2026-11-21T12:00:00Z'

export interface Sandbox {
  /** The scratch folder. */
  readonly path: string
  /** Trust anchor `ta`, CA `testbed`, CA `acme` with 192.0.2.0/24 and AS64496. */
  readonly dataDir: string
  /** A copy of the directory, or of another one. */
  copy(from?: string): string
  remove(): void
}

/** A copy of the seed of this name and time, in a scratch folder. */
export async function sandbox(now = NOW): Promise<Sandbox> {
  const { path, remove } = scratchDir()
  const dataDir = join(path, 'data')
  await copySeed(`sandbox-${now}`, dataDir, (made) => makeAcme(made, now), { pool: true })
  let copies = 0
  const copy = (from = dataDir): string => {
    copies += 1
    return copyDir(from, join(path, `copy-${copies}`))
  }
  return { path, dataDir, copy, remove }
}

async function makeAcme(dataDir: string, now: string): Promise<void> {
  await brine(['testbed', 'init', '--test'], { dataDir, now })
  await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24, AS64496'], { dataDir, now })
}

/** Runs in a directory at the sandbox's time. */
export function runAt(dataDir: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runBrine(args, { dataDir, now: NOW, ...options })
}

/** Returns the exit code and the code of the error of a command that must fail; with `--json` the error is on standard output. */
export async function refusalOf(dataDir: string, args: readonly string[]): Promise<readonly [number | null, string]> {
  const ran = await runAt(dataDir, [...args, '--json'])
  return [ran.code, ran.json<{ error: { code: string } }>().error.code]
}
