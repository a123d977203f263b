/** The plan by the due index is the plan over all CAs, whatever came before; what the rotation of checks finds stays found. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addCa, removeCa } from '../../../../src/core/app/authority/cas.js'
import { suspendChild, unsuspendChild, updateChild } from '../../../../src/core/app/authority/children.js'
import { activateKeyroll, cancelKeyroll, initKeyroll } from '../../../../src/core/app/authority/keyroll.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../src/core/app/authority/roas.js'
import { tick } from '../../../../src/core/app/operations/tick.js'
import { type Indexing, planDue } from '../../../../src/core/app/republishing/due-plan.js'
import { planRepublish, type RepublishPlan } from '../../../../src/core/app/republishing/republish-plan.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { copyDir } from '../../../support/processes/cli.js'
import { sampled, sampleSeed, seededNumbers } from '../../../support/processes/sample.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const START = '2026-11-21T12:00:00Z' as Instant
const TESTBED = parseHandle('testbed')
/** Checks nothing beyond what is due, so that the index alone decides. */
const ALONE: Indexing = { version: '1', least: 0 }
const { dir: root, remove } = scratchFolder('due-plan')
const seed = join(root, 'seed')
const dir = join(root, 'data')
const prefix = (n: number): string => `10.0.${n}.0/24`
const ca = (n: number): Handle => parseHandle(`ca${n}`)

beforeAll(async () => {
  await newTestbed(seed, START)
  for (const n of [0, 1, 2, 3]) {
    const under = { parent: n === 3 ? ca(0) : TESTBED, resources: parseResources(prefix(n === 3 ? 0 : n)) }
    await addCa(await quickSession(seed, addSeconds(START, 60 * (n + 1))), ca(n), under)
  }
}, 60_000)
afterAll(remove)
beforeEach(() => void copyDir(seed, dir))
afterEach(() => fs.rmSync(dir, { recursive: true }))

const BEGUN = addSeconds(START, 600)

function shown({ times: _, all: __, scheduled: ___, damaged, failed, ...plan }: RepublishPlan): unknown {
  const said = [...damaged, ...failed].map(({ ca: of, code }) => `${of} ${code}`)
  return {
    ...plan,
    said,
    activating: [...plan.activating],
    rolls: plan.rolls.map((roll) => `${roll.ca} ${roll.class}`),
  }
}

/** Holds the rotation back, so that it hides no fault of the index. */
function holdRotation({ store, now }: Session): void {
  store.status.write('checks', { at: now(), last: 'zz' })
}

/** Compares the two plans at a time, twice: the first one may make the index anew. */
async function compare(now: Instant, index = ALONE): Promise<void> {
  const session = await quickSession(dir, now)
  for (let run = 0; run < 2; run++) {
    holdRotation(session)
    const full = await planRepublish(session, { inspect: true })
    expect(shown(await planDue(session, index, { inspect: true }))).toEqual(shown(full))
  }
}

/** Returns how many CAs a run reads. */
async function countRead(now: Instant, index = ALONE): Promise<number> {
  const session = await quickSession(dir, now)
  holdRotation(session)
  return (await planDue(session, index, { inspect: true })).all.length
}

/** Does what a promote does before its first commit; a test directory is always the primary. */
function raiseGeneration(): void {
  const path = join(dir, 'brine.json')
  const marker = JSON.parse(fs.readFileSync(path, 'utf8')) as { readonly generation: number }
  fs.writeFileSync(path, JSON.stringify({ ...marker, generation: marker.generation + 1 }))
}

const changes: readonly ((session: Session, random: (below: number) => number) => Promise<unknown>)[] = [
  (s, r) => addCa(s, ca(r(6)), { parent: r(2) === 0 ? TESTBED : ca(r(6)), resources: parseResources(prefix(r(4))) }),
  (s, r) => removeCa(s, ca(r(6))),
  (s, r) => updateRoas(s, ca(r(4)), roaArguments({ add: [`${prefix(r(4))} => ${64_500 + r(3)}`] })),
  (s, r) => updateRoas(s, ca(r(4)), roaArguments({ remove: [`${prefix(r(4))} => ${64_500 + r(3)}`] })),
  (s, r) => updateChild(s, TESTBED, ca(r(4)), () => parseResources(`${prefix(r(4))}, ${prefix(9)}`)),
  (s, r) => suspendChild(s, TESTBED, ca(r(4))),
  (s, r) => unsuspendChild(s, TESTBED, ca(r(4))),
  (s, r) =>
    initKeyroll(s, ca(r(4)), { className: null, compromised: r(4) === 0, activateAfter: r(2) === 0 ? 3600 : null }),
  (s, r) => activateKeyroll(s, ca(r(4)), { className: null, now: true, compromised: false }),
  (s, r) => cancelKeyroll(s, ca(r(4)), null),
  (s) => tick(s, undefined, ALONE),
  (s) => tick(s, undefined, ALONE),
  async () => raiseGeneration(),
  async (s, r) => fs.writeFileSync(join(s.store.dir, 'brine.toml'), `timing_publish_hours_before_next = ${5 + r(9)}\n`),
  async (s, r) => fs.writeFileSync(join(s.store.dir, 'brine.toml'), r(2) === 0 ? 'rrdp_interval = "1h"\n' : ''),
]

describe('a random history', () => {
  const seeds = sampled(
    Array.from({ length: 12 }, (_, n) => n),
    3,
  )
  test.each(seeds)('%i: is planned by the index as without it', { timeout: 120_000 }, async (number) => {
    const next = seededNumbers(1000 * sampleSeed + number)
    const random = (below: number): number => Math.floor(next() * below)
    let now = BEGUN
    for (let step = 0; step < 25; step++) {
      now = addSeconds(now, 1 + random(random(4) === 0 ? 90_000 : 3000))
      const change = changes[random(changes.length)]
      const session = await quickSession(dir, now)
      try {
        await change?.(session, random)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
      }
      await compare(now)
      // a clock that is ahead, and one that is behind
      if (random(3) === 0) await compare(addSeconds(now, random(200_000)))
      if (random(3) === 0) await compare(addSeconds(now, -random(20_000)))
    }
  })
})

test('reads no CA while nothing is due, and those that a commit names', async () => {
  await compare(BEGUN)
  expect(await countRead(BEGUN)).toBe(1)
  await updateRoas(await quickSession(dir, addSeconds(BEGUN, 60)), ca(1), roaArguments({ add: ['10.0.1.0/24 => 1'] }))
  // the trust anchor is read always
  expect(await countRead(addSeconds(BEGUN, 120))).toBe(2)
  expect(await countRead(addSeconds(BEGUN, 120))).toBe(1)
})

test.each([
  ['another program', async () => ({ ...ALONE, version: '2' })],
  ['another configuration', async () => fs.writeFileSync(join(dir, 'brine.toml'), 'tick_period = "4m"\n')],
  ['an index that is gone', async () => fs.rmSync(join(dir, 'status/due.json'))],
  ['an index that is no record', async () => fs.writeFileSync(join(dir, 'status/due.json'), '{')],
  ['an index that was edited', async () => edit((text) => text.replaceAll('2026-11-2', '2027-11-2'))],
  ['a generation without a commit', async () => raiseGeneration()],
])('reads every CA with %s', async (_, change) => {
  await compare(BEGUN)
  expect(await countRead(BEGUN)).toBe(1)
  const index = (await change()) ?? ALONE
  expect(await countRead(BEGUN, index)).toBe(6)
  await compare(addSeconds(BEGUN, 3600), index)
})

function edit(change: (text: string) => string): void {
  const path = join(dir, 'status/due.json')
  fs.writeFileSync(path, change(fs.readFileSync(path, 'utf8')))
}

test('does not believe the index of a later history in an earlier copy', async () => {
  await compare(BEGUN)
  const early = copyDir(dir, join(root, 'early'))
  for (const n of [1, 2]) {
    const session = await quickSession(dir, addSeconds(BEGUN, 60 * n))
    await updateRoas(session, ca(n), roaArguments({ add: [`${prefix(n)} => 1`] }))
  }
  await compare(addSeconds(BEGUN, 300))
  fs.copyFileSync(join(dir, 'status/due.json'), join(early, 'status/due.json'))
  fs.rmSync(dir, { recursive: true })
  fs.renameSync(early, dir)
  await compare(addSeconds(BEGUN, 360))
})

test('finds what the index of another history conceals', async () => {
  await compare(BEGUN)
  const session = await quickSession(dir, BEGUN)
  const { store } = session
  const { text } = store.status.read('due') as { text: string }
  const late = text.replaceAll(/"due":"2026/g, '"due":"2027')
  const { sha256Hex } = await import('../../../../src/core/crypto/digest.js')
  store.status.write('due', { text: late, check: sha256Hex(Buffer.from(late)) })
  const plan = await planDue(session, { ...ALONE, least: 1 }, { inspect: true })
  expect(shown(plan)).toEqual(shown(await planRepublish(session, { inspect: true })))
})

test('finds a missing object within the time, says so at each run, and no more once it is back', async () => {
  await compare(BEGUN)
  const [object, path] = await session(BEGUN).then(objectOf)
  fs.renameSync(path, `${root}/aside`)
  let now = addSeconds(BEGUN, 60)
  let runs = 0
  for (let isFound = false; !isFound; runs++) {
    now = addSeconds(now, 3600)
    isFound = (await planDue(await session(now), ALONE, { inspect: true })).damaged.some((d) =>
      d.message.includes(object),
    )
    expect(runs).toBeLessThan(24)
  }
  expect((await planDue(await session(now), ALONE, { inspect: true })).damaged).toHaveLength(1)
  fs.renameSync(`${root}/aside`, path)
  expect((await planDue(await session(now), ALONE, { inspect: true })).damaged).toEqual([])
})

test('reads the CA of which a ROA has a date, at that date', async () => {
  const from = addSeconds(BEGUN, 3600)
  await updateRoas(await quickSession(dir, BEGUN), ca(1), roaArguments({ add: [`${prefix(1)} => 64496`] }), {
    dates: { from },
  })
  const at = async (now: Instant): Promise<readonly unknown[]> => {
    const session = await quickSession(dir, now)
    holdRotation(session)
    const { scheduled, nextDue } = await planDue(session, ALONE, { inspect: true })
    return [[...scheduled], nextDue]
  }
  await at(addSeconds(BEGUN, 60))
  expect(await at(addSeconds(from, -1))).toEqual([[], from])
  expect(await at(from)).toEqual([[[ca(1), from]], from])
})

test('finds it at once in a small directory', async () => {
  await compare(BEGUN)
  const [, path] = await session(BEGUN).then(objectOf)
  fs.rmSync(path)
  expect((await planDue(await session(BEGUN), { version: '1' }, { inspect: true })).damaged).toHaveLength(1)
})

test('fails for a CA that cannot be read, and for nothing once it is back', async () => {
  await compare(BEGUN)
  const path = join(dir, 'cas/ca2/command-1.json')
  const bytes = fs.readFileSync(path)
  const wide: Indexing = { version: '1' }
  fs.writeFileSync(path, bytes.subarray(1))
  expect((await planDue(await session(BEGUN), wide, {})).failed).toMatchObject([{ ca: 'ca2' }])
  // found, it is read by each run
  await compare(addSeconds(BEGUN, 60))
  fs.writeFileSync(path, bytes)
  await compare(addSeconds(BEGUN, 120))
})

const session = (now: Instant): Promise<Session> => quickSession(dir, now)

/** Returns an object that one CA publishes, and its file. */
async function objectOf({ store }: Session): Promise<readonly [string, string]> {
  const { caState } = await import('../../../../src/core/app/session/context.js')
  const { Work } = await import('../../../../src/core/eventsourcing/work.js')
  const { publishedFiles } = await import('../../../../src/core/ca/state/files.js')
  return store.read(async (reader) => {
    const [file] = publishedFiles(caState(new Work(reader), ca(2)))
    return [file?.sha256 ?? '', store.layout.object(file?.sha256 ?? ('' as never))]
  })
}
