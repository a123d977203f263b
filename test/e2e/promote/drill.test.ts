/**
 * The drill of the failure scenarios: two hosts with one crontab, a served tree that both reach, a copy that is refreshed. The primary dies
 * just before it would have issued anew; the stand-by takes over in the last minutes of the eight hours less the cron period.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { initDirectory } from '../../../src/core/app/operations/init.js'
import type { PromoteReport } from '../../../src/core/app/operations/promote.js'
import { initTestbed } from '../../../src/core/app/operations/testbed.js'
import { type TickReport, tick } from '../../../src/core/app/operations/tick.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { epochOf, type Instant, instantOf } from '../../../src/core/base/time.js'
import { runOnline, serverRoots, skipUnlessOnline } from '../../support/peers/online.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { complaints, manifestsOf, readServedTree } from '../../support/rpki/served-tree.js'
import { quickSession, scratchFolder } from '../../support/sites/testbed.js'
import { contentsOf } from '../../support/store/frozen-store.js'

const HOUR = 3600
const PERIOD = 300
const ACME = parseHandle('acme')
const VRPS = ['AS64496,192.0.2.0/24,24']
const REASON = ['--reason', 'host a is dead']

const scratch = scratchFolder('standby')
const a = join(scratch.dir, 'a')
const b = join(scratch.dir, 'b')
const repo = join(scratch.dir, 'repo')
const cache = join(scratch.dir, 'cache')
const roots = join(scratch.dir, 'roots')
const present = (): Instant => instantOf(Date.now() / 1000)
/** What is published first runs out a few minutes after the present: the drill ends now. */
const start = Math.floor(Date.now() / 1000) - 24 * HOUR + 20 * 60
let promised: TickReport

const at = <T>(seconds: number, run: () => Promise<T>): Promise<T> => {
  vi.useFakeTimers({ toFake: ['Date'], now: seconds * 1000 })
  return run().finally(() => vi.useRealTimers())
}

/** The stand-by takes what is new, as the second line of its crontab does. */
function refresh(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  copyDir(from, to)
}

/** One run of the crontab on both hosts. */
async function cron(seconds: number, hosts: readonly string[] = [a, b]): Promise<readonly TickReport[]> {
  return at(seconds, async () => {
    const reports: TickReport[] = []
    for (const host of hosts) reports.push(await tick(await quickSession(host)))
    return reports
  })
}

/** Both validators, with the cache that they have kept since the primary lived. */
async function judge(vrps: readonly string[]): Promise<void> {
  const run = await runOnline(roots, join(repo, 'ta', 'ta.tal'), scratch.dir, { transport: 'rrdp', cache, vrps })
  expect(run.ok, run.output).toBe(true)
}

const highest = (): bigint =>
  [...manifestsOf(readServedTree(repo)).values()].reduce((n, m) => (m.number > n ? m.number : n), 0n)

const status = async (dataDir: string): Promise<StatusReport> =>
  (await runBrine(['status', '--json'], { dataDir })).json<StatusReport>()

/** The exit code, and the code of the error. */
async function refused(
  args: readonly string[],
  dataDir: string,
): Promise<readonly [number | null, string | undefined]> {
  const ran = await runBrine([...args, '--json'], { dataDir })
  return [ran.code, ran.json<{ error?: { code: string } }>().error?.code]
}

afterEach(() => void vi.useRealTimers())
afterAll(scratch.remove)

beforeAll(async () => {
  await at(start, async () => {
    await initDirectory({ dataDir: a, test: false })
    writeFileSync(join(a, 'brine.toml'), `repo_dir = "${repo}"\ntiming_publish_next_jitter_hours = 0\n`)
    const bases = { rsyncBase: 'rsync://rpki.example/repo/', rrdpBase: 'https://rpki.example/rrdp/' }
    await initTestbed((await quickSession(a)).options, { ...bases, test: false })
    const resources = resourcesOf('192.0.2.0/24')
    await addCa(await quickSession(a), ACME, { parent: parseHandle('testbed'), resources })
    await updateRoas(await quickSession(a), ACME, roaArguments({ add: ['192.0.2.0/24 => 64496'] }))
  })
  refresh(a, b)
  serverRoots(repo, roots)
}, 60_000)

describe('the drill', () => {
  it('one crontab on both: the primary waits for what is due, the stand-by does nothing and is quiet', async () => {
    const before = contentsOf(b)
    for (let t = start + PERIOD; t <= start + HOUR; t += PERIOD) {
      const [first, second] = await cron(t)
      expect([first?.role, first?.done, second?.role, second?.done]).toEqual(['primary', [], 'standby', []])
    }
    expect(contentsOf(b)).toEqual(before)
    expect((await runBrine(['tick'], { dataDir: b })).stdout).toBe('')
  })

  it('the primary dies before the run that would have issued anew: eight hours are left, less the cron period', async () => {
    const [report] = await cron(start + 2 * HOUR, [a])
    if (report?.nextDue == null || report.staleAt === null) throw new Error('nothing is published')
    promised = report
    const [due, stale] = [epochOf(report.nextDue), epochOf(report.staleAt)]
    expect(stale - due).toBe(8 * HOUR)
    // the last run of the primary finds nothing due, and there is no other
    const [last] = await cron(due - PERIOD + 1, [a])
    expect(last?.done).toEqual([])
    for (let t = due + 1; t < stale - PERIOD; t += HOUR) {
      const [alone] = await cron(t, [b])
      expect([alone?.role, alone?.staleAt]).toEqual(['standby', report.staleAt])
      expect(complaints(readServedTree(repo), instantOf(t))).toEqual([])
    }
    expect(epochOf(present())).toBeGreaterThan(due + 7 * HOUR)
    expect(epochOf(present())).toBeLessThan(stale - PERIOD / 2)
  })

  it('validators still see everything in the last minutes', async (context) => {
    skipUnlessOnline(context)
    await judge(VRPS)
  })

  it('the stand-by refuses to write until it is promoted, and then goes on beyond every number that was seen', async () => {
    expect(await refused(['roa', 'add', 'acme', '192.0.2.0/25=64497'], b)).toEqual([20, 'standby'])
    const seen = highest()
    const report = (await brine(['promote', ...REASON, '--yes', '--json'], { dataDir: b })).json<PromoteReport>()
    expect(report).toMatchObject({ role: 'primary', generation: 2, dropped: [], failed: [] })
    expect(present() < (promised.staleAt ?? '')).toBe(true)
    const tree = readServedTree(repo)
    expect(complaints(tree, present())).toEqual([])
    expect([...manifestsOf(tree).values()].every((m) => m.number > seen && m.number >= BigInt(start))).toBe(true)
    await brine(['roa', 'add', 'acme', '192.0.2.0/25=64497'], { dataDir: b })
    await brine(['tick'], { dataDir: b })
    await brine(['audit', 'verify'], { dataDir: b })
  })

  it('validators with their caches take the new primary at its word', async (context) => {
    skipUnlessOnline(context)
    await judge([...VRPS, 'AS64497,192.0.2.0/25,25'])
  })

  it('the old primary that comes back is refused before it writes anything', async () => {
    const [before, served] = [contentsOf(a, /^(\.lock|status\/)/), contentsOf(repo)]
    for (const args of [
      ['tick'],
      ['republish', '--now'],
      ['roa', 'add', 'acme', '192.0.2.0/26=64498'],
      ['roa', 'add', 'acme', '203.0.113.0/24=64498'],
      ['pubserver', 'write'],
      ['pubserver', 'session-reset', '--yes'],
    ])
      expect(await refused(args, a), args.join(' ')).toEqual([20, 'standby-superseded'])
    expect(contentsOf(a, /^(\.lock|status\/)/)).toEqual(before)
    expect(contentsOf(repo)).toEqual(served)
    expect(await status(a)).toMatchObject({ verdict: 'critical' })
    expect((await status(a)).concerns.map((c) => c.code)).toContain('superseded')
  })

  it('demoted, it is the stand-by of the new one: its crontab is quiet, its copy is refreshed', async () => {
    await brine(['demote', '--reason', 'host b has taken over'], { dataDir: a })
    const refused = await runBrine(['roa', 'add', 'acme', '192.0.2.0/27=AS64496', '--json'], { dataDir: a })
    expect(refused.json<{ error: object }>().error).toMatchObject({
      message: expect.stringMatching(/changes go to the primary, \S+ \(generation 2 of [0-9a-f-]+, since \S+Z\)$/),
      hint: expect.stringMatching(/^if \S+ is lost permanently: brine promote/),
      details: { reason: 'demoted', generation: 2 },
    })
    expect(await brine(['tick'], { dataDir: a })).toMatchObject({ code: 0, stdout: '' })
    refresh(b, a)
    expect(await status(a)).toMatchObject({ role: 'standby', standby: { reason: 'copy' }, generation: 2 })
    expect((await brine(['roa', 'list', 'acme', '--json'], { dataDir: a })).stdout).toContain('192.0.2.0/25')
  })

  it('and back as planned: demote, refresh, promote', async () => {
    await brine(['demote', '--reason', 'host a is repaired'], { dataDir: b })
    refresh(b, a)
    const report = (
      await brine(['promote', '--reason', 'moved back', '--yes', '--json'], { dataDir: a })
    ).json<PromoteReport>()
    expect(report).toMatchObject({ generation: 3, failed: [] })
    expect(complaints(readServedTree(repo), present())).toEqual([])
    expect(await brine(['tick'], { dataDir: b })).toMatchObject({ code: 0, stdout: '' })
    await brine(['audit', 'verify'], { dataDir: a })
  })

  it('of two that were promoted from one copy the later one counts, and the other can be put above it', async () => {
    const c = join(scratch.dir, 'c')
    refresh(a, b)
    refresh(a, c)
    await brine(['promote', ...REASON, '--yes'], { dataDir: b })
    const report = (await brine(['promote', ...REASON, '--yes', '--json'], { dataDir: c })).json<PromoteReport>()
    expect(report.generation).toBe(5)
    expect(await refused(['tick'], b)).toEqual([20, 'standby-superseded'])
    await brine(['demote', '--reason', 'host c is wrong'], { dataDir: b })
    expect(
      (await brine(['promote', ...REASON, '--yes', '--json'], { dataDir: b })).json<PromoteReport>().generation,
    ).toBe(6)
    expect(await refused(['tick'], c)).toEqual([20, 'standby-superseded'])
  })
})
