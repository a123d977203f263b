/** `brine clock show` and `brine clock reset`: the way back after a clock that was ahead. */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, type TestContext, vi } from 'vitest'
import type { FutureReport } from '../../../src/core/app/clock/future.js'
import type { ClockResetReport } from '../../../src/core/app/clock/reset.js'
import type { HistoryReport } from '../../../src/core/app/proof/history.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { type Instant, instantOf } from '../../../src/core/base/time.js'
import { withHost } from '../../../src/core/peers/host.js'
import { findProgram } from '../../support/peers/validators.js'
import { brine as brineAt, copyDir, runBrine, scratchDir } from '../../support/processes/cli.js'
import { sampled } from '../../support/processes/sample.js'
import { complaints, manifestsOf, readServedTree } from '../../support/rpki/served-tree.js'
import { commandsIn, type Machine, machine, REASON } from './machine.js'

vi.setConfig({ testTimeout: 120_000 })

let used: Machine | undefined
afterEach(() => used?.remove())

const RESET = ['clock', 'reset', ...REASON]
const now = () => instantOf(Date.now() / 1000)
const numbersIn = (dir: string): ReadonlyMap<string, bigint> =>
  new Map([...manifestsOf(readServedTree(join(dir, 'repo')))].map(([path, { number }]) => [path, number]))

/** Writes with a clock that is ahead: all manifests again, a ROA added, one removed. */
function spoil({ off }: Pick<Machine, 'off'>, when: string): void {
  for (const args of [
    ['republish', '--now'],
    ['roa', 'add', 'acme', '192.0.2.0/25 => 64496'],
    ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496'],
  ]) {
    const run = off(when, args)
    expect(run.code, run.stderr).toBe(0)
  }
}

/** Judges the published tree: no time after now, and every manifest has a higher number than before. */
function expectPresent(dir: string, before: ReadonlyMap<string, bigint>): void {
  const tree = readServedTree(join(dir, 'repo'))
  expect(complaints(tree, now())).toEqual([])
  for (const [path, { number }] of manifestsOf(tree)) expect(number, path).toBeGreaterThan(before.get(path) ?? 0n)
}

// 43 years: in 2069, when a certificate has GeneralizedTime
describe.each(sampled(['+2 days', '+1 hour', '+15700 days'], 2))('after a clock that was ahead by %s', (when) => {
  it('every refusal names the command, it issues the present, and all goes on', async (context) => {
    used = await machine(context)
    const { dir, brine } = used
    spoil(used, when)
    for (const args of [['tick'], ['republish'], ['roa', 'add', 'acme', '192.0.2.128/25 => 64496']]) {
      const { code, stderr } = await brine(args)
      expect([code, stderr]).toEqual([1, expect.stringContaining('brine clock reset --reason')])
    }
    const bad = (await brine(['status', '--json'])).json<StatusReport>()
    expect([bad.verdict, bad.concerns.map((c) => c.code)]).toEqual([
      'critical',
      expect.arrayContaining(['clock-behind', 'published-in-future']),
    ])
    expect(bad.future.map(({ aggregate }) => aggregate)).toEqual(['ca/acme', 'ca/testbed', 'ta/ta'])
    const nagios = await brine(['status', '--nagios'])
    expect([nagios.code, nagios.stdout]).toEqual([2, expect.stringContaining('future=3')])
    const shown = await brine(['clock', 'show', '--json'])
    expect(shown.code).toBe(1)
    const { aggregates, ahead } = shown.json<FutureReport>()
    expect(ahead).toBeGreaterThan(3000)
    expect(aggregates.find(({ aggregate }) => aggregate === 'ca/acme')).toMatchObject({
      commands: 3,
      points: [{ class: '0' }],
      objects: [expect.stringMatching(/^0\/.*\.roa$/)],
    })
    const before = numbersIn(dir)
    const serial = bad.publication?.serial ?? 0
    expect((await brine(['clock', 'reset'])).stderr).toContain('--reason is required')
    const dry = (await brine([...RESET, '--dry-run', '--json'])).json<ClockResetReport>()
    expect(dry).toMatchObject({ changed: 'no', wouldChange: true, dryRun: true, reset: [] })
    expect(numbersIn(dir)).toEqual(before)
    const done = await brine([...RESET, '--json'])
    expect(done.code, done.stderr).toBe(0)
    expect(done.json<ClockResetReport>()).toMatchObject({
      changed: 'yes',
      failed: [],
      reset: ['pubserver/0', 'ta/ta', 'ca/acme', 'ca/testbed'],
    })
    expectPresent(dir, before)
    const good = (await brine(['status', '--json'])).json<StatusReport>()
    expect([good.verdict, good.future, (good.publication?.serial ?? 0) > serial]).toEqual(['ok', [], true])
    expect(good.publication?.session).toBe(bad.publication?.session)
    expect((await brine([...RESET, '--json'])).json<ClockResetReport>()).toMatchObject({ changed: 'no' })
    expect((await brine(['clock', 'show'])).code).toBe(0)
    const { commands } = (await brine(['history', 'list', 'ca/acme', '--json'])).json<HistoryReport>()
    expect(commands.find(({ type }) => type === 'clock.reset')).toMatchObject({ reason: 'the clock was ahead' })
    for (const args of [['roa', 'add', 'acme', '192.0.2.128/25 => 64496'], ['tick'], ['audit', 'verify']])
      expect((await brine(args)).code, args.join(' ')).toBe(0)
    await judge(context, dir)
  })
})

/** Lets rpki-client judge the tree with its own clock. */
async function judge(context: TestContext, dir: string): Promise<void> {
  const rpkiClient = findProgram('rpki-client')
  if (rpkiClient === undefined) context.skip('missing: rpki-client')
  const [into, out] = [join(dir, '..', 'into'), join(dir, '..', 'out')]
  await brineAt(['pubserver', 'write', '--into', into], { dataDir: dir })
  mkdirSync(out, { mode: 0o777 })
  if (process.getuid?.() === 0) chownSync(out, Number(execFileSync('id', ['-u', '_rpki-client'])), 0)
  const tal = join(dir, 'repo', 'ta', 'ta.tal')
  execFileSync(rpkiClient as string, ['-n', '-j', '-c', '-d', into, '-t', tal, out], { stdio: 'pipe' })
  const vrps = readFileSync(join(out, 'csv'), 'utf8').trim().split('\n').slice(1)
  expect(vrps.map((line) => line.split(',').slice(0, 3).join()).sort()).toEqual([
    'AS64496,192.0.2.0/25,25',
    'AS64496,192.0.2.128/25,25',
  ])
}

it('after a clock that was ahead by seconds the record alone is set back', async (context) => {
  used = await machine(context)
  const { dir, off, brine } = used
  expect(off('+20 seconds', ['roa', 'add', 'acme', '192.0.2.0/25 => 64496']).code).toBe(0)
  const before = numbersIn(dir)
  const done = (await brine([...RESET, '--json'])).json<ClockResetReport>()
  expect(done).toMatchObject({ changed: 'yes', reset: ['pubserver/0', 'ca/acme'], failed: [] })
  // thisUpdate is backdated by five minutes, so that nothing was published in the future
  expect(numbersIn(dir)).toEqual(before)
  expect((await brine(['roa', 'add', 'acme', '192.0.2.128/25 => 64496'])).code).toBe(0)
  expect((await brine(['audit', 'verify'])).code).toBe(0)
})

it('a clock that is behind is refused, and needs no reset once it is right', async (context) => {
  used = await machine(context)
  const { off, brine } = used
  const behind = off('-1 day', ['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])
  expect([behind.code, behind.stderr]).toEqual([1, expect.stringContaining('if the clock is wrong, correct the clock')])
  expect((await brine(['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])).code).toBe(0)
})

it('a revocation whose object had expired in the future is on the CRL of the present again', async (context) => {
  used = await machine(context)
  const { dir, off, brine } = used
  const revoked = (): number => {
    const { path = '' } = readServedTree(join(dir, 'repo')).find((file) => /acme\/.*\.crl$/.test(file.path)) ?? {}
    const file = join(dir, 'repo', 'rsync', 'current', path)
    const text = execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text', '-in', file], {
      encoding: 'utf8',
    })
    return text.split('Serial Number:').length - 1
  }
  expect((await brine(['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])).code).toBe(0)
  expect((await brine(['roa', 'remove', 'acme', '192.0.2.0/24 => 64496'])).code).toBe(0)
  const before = revoked()
  expect(off('+15700 days', ['republish', '--now']).code).toBe(0)
  expect(revoked()).toBeLessThan(before)
  expect((await brine(RESET)).code).toBe(0)
  expect(revoked()).toBeGreaterThanOrEqual(before)
})

describe('on a stand-by and after a restore', () => {
  it('a reset is refused with 20 and says what to do; promote --clock-is-right does it', async (context) => {
    used = await machine(context)
    spoil(used, '+2 days')
    const before = numbersIn(used.dir)
    const second = join(used.dir, '..', 'second')
    copyDir(used.dir, second)
    const copy = commandsIn(second)
    const refused = await copy.brine(RESET)
    expect([refused.code, refused.stderr]).toEqual([20, expect.stringContaining('brine promote --clock-is-right')])
    expect(
      (await copy.brine(['status', '--json'])).json<StatusReport>().concerns.map((c) => `${c.level} ${c.code}`),
    ).toEqual(expect.arrayContaining(['warning clock-behind', 'warning published-in-future']))
    const early = await copy.brine(['promote', '--yes', ...REASON])
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('--clock-is-right')])
    const done = await copy.brine(['promote', '--yes', '--clock-is-right', ...REASON])
    expect(done.code, done.stderr).toBe(0)
    expectPresent(second, before)
    expect((await copy.brine(['tick'])).code).toBe(0)
    expect((await copy.brine(['audit', 'verify'])).code).toBe(0)
    expect((await copy.brine(['status', '--json'])).json<StatusReport>().verdict).toBe('ok')
  })

  it('a backup from before is restored and promoted over a tree of the future', async (context) => {
    used = await machine(context)
    const { dir, brine } = used
    const backup = join(dir, '..', 'before.tar.gz')
    expect((await brine(['backup', 'create', backup, '--plain'])).code).toBe(0)
    spoil(used, '+2 days')
    const before = numbersIn(dir)
    expect((await brine(['restore', backup, '--into', dir, '--replace', '--yes'])).code).toBe(0)
    const early = await brine(['promote', '--yes', ...REASON])
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('--clock-is-right')])
    const done = await brine(['promote', '--yes', '--clock-is-right', ...REASON])
    expect(done.code, done.stderr).toBe(0)
    expectPresent(dir, before)
    expect((await brine(['tick'])).code).toBe(0)
    expect((await brine(['audit', 'verify'])).code).toBe(0)
  })
})

it('the test clock is set to BRINE_NOW, in a directory with circuits and passwords of the future', async () => {
  const { path, remove } = scratchDir()
  const dataDir = join(path, 'data')
  const [present, future] = ['2026-06-01T00:00:00Z', '2069-06-01T00:00:00Z']
  const at = async (time: string, ...args: string[]) => {
    const run = await runBrine(args, { dataDir, now: time })
    expect(run.code, `${args.join(' ')}: ${run.stderr}`).toBe(0)
    return run
  }
  await at(
    present,
    'testbed',
    'init',
    '--test',
    '--rsync',
    'rsync://r.example/repo/',
    '--rrdp',
    'https://r.example/rrdp/',
  )
  const { writeFileSync } = await import('node:fs')
  const ca = (id: string) =>
    `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "/nowhere/a.pem"\nca_key = "/nowhere/a.key"\n`
  const label = '[[est.label]]\nname = "device"\nca_id = "a"\nprofile = "deviceCert"\nauth = "password"\n'
  writeFileSync(
    join(dataDir, 'brine.toml'),
    `${ca('a')}${ca('b')}[[ha.group]]\nname = "g"\nca_ids = ["a", "b"]\n${label}`,
  )
  await at(future, 'republish', '--now')
  await at(future, 'ha', 'probe')
  await at(future, 'ha', 'drain', 'b', '--reason', 'work', '--for', '2h', '--yes')
  await at(future, 'est', 'otp', 'create', 'device')
  const shown = (await runBrine(['clock', 'show', '--json'], { dataDir, now: present })).json<FutureReport>()
  expect(shown.aggregates.find(({ aggregate }) => aggregate === 'ha/0')?.entries.length).toBeGreaterThan(0)
  expect(shown.aggregates.find(({ aggregate }) => aggregate === 'est/0')?.entries).toEqual([
    expect.stringContaining('one-time password'),
  ])
  const done = await at(present, ...RESET, '--json')
  expect(done.json<ClockResetReport>()).toMatchObject({ changed: 'yes', failed: [] })
  const after = (await at(present, 'ha', 'status', '--json')).json<{
    groups: { members: { ca: string; openUntil: string | null; admin: { until: string } | null }[] }[]
  }>()
  const members = after.groups.flatMap((g) => g.members)
  expect(members.every(({ openUntil }) => openUntil === null || openUntil < '2027')).toBe(true)
  expect(members.find((m) => m.ca === 'b')?.admin?.until.slice(0, 13)).toBe('2026-06-01T02')
  const otp = (await at(present, 'est', 'otp', 'list', '--json')).stdout
  expect(otp).toContain('2026-06-0')
  expect(otp).not.toContain('2069')
  await at(present, 'tick')
  await at(present, 'audit', 'verify')
  expect(existsSync(join(dataDir, 'repo', 'ta', 'ta.cer'))).toBe(true)
  remove()
})

it('the signing times of messages to peers are set to the present, with nothing else of the future', async () => {
  const { path, remove } = scratchDir()
  const dataDir = join(path, 'data')
  const present = '2026-06-01T00:00:00Z' as Instant
  const future = '2027-06-01T00:00:00Z' as Instant
  const at = (...args: string[]) => runBrine(args, { dataDir, now: present })
  expect((await at('testbed', 'init', '--test')).code).toBe(0)
  const next = () => withHost(dataDir, 'parent.example:443', (clock) => clock.use(present))
  await withHost(dataDir, 'parent.example:443', (clock) => clock.use(future))
  expect(await next()).toBe(future)
  const shown = await at('clock', 'show')
  expect([shown.code, shown.stdout]).toEqual([
    1,
    expect.stringContaining('messages to parent.example:443: last one signed with 2027-06-01T00:00:00Z'),
  ])
  expect((await at(...RESET, '--dry-run', '--json')).json<ClockResetReport>()).toMatchObject({ wouldChange: true })
  expect(await next()).toBe(future)
  const done = await at(...RESET)
  expect([done.code, done.stdout]).toEqual([
    0,
    expect.stringContaining('clock: 0 aggregates and 1 host set to 2026-06-01T00:00:00Z'),
  ])
  expect(await next()).toBe(present)
  expect((await at('clock', 'show')).code).toBe(0)
  expect((await at(...RESET, '--json')).json<ClockResetReport>()).toMatchObject({ changed: 'no' })
  remove()
})
