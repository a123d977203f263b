/** Desired-state files and runs of the tests of `export`, `plan` and `apply`. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { RunOptions, RunResult } from '../processes/cli.js'
import { runAt, type Sandbox } from './operator-box.js'

let files = 0
/** Writes a file of format 1 into the folder of a sandbox. */
export function stateFile(box: Sandbox, ...lines: readonly string[]): string {
  files += 1
  const path = join(box.path, `state-${files}.toml`)
  writeFileSync(path, `format = 1\n${lines.join('\n')}\n`)
  return path
}

/** Returns a CA as TOML, under `testbed` if it is `acme`, else under `acme`. */
export const ca = (handle: string, resources: string | undefined, ...roas: readonly string[]): string => {
  const parent = handle === 'acme' ? 'testbed' : 'acme'
  const parents = resources === undefined ? '' : `parents = [{ handle = "${parent}", resources = "${resources}" }]\n`
  return `[[ca]]\nhandle = "${handle}"\n${parents}roas = [\n${roas.map((roa) => `  "${roa}",`).join('\n')}\n]`
}

/** Runs a command that must succeed without a warning. */
export async function ok(dir: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const ran = await runAt(dir, args, options)
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  return ran
}

/** Returns every file of a directory that is no derived one, with its content. */
export function contentOf(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/^(?:status|locks|keys|repo)(?:\/|$)/.test(path) && statSync(join(dir, path)).isFile())
    .map((path) => `${path} ${readFileSync(join(dir, path), 'hex')}`)
    .sort()
}

/** Returns the ROAs of a CA with their states. */
export const roasOf = async (dir: string, handle: string): Promise<readonly string[]> =>
  (await runAt(dir, ['roa', 'list', handle, '--json']))
    .json<{ roas: readonly { roa: string; state: string }[] }>()
    .roas.map(({ roa, state }) => `${roa} ${state}`)
