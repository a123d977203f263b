/** A clock that is more than a day past the last record: said where a person reads it, refused where none does. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import type { Json } from '../../../src/core/base/json.js'
import { encodeRecord } from '../../../src/core/store/disk/records.js'
import { type RunResult, runBrine, scratchDir } from '../../support/processes/cli.js'
import { footprint } from '../../support/sites/bad-input-box.js'
import { type Machine, machine, timedatectl } from './machine.js'

vi.setConfig({ testTimeout: 60_000 })

let used: Machine | undefined
afterEach(() => used?.remove())

const codeOf = (run: RunResult): string => run.json<{ error: { code: string } }>().error.code
const record = (dir: string): string => join(dir, 'status', 'clock.json')
const recordedIn = (dir: string): { [key: string]: Json } =>
  (JSON.parse(readFileSync(record(dir), 'utf8')) as { value: { [key: string]: Json } }).value
/** Writes the record of the last run as another time would have left it. */
const rewrite = (dir: string, change: { [key: string]: Json }): void =>
  writeFileSync(record(dir), encodeRecord({ value: { ...recordedIn(dir), ...change } }))

it('tick refuses two days with clock-jumped and changes nothing; an attended command says so and goes on', async (context) => {
  used = await machine(context)
  const { dir, off, brine } = used
  expect(recordedIn(dir)).toMatchObject({ fixed: false, boot: { id: expect.any(String), uptime: expect.any(Number) } })
  const before = footprint(dir)
  const tick = off('+2 days', ['tick', '--json'])
  expect([tick.code, codeOf(tick)]).toEqual([1, 'clock-jumped'])
  expect(tick.stdout).toContain('--clock-is-right')
  expect(footprint(dir)).toEqual(before)
  // a day less some minutes is not questioned
  expect(off('+23 hours', ['tick']).code).toBe(0)
  expect((await brine(['clock', 'reset', '--reason', 'test'])).code).toBe(0)
  const added = off('+2 days', ['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])
  expect([added.code, added.stderr]).toEqual([
    0,
    expect.stringMatching(/Warning: the clock says .* 2d( \S+)* after the last record/),
  ])
})

it('goes on where the user or the configuration confirms the clock, and remembers that', async (context) => {
  used = await machine(context)
  const { dir, off, brine } = used
  expect(off('+2 days', ['tick', '--clock-is-right']).code).toBe(0)
  expect(off('+2 days', ['tick']).code).toBe(0)
  expect((await brine(['clock', 'reset', '--reason', 'test'])).code).toBe(0)
  expect(off('+2 days', ['tick']).code).toBe(1)
  writeFileSync(join(dir, 'brine.toml'), `${readFileSync(join(dir, 'brine.toml'), 'utf8')}\ntrust_clock = true\n`)
  expect(off('+2 days', ['tick']).code).toBe(0)
})

it('takes the word of the machine: as long running as idle, or synchronised', async (context) => {
  used = await machine(context)
  const { dir, brine } = used
  const { boot } = recordedIn(dir) as { boot: { id: string; uptime: number } }
  // the directory was made three days ago: its clock was behind then, and is right now
  const old = join(dir, '..', 'old')
  const made = used.off('-3 days', [
    '--data-dir',
    old,
    'testbed',
    'init',
    '--rsync',
    'rsync://r.example/repo/',
    '--rrdp',
    'https://r.example/rrdp/',
  ])
  expect(made.code, made.stderr).toBe(0)
  const tick = (path: string): Promise<RunResult> => brine(['--data-dir', old, 'tick', '--json'], { PATH: path })
  const [yes, no] = [timedatectl(join(dir, '..', 'yes'), true), timedatectl(join(dir, '..', 'no'), false)]
  const refused = await tick(no)
  expect([refused.code, codeOf(refused)]).toEqual([1, 'clock-jumped'])
  expect(refused.stdout).toContain('the clock advanced by 3d')
  // the same, but the machine ran for those three days
  rewrite(old, { boot: { id: boot.id, uptime: boot.uptime - 3 * 86_400 } })
  expect((await tick(no)).code).toBe(0)
  // now nothing is known of the time before
  const again = join(dir, '..', 'again')
  const args = [
    '--data-dir',
    again,
    'testbed',
    'init',
    '--rsync',
    'rsync://r.example/repo/',
    '--rrdp',
    'https://r.example/rrdp/',
  ]
  expect(used.off('-3 days', args).code).toBe(0)
  rmSync(record(again))
  expect((await brine(['--data-dir', again, 'tick'], { PATH: no })).code).toBe(1)
  expect((await brine(['--data-dir', again, 'tick'], { PATH: yes })).code).toBe(0)
})

it('ha probe and cgi refuse as well; a stand-by does nothing as before', async (context) => {
  used = await machine(context)
  const { dir, off } = used
  const toml = `[[ca]]\nid = "a"\nbackend = "file"\n[ca.file]\nca_cert = "/nowhere/a.pem"\nca_key = "/nowhere/a.key"\n`
  writeFileSync(join(dir, 'brine.toml'), toml)
  const probe = off('+2 days', ['ha', 'probe', '--json'])
  expect([probe.code, codeOf(probe)]).toEqual([1, 'clock-jumped'])
  expect(off('+2 days', ['ha', 'probe', '--clock-is-right']).code).toBe(0)
  mkdirSync(join(dir, '..', 'copy'))
  rmSync(join(dir, '..', 'copy'), { recursive: true })
  const { copyDir } = await import('../../support/processes/cli.js')
  copyDir(dir, join(dir, '..', 'copy'))
  const standby = off('+4 days', ['--data-dir', join(dir, '..', 'copy'), 'tick'])
  expect([standby.code, standby.stdout, standby.stderr]).toEqual([0, '', ''])
})

it('the clock of a test directory is never questioned', async () => {
  const { path, remove } = scratchDir()
  const dataDir = join(path, 'data')
  const now = '2026-01-01T00:00:00Z'
  expect((await runBrine(['init', '--test'], { dataDir, now })).code).toBe(0)
  expect(
    (
      await runBrine(['pubserver', 'init', '--rsync', 'rsync://r.example/repo/', '--rrdp', 'https://r.example/rrdp/'], {
        dataDir,
        now,
      })
    ).code,
  ).toBe(0)
  const later = await runBrine(['tick'], { dataDir, now: '2069-01-01T00:00:00Z' })
  expect([later.code, later.stderr]).toEqual([0, ''])
  remove()
})
