/** A clock that went backwards: nothing is signed, and nothing claims that all is well. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { expectRefused, footprint, makeSandbox, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const ADD = ['roa', 'add', 'acme', '192.0.2.0/25=AS64496']
const WRITES = [ADD, ['ca', 'add', 'x'], ['republish'], ['republish', '--now'], ['tick']]
const behind = {
  exit: 1,
  code: 'clock-behind',
  says: [/the clock says \S+, but the last record is from \S+/, 'correct the clock'],
}

describe('a directory whose last record is of a day to come', () => {
  it('B146: refuses to sign and to say that nothing is due; reads go on; all is well when the clock is right', async () => {
    const box = sandbox.copy()
    const later = '2049-06-01T00:00:00Z'
    expect((await box.run(['republish', '--now'], { now: later })).code).toBe(0)
    const today = { run: (args: readonly string[]): Promise<RunResult> => runBrine(args, { dataDir: box.dir }) }
    const before = footprint(box.dir)
    for (const args of WRITES) await expectRefused(today, args, behind)
    await expectRefused(today, [...ADD, '--dry-run'], behind)
    for (const args of [
      ['roa', 'list', 'acme'],
      ['ca', 'list'],
      ['history', 'list'],
    ])
      expect((await today.run(args)).code, args.join(' ')).toBe(0)
    expect(footprint(box.dir)).toEqual(before)
    expect((await box.run(ADD, { now: later })).code).toBe(0)
  })
})

describe('a live directory', () => {
  const faketime = (when: string, dir: string, args: readonly string[]): RunResult => {
    const run = join(import.meta.dirname, '../../../bin/run.js')
    const env = { PATH: process.env['PATH'] ?? '', HOME: '/', TZ: 'UTC', BRINE_DATA_DIR: dir }
    const { status, signal, stdout, stderr } = spawnSync('faketime', [when, process.execPath, run, ...args], {
      env,
      encoding: 'utf8',
    })
    return { code: status, signal, stdout, stderr, json: <T>() => JSON.parse(stdout) as T }
  }

  it('B146: the clock a day back or in 1970 refuses, ten years forward signs what is valid then', async (context) => {
    if (spawnSync('faketime', ['--version']).error !== undefined) context.skip('missing: faketime(1)')
    const dir = join(sandbox.dir, '..', 'live')
    const uris = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']
    expect((await runBrine(['testbed', 'init', ...uris], { dataDir: dir })).code).toBe(0)
    const before = footprint(dir)
    for (const when of ['1 day ago', '1970-01-02 00:00:00'])
      for (const args of [['roa', 'add', 'testbed', '192.0.2.0/24=AS64496'], ['tick']])
        await expectRefused({ run: async (given) => faketime(when, dir, given) }, args, behind)
    expect(footprint(dir)).toEqual(before)
    expect((await runBrine(['roa', 'add', 'testbed', '192.0.2.0/24=AS64496'], { dataDir: dir })).code).toBe(0)
    const then = faketime('10 years', dir, ['republish', '--json'])
    expect(then.code, then.stdout + then.stderr).toBe(0)
    const { staleAt } = then.json<{ staleAt: string }>()
    expect(Number(staleAt.slice(0, 4))).toBe(new Date().getUTCFullYear() + 10)
  })
})
