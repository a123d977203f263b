/** `brine status` as users run it: well, late, damaged, locked, and a copy. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

const LATE = '2026-11-22T06:00:00Z'
const STALE = '2026-11-22T13:00:00Z'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const look = async (dir: string, now = NOW) => (await runAt(dir, ['status', '--json'], { now })).json<StatusReport>()
const codes = (report: StatusReport) => report.concerns.map((c) => `${c.level} ${c.code}`)

/** Names, sizes and times of everything in a directory. */
const snapshot = (dir: string): string =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(join(dir, name))
      return `${name} ${size} ${mtimeMs} ${mode}`
    })
    .join('\n')

describe('a directory that is well', () => {
  it('is ok, says until when, and shows what there is', async () => {
    const report = await look(box.dataDir)
    expect(report).toMatchObject({
      verdict: 'ok',
      concerns: [],
      role: 'primary',
      ha: [],
      unpublished: [],
      locks: [],
      broken: [],
    })
    expect(report.publication).toMatchObject({ serial: 3, servedSerial: 3, rsyncSerial: 3, current: true })
    expect(report.cas.map((c) => `${c.kind}/${c.handle}`)).toEqual(['ca/acme', 'ca/testbed', 'ta/ta'])
    expect(report.orphanKeys).toEqual([])
    expect(report.staleAt).toBe(report.cas.map((c) => c.staleAt ?? '').sort()[0])
    expect(report.nextDue).toBe(report.cas.map((c) => c.nextDue ?? '').sort()[0])
    expect(report.staleAt && report.staleAt > '2026-11-22T07').toBeTruthy()
    const { stdout } = await runAt(box.dataDir, ['status'])
    expect(stdout).toMatch(/^OK {2}primary, generation 1/)
    expect(stdout).toContain(`stale at    ${report.staleAt}`)
    expect(stdout).toContain('serial 3, 8 objects of 3 publishers, published')
  })

  it('is only read', async () => {
    const dir = box.copy()
    const before = snapshot(dir)
    await runAt(dir, ['status'])
    await runAt(dir, ['status'], { now: STALE })
    expect(snapshot(dir)).toBe(before)
  })

  it('tells of a key file that no state names, which is no fault', async () => {
    const dir = box.copy()
    const id = 'A'.repeat(40)
    writeFileSync(join(dir, 'keys', id), 'x', { mode: 0o600 })
    expect(await look(dir)).toMatchObject({ verdict: 'ok', orphanKeys: [id] })
  })
})

describe('exit codes', () => {
  const run = async (args: readonly string[], now: string) =>
    (await runAt(box.dataDir, ['status', ...args], { now })).code

  it('are 0 whatever the verdict, unless --fail-on says otherwise', async () => {
    expect(await run([], STALE)).toBe(0)
    expect(await run(['--fail-on', 'warning'], NOW)).toBe(0)
    expect(await run(['--fail-on', 'warning'], LATE)).toBe(1)
    expect(await run(['--fail-on', 'critical'], LATE)).toBe(0)
    expect(await run(['--fail-on', 'critical', '--json'], STALE)).toBe(1)
  })

  it('follow the plugin convention with --nagios, on one line', async () => {
    const nagios = async (now: string) => {
      const { code, stdout } = await runAt(box.dataDir, ['status', '--nagios'], { now })
      expect(stdout.trimEnd().split('\n').length).toBe(1)
      return [code, stdout.slice(0, stdout.indexOf(' - '))]
    }
    expect(await nagios(NOW)).toEqual([0, 'BRINE OK'])
    expect(await nagios(LATE)).toEqual([1, 'BRINE WARNING'])
    expect(await nagios(STALE)).toEqual([2, 'BRINE CRITICAL'])
    const unknown = await runBrine(['status', '--nagios'], { dataDir: join(box.path, 'none') })
    expect([unknown.code, unknown.stdout]).toEqual([
      3,
      expect.stringMatching(/^BRINE UNKNOWN - .*no such directory\n$/),
    ])
  })
})

it('late and stale directories say what to do', async () => {
  expect(codes(await look(box.dataDir, LATE))).toEqual(['warning overdue', 'warning tick-missing'])
  expect(codes(await look(box.dataDir, STALE))).toContain('critical stale')
  const dir = box.copy()
  await runAt(dir, ['tick'], { now: LATE })
  expect(await look(dir, LATE)).toMatchObject({ verdict: 'ok', lastTick: { failed: 0 } })
})

it('a broken CA is critical and does not hide the others', async () => {
  const dir = box.copy()
  writeFileSync(join(dir, 'cas/acme/command-1.json'), 'x')
  const report = await look(dir)
  expect(codes(report)).toEqual(['critical corrupt'])
  expect(report.broken).toMatchObject([{ kind: 'ca', handle: 'acme', code: 'file-damaged' }])
  expect(report.cas.map((c) => c.handle)).toEqual(['testbed', 'ta'])
  const { stdout, code } = await runAt(dir, ['status'])
  expect(code).toBe(0)
  expect(stdout).toContain('brine recover ca/acme --dry-run')
  expect(stdout).toMatch(/^testbed /m)
})

it('a hole in the commits, or a key that is gone, is told', async () => {
  const dir = box.copy()
  writeFileSync(join(dir, 'commits/1.json'), 'x')
  writeFileSync(join(dir, 'commits/2.json'), 'x')
  const report = await look(dir)
  expect(report.verdict).toBe('critical')
  expect(report.broken[0]?.message).toContain('commits/2.json')
})

it('shows who holds the lock, and does not wait for it', async () => {
  const dir = box.copy()
  const store = openStore(dir, { command: 'brine backup create', long: true })
  await store.exclusive(async () => {
    expect((await look(dir)).locks).toMatchObject([{ pid: process.pid, command: 'brine backup create', long: true }])
  })
  expect((await look(dir)).locks).toEqual([])
})

it('writes metrics whole, for any reader', async () => {
  const file = join(box.path, 'brine.prom')
  writeFileSync(file, 'old', { mode: 0o600 })
  await brine(['status', '--prom', file], { dataDir: box.dataDir, now: NOW })
  const text = readFileSync(file, 'utf8')
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) brine_\w+ .+|brine_\w+(\{[^}]*\})? -?\d+)$/)
  expect(text).toMatch(/^brine_verdict 0$/m)
  expect(text).toMatch(/^brine_ca_stale_timestamp_seconds\{kind="ca",ca="acme"\} \d{10}$/m)
  expect(text).toMatch(/^brine_rrdp_served_serial 3$/m)
  expect(statSync(file).mode & 0o777).toBe(0o644)
  expect(readdirSync(box.path).filter((name) => name.includes('tmp'))).toEqual([])
  const nowhere = await runAt(box.dataDir, ['status', '--prom', join(box.path, 'none/brine.prom')])
  expect(nowhere.code).toBe(14)
})

it('a stand-by is ok as long as it is fresh', async () => {
  const live = join(box.path, 'live')
  const standby = join(box.path, 'standby')
  await brine(['init'], { dataDir: live })
  copyDir(live, standby)
  const report = (await brine(['status', '--json'], { dataDir: standby })).json<StatusReport>()
  expect(report).toMatchObject({ verdict: 'ok', role: 'standby', standby: { reason: 'copy' } })
})
