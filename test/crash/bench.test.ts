/** The implementation-independent fault bench, run on `brine roa add`: a sample of its cases, all of them with SLOW=1. */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { benchDir, findProgram, skipOrFail } from '../support/peers/validators.js'
import { shimmedEnv, writeShim } from '../support/processes/brine-shim.js'
import { isSlow, sampleSeed } from '../support/processes/sample.js'
import { fillPool } from '../support/sites/seeds.js'
import { brineOk, newTestbed } from '../support/sites/testbed.js'

const NOW = '2026-01-01T00:00:00Z'

let folder: string
let base: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-bench-'))
  base = join(folder, 'base')
  await newTestbed(base, NOW)
  await brineOk(base, ['roa', 'add', 'testbed', '10.0.0.0/24=AS64496'], NOW)
  fillPool(base)
  writeShim(folder)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the bench and returns its output, with the verdict in the last line. */
function faultbench(args: readonly string[]): Promise<string> {
  const inCase = (line: string): string => `brine ${line} --data-dir "$DATA_DIR"`
  const all = [
    ...['--prepare', `cp -a ${base}/. "$DATA_DIR"`, '--mutate', inCase('roa add testbed 10.1.0.0/24=AS64497')],
    ...['--followup', inCase('roa add testbed 10.2.0.0/24=AS64498')],
    // the next tick publishes what was committed, and then everything matches history
    ...['--check', `${inCase('tick --quiet')} && ${inCase('audit verify')}`],
    ...['--digest', 'logical=(\\w+)', '--full', 'full=(\\w+)', ...args],
  ]
  const env = shimmedEnv(folder, { BRINE_NOW: NOW, NODE_EXTRA_CA_CERTS: '' })
  return new Promise((resolve) => {
    execFile('python3', [join(folder, 'bench/faultbench.py'), ...all], { env, maxBuffer: 1 << 26 }, (_, out, err) =>
      resolve(`${out}${err}`.trim()),
    )
  })
}

it('finds no violation', async (context) => {
  const absent = ['python3', 'gcc'].filter((name) => findProgram(name) === undefined)
  if (!existsSync(join(benchDir, 'faultbench.py'))) absent.push(join(benchDir, 'faultbench.py'))
  if (absent.length > 0) skipOrFail(context, absent)
  cpSync(benchDir, join(folder, 'bench'), { recursive: true })
  const kinds = 'kill,torn,full,short,erofs,eio-sticky,r-eio,sigterm'
  const output = isSlow
    ? await faultbench(['--kinds', `${kinds},nested,sigint,enospc,shortfull,emfile,r-eacces,powerloss,fsyncgate`])
    : await faultbench(['--kinds', kinds, '--every', String(200 + (sampleSeed % 100))])
  expect(output.split('\n').at(-1), output).toBe('PASS')
}, 7_200_000)
