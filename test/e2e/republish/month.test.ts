/** A month of `tick` by cron: no instant at which anything is stale, nothing written when nothing is due, everything renewed in time. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { type TickReport, tick } from '../../../src/core/app/operations/tick.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, epochOf, type Instant, instantOf, secondsBetween } from '../../../src/core/base/time.js'
import { isSlow, sampleSeed } from '../../support/processes/sample.js'
import { complaints, firstEnd, manifestsOf, readServedTree } from '../../support/rpki/served-tree.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../../support/sites/testbed.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'

const MINUTE = 60
const HOUR = 3600
const DAY = 24 * HOUR
const PERIOD = 5 * MINUTE
/** A third of a month, from another day in each run; with SLOW=1 all of it. */
const DAYS = isSlow ? 30 : 10
const START = addSeconds('2027-01-01T00:00:00Z' as Instant, (sampleSeed % 365) * DAY)

const ACME = parseHandle('acme')
const BRANCH = parseHandle('branch')

interface Site {
  readonly dir: string
  readonly dataDir: string
  readonly repoDir: string
  readonly remove: () => void
}

/** Trust anchor, testbed, a CA, a CA below it, both with ROAs; `toml` is added to the configuration. */
async function newSite(name: string, toml = ''): Promise<Site> {
  const { dir, remove } = scratchFolder(name)
  const dataDir = join(dir, 'data')
  await brineOk(dataDir, ['init', '--test'], START)
  appendFileSync(join(dataDir, 'brine.toml'), toml)
  await newTestbed(dataDir, START)
  const add = async (ca: Handle, parent: Handle, resources: string, roa: string) => {
    const under = { parent, resources: resourcesOf(resources) }
    await addCa(await quickSession(dataDir, START), ca, under)
    await updateRoas(await quickSession(dataDir, START), ca, roaArguments({ add: [roa] }))
  }
  await add(ACME, parseHandle('testbed'), '192.0.2.0/24,2001:db8::/32,AS64496', '192.0.2.0/24 => 64496')
  await add(BRANCH, ACME, '2001:db8:1::/48', '2001:db8:1::/48-56 => 64497')
  return { dir, dataDir, repoDir: join(dataDir, 'repo'), remove }
}

async function tickAt(site: Site, at: Instant): Promise<TickReport> {
  const report = await tick(await quickSession(site.dataDir, at))
  expect(report.failed).toEqual([])
  return report
}

/** The first run of a cron line that runs every five minutes, at or after `instant`. */
function cronAfter(instant: Instant): Instant {
  return instantOf(Math.ceil(epochOf(instant) / PERIOD) * PERIOD)
}

function must(instant: Instant | null): Instant {
  if (instant === null) throw new Error('nothing is due, ever')
  return instant
}

/** Served until a moment ago: whatever the tree says now, it said since the last run, so its end must lie ahead. */
function expectNothingStale(site: Site, at: Instant): void {
  const tree = readServedTree(site.repoDir)
  expect(complaints(tree, addSeconds(at, -1)), at).toEqual([])
  expect(firstEnd(tree) >= at, at).toBe(true)
}

interface Lived {
  readonly idle: number
  readonly busy: number
}

/** Lives by cron until `end`: a run when something is due, and one every `idleHours` or so when nothing is. */
async function live(site: Site, from: Instant, end: Instant, idleHours: number): Promise<Lived> {
  let at = from
  let report = await tickAt(site, at)
  let listing = listingOf(site.dataDir)
  let [idle, busy] = [0, 0]
  while (at < end) {
    const due = cronAfter(must(report.nextDue))
    expect(due > at, `due at ${due}, told at ${at}`).toBe(true)
    const between = cronAfter(addSeconds(at, idleHours * HOUR))
    const isIdle = between < due
    at = isIdle ? between : due
    expectNothingStale(site, at)
    report = await tickAt(site, at)
    expect(report.staleAt).toBe(firstStale(site))
    const now = listingOf(site.dataDir)
    const changed = changesBetween(listing, now)
    if (isIdle) expect(changed, at).toEqual([])
    else expect(changed, at).not.toEqual([])
    expect(report.done.length > 0).toBe(!isIdle)
    listing = now
    if (isIdle) idle += 1
    else busy += 1
  }
  return { idle, busy }
}

function firstStale(site: Site): Instant {
  const ends = [...manifestsOf(readServedTree(site.repoDir)).values()].map((m) => m.nextUpdate).sort()
  return ends[0] ?? START
}

/** The manifest number of each CA, as served. */
function manifestNumbers(site: Site): ReadonlyMap<string, bigint> {
  return new Map(
    [...manifestsOf(readServedTree(site.repoDir))].map(([path, m]) => [path.split('/')[0] ?? '', m.number]),
  )
}

describe('a month with the defaults', () => {
  let site: Site
  beforeAll(async () => {
    site = await newSite('month')
  }, 60_000)
  afterAll(() => site.remove())

  test('nothing is stale at any instant, and nothing is written when nothing is due', async () => {
    const before = manifestNumbers(site)
    const { idle, busy } = await live(site, addSeconds(START, HOUR), addSeconds(START, DAYS * DAY), 5)
    expect(idle).toBeGreaterThan(DAYS * 0.6)
    expect(busy).toBeGreaterThan(DAYS * 1.3)
    for (const [ca, number] of manifestNumbers(site)) {
      const issued = Number(number - (before.get(ca) ?? 0n))
      // 20 to 24 hours of validity, issued anew with 8 left: every 12 to 16 hours
      expect(issued, ca).toBeGreaterThanOrEqual(Math.floor((DAYS * 24) / 16.1))
      expect(issued, ca).toBeLessThanOrEqual(Math.ceil((DAYS * 24) / 11.9))
    }
  }, 300_000)

  test('eight hours before its end a manifest stands, a moment later it is issued anew with its CRL', async () => {
    const { nextDue, staleAt } = await tickAt(site, addSeconds(START, (DAYS + 1) * DAY))
    const due = must(nextDue)
    expect(secondsBetween(due, must(staleAt))).toBe(8 * HOUR)
    const before = readServedTree(site.repoDir)
    expect((await tickAt(site, addSeconds(due, -1))).done).toEqual([])
    expect(readServedTree(site.repoDir)).toEqual(before)
    const { done } = await tickAt(site, due)
    const names = new Set(done.map(({ on }) => on))
    expect(names.size).toBeGreaterThan(0)
    const old = new Set(before.map((file) => file.sha256))
    const fresh = readServedTree(site.repoDir).filter((file) => !old.has(file.sha256))
    expect(fresh.map((file) => file.path.slice(-4)).sort()).toEqual([...names].flatMap(() => ['.crl', '.mft']).sort())
  })

  test('what is due is decided without the lock', async () => {
    const { nextDue } = await tickAt(site, addSeconds(START, (DAYS + 2) * DAY))
    const before = addSeconds(must(nextDue), -1)
    const holder = await quickSession(site.dataDir, before)
    await holder.store.exclusive(async () => {
      expect((await tickAt(site, before)).done).toEqual([])
    })
  })

  test.each([
    ['49 weeks: three weeks are left of ROAs and certificates', 49],
    ['two years: everything ran out', 104],
  ])('after %s, one run makes everything anew', async (_what, weeks) => {
    const before = readServedTree(site.repoDir)
    const at = addSeconds(firstEnd(before), weeks * 7 * DAY)
    expect(complaints(before, at)).not.toEqual([])
    await tickAt(site, at)
    const after = readServedTree(site.repoDir)
    expect(complaints(after, at)).toEqual([])
    const old = new Set(before.map((file) => file.sha256))
    expect(after.filter((file) => old.has(file.sha256)).map((file) => file.path)).toEqual([])
    expect(after.map((file) => file.path)).toEqual(before.map((file) => file.path))
    expect((await tickAt(site, addSeconds(at, MINUTE))).done).toEqual([])
  })
})

describe('a month with ROAs and certificates of two weeks', () => {
  let site: Site
  beforeAll(async () => {
    site = await newSite(
      'weeks',
      [
        'timing_roa_valid_weeks = 2',
        'timing_roa_reissue_weeks_before = 1',
        'timing_child_certificate_valid_weeks = 2',
        'timing_child_certificate_reissue_weeks_before = 1',
        '',
      ].join('\n'),
    )
  }, 60_000)
  afterAll(() => site.remove())

  test('ROAs and certificates are renewed before they run out', async () => {
    const { busy } = await live(site, addSeconds(START, HOUR), addSeconds(START, DAYS * DAY), 23)
    expect(busy).toBeGreaterThan(DAYS * 1.3)
    for (const file of readServedTree(site.repoDir)) {
      const age = secondsBetween(file.from, addSeconds(START, DAYS * DAY))
      if (/\.(?:cer|roa)$/.test(file.path)) expect(age, file.path).toBeLessThan(8 * DAY)
    }
  }, 300_000)
})
