/** A live data directory, run with the clock of the machine or one that is off, and asked by validators. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const RUN = join(import.meta.dirname, '../../../bin/run.js')
export const REASON = ['--reason', 'the clock was ahead']

export interface Machine {
  readonly dir: string
  /** Runs with the right clock; `env` beside what every process gets. */
  brine(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>
  /** Runs with a clock that is off: `+2 days`. */
  off(when: string, args: readonly string[]): RunResult
  remove(): void
}

/** Returns a primary with a CA `acme` and one ROA. Skips the test without faketime(1). */
export async function machine(context: TestContext): Promise<Machine> {
  needProgram(context, 'faketime')
  const scratch = scratchFolder('clock')
  const dir = join(scratch.dir, 'data')
  await newTestbed(dir)
  await brineOk(dir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24'])
  await brineOk(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  return { ...commandsIn(dir), remove: scratch.remove }
}

/** Returns the commands in another directory. */
export function commandsIn(dir: string): Omit<Machine, 'remove'> {
  return {
    dir,
    brine: (args, env = {}) => runBrine(args, { dataDir: dir, env }),
    off: (when, args) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: '/', TZ: 'UTC', BRINE_DATA_DIR: dir }
      const done = spawnSync('faketime', [when, process.execPath, RUN, ...args], { env, encoding: 'utf8' })
      const { status, signal, stdout, stderr } = done
      return { code: status, signal, stdout, stderr, json: <T>() => JSON.parse(stdout) as T }
    },
  }
}

/** Returns a folder for PATH with a timedatectl that says whether the time is synchronised. */
export function timedatectl(folder: string, isSynchronized: boolean): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'timedatectl')
  writeFileSync(path, `#!/bin/sh\necho NTPSynchronized=${isSynchronized ? 'yes' : 'no'}\n`)
  chmodSync(path, 0o755)
  return `${folder}:${process.env['PATH'] ?? ''}`
}
