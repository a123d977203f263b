/** Dates of ROAs: what a set accepts, what is due at a time, and that the ROAs in effect are those that the dates say. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { datedChanges, type SetDates } from '../../../src/core/app/authority/roa-dates.js'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { dueRoas, scheduledDue } from '../../../src/core/ca/roa-schedule.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, START, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const HOUR = 3600
const ROA = '192.0.2.0/24-24 => 64496'
const OTHER = '192.0.2.0/25-25 => 64496'
const at = (hours: number): Instant => addSeconds(START, hours * HOUR)

async function acme(): Promise<World> {
  const world = emptyWorld({})
  await chainOf(world, ['acme', '192.0.2.0/24, AS64496'])
  return world
}

function payload(text: string) {
  const parsed = parseRoaPayload(text)
  if ('faults' in parsed) throw new Error(text)
  return parsed.ok.payload
}

type Lists = { readonly add?: readonly string[]; readonly remove?: readonly string[] }

async function give(world: World, { add = [], remove = [] }: Lists, dates: SetDates = {}, isIdempotent = false) {
  const wanted = {
    add: add.map((text) => ({ payload: payload(text), comment: null })),
    remove: remove.map(payload),
  }
  const now = world.tx.ports.clock.now()
  const changes = datedChanges(world.ca('acme'), wanted, dates, { now, isIdempotent })
  return runCa(world.tx, ACME, { type: 'roas.update', ...changes })
}

/** Does what `tick` does. */
async function runDue(world: World): Promise<readonly (readonly [Instant, number, number, number])[]> {
  const now = world.tx.ports.clock.now()
  const groups = dueRoas(world.ca('acme'), now)
  for (const { add, remove, missed } of groups) {
    const rows = missed.map((one) => ({ payload: one, comment: null, from: null, until: null }))
    await runCa(world.tx, ACME, { type: 'roas.update', add, remove, dates: { at: now, rows } })
  }
  return groups.map((group) => [group.at, group.add.length, group.remove.length, group.missed.length])
}

async function codes(run: Promise<unknown>): Promise<readonly string[]> {
  const error = await run.then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!(error instanceof Rejected)) throw new Error('not rejected')
  const { faults } = error.error.details as { faults?: readonly { code: string }[] }
  return faults?.map((f) => f.code) ?? [error.error.code]
}

const inEffect = (world: World): readonly string[] => Object.keys(world.ca('acme').roas).sort()
const waiting = (world: World): readonly string[] => Object.keys(world.ca('acme').scheduled ?? {}).sort()

describe('dates of ROAs', () => {
  test('from only: nothing is published before, then it is added and no date is left', async () => {
    const world = await acme()
    const events = await give(world, { add: [ROA] }, { from: at(24) })
    expect(events.map(({ type }) => type)).toEqual(['roas.scheduled'])
    expect([inEffect(world), waiting(world), scheduledDue(world.ca('acme'))]).toEqual([[], [ROA], at(24)])
    world.pass(23 * HOUR)
    expect(await runDue(world)).toEqual([])
    world.pass(HOUR)
    expect(await runDue(world)).toEqual([[at(24), 1, 0, 0]])
    expect([inEffect(world), waiting(world), scheduledDue(world.ca('acme'))]).toEqual([[ROA], [], null])
    expect('scheduled' in world.ca('acme')).toBe(false)
  })

  test('until only: in effect at once, removed at its end', async () => {
    const world = await acme()
    await give(world, { add: [ROA] }, { until: at(24) })
    expect([inEffect(world), waiting(world)]).toEqual([[ROA], [ROA]])
    world.pass(24 * HOUR)
    expect(await runDue(world)).toEqual([[at(24), 0, 1, 0]])
    expect([inEffect(world), waiting(world)]).toEqual([[], []])
  })

  test('both: added, then removed', async () => {
    const world = await acme()
    await give(world, { add: [ROA] }, { from: at(1), until: at(2) })
    world.pass(HOUR)
    await runDue(world)
    expect([inEffect(world), world.ca('acme').scheduled?.[ROA]?.from, scheduledDue(world.ca('acme'))]).toEqual([
      [ROA],
      undefined,
      at(2),
    ])
    world.pass(HOUR)
    await runDue(world)
    expect([inEffect(world), waiting(world)]).toEqual([[], []])
  })

  test.each<readonly [string, SetDates, readonly string[]]>([
    ['until before from', { from: at(2), until: at(1) }, ['roa-dates-order']],
    ['until at from', { from: at(2), until: at(2) }, ['roa-dates-order']],
    ['from in the past', { from: at(-1) }, ['roa-date-past']],
    ['from now', { from: at(0) }, ['roa-date-past']],
    ['until in the past', { until: at(-1) }, ['roa-date-past']],
  ])('%s is refused and changes nothing', async (_, dates, expected) => {
    const world = await acme()
    expect(await codes(give(world, { add: [ROA] }, dates))).toEqual(expected)
    expect([inEffect(world), waiting(world)]).toEqual([[], []])
  })

  test('a ROA that is there gets an end, and loses it again; it cannot be added later', async () => {
    const world = await acme()
    await give(world, { add: [ROA] })
    expect(await codes(give(world, { add: [ROA] }, { from: at(1) }))).toEqual(['roa-duplicate'])
    await give(world, { add: [ROA] }, { until: at(5) })
    expect(world.ca('acme').scheduled?.[ROA]?.until).toBe(at(5))
    expect(await codes(give(world, { add: [ROA] }, { until: at(5) }))).toEqual(['roa-duplicate'])
    expect(await give(world, { add: [ROA] }, { until: at(5) }, true)).toEqual([])
    await give(world, { add: [ROA] }, { until: 'never' })
    expect([inEffect(world), waiting(world)]).toEqual([[ROA], []])
  })

  test('what waits is put off, brought forward and cancelled', async () => {
    const world = await acme()
    await give(world, { add: [ROA, OTHER] }, { from: at(1), until: at(9) })
    await give(world, { add: [ROA] }, { from: at(2) })
    expect(world.ca('acme').scheduled?.[ROA]).toMatchObject({ from: at(2), until: at(9) })
    await give(world, { add: [ROA] })
    expect([inEffect(world), world.ca('acme').scheduled?.[ROA]?.until]).toEqual([[ROA], at(9)])
    await give(world, { remove: [OTHER] })
    expect([inEffect(world), waiting(world)]).toEqual([[ROA], [ROA]])
    await give(world, { remove: [ROA] })
    expect([inEffect(world), waiting(world)]).toEqual([[], []])
    expect(await codes(give(world, { remove: [ROA] }))).toEqual(['roa-unknown'])
  })

  test('a change of one set at one instant is one command: the new ROA comes as the old one goes', async () => {
    const world = await acme()
    await give(world, { add: [ROA] })
    await give(world, { add: [OTHER], remove: [ROA] }, { from: at(3) })
    expect(inEffect(world)).toEqual([ROA])
    world.pass(3 * HOUR)
    expect(await runDue(world)).toEqual([[at(3), 1, 1, 0]])
    expect([inEffect(world), waiting(world)]).toEqual([[OTHER], []])
  })

  test('tick late by days: what has ended meanwhile is never added', async () => {
    const world = await acme()
    await give(world, { add: [ROA] }, { from: at(1), until: at(2) })
    await give(world, { add: [OTHER] }, { from: at(3) })
    world.pass(100 * HOUR)
    expect(await runDue(world)).toEqual([
      [at(2), 0, 0, 1],
      [at(3), 1, 0, 0],
    ])
    expect([inEffect(world), waiting(world)]).toEqual([[OTHER], []])
  })

  test('clock backwards: what was done stays, and nothing is due again', async () => {
    const world = await acme()
    await give(world, { add: [ROA] }, { from: at(1) })
    expect(dueRoas(world.ca('acme'), at(1))).toHaveLength(1)
    world.pass(HOUR)
    await runDue(world)
    expect(dueRoas(world.ca('acme'), at(-5))).toEqual([])
    expect(inEffect(world)).toEqual([ROA])
  })

  test('a resource lost meanwhile: the ROA is configured at its date, and published when the resource is back', async () => {
    const world = await acme()
    expect(await codes(give(world, { add: ['198.51.100.0/24-24 => 1'] }, { from: at(1) }))).toEqual(['roa-not-held'])
    await give(world, { add: [ROA] }, { from: at(1) })
    await updateIn(world, 'acme', 'AS64496')
    world.pass(HOUR)
    await runDue(world)
    const objects = () =>
      Object.values(world.ca('acme').classes).flatMap(({ keys }) => Object.keys(keys[0]?.point.objects ?? {}))
    expect([inEffect(world), objects()]).toEqual([[ROA], []])
    await updateIn(world, 'acme', '192.0.2.0/24, AS64496')
    expect(objects()).toHaveLength(1)
  })

  test('property: after each run the ROAs in effect are those that the dates say', async () => {
    const texts = [ROA, OTHER, '192.0.2.128/25-25 => 64497']
    const hours = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined })
    const step = fc.record({
      text: fc.constantFrom(...texts),
      from: hours,
      until: hours,
      wait: fc.integer({ min: 0, max: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const world = await acme()
        const model = new Map<string, { from: Instant; until: Instant | undefined }>()
        for (const { text, from, until, wait } of steps) {
          const now = world.tx.ports.clock.now()
          const later = (n: number | undefined) => (n === undefined ? undefined : addSeconds(now, n * HOUR))
          const dates = { from: later(from), until: later(until) }
          const before = model.get(text)
          const isIn = before !== undefined && before.from <= now
          const taken = await give(world, { add: [text] }, dates).then(
            () => true,
            () => false,
          )
          const end = dates.until ?? before?.until
          if (taken) model.set(text, { from: isIn ? before.from : (dates.from ?? now), until: end })
          world.pass(wait * HOUR)
          await runDue(world)
          const then = world.tx.ports.clock.now()
          for (const [name, dated] of model) if (dated.until !== undefined && dated.until <= then) model.delete(name)
          const expected = [...model].filter(([, dated]) => dated.from <= then).map(([name]) => name)
          expect(inEffect(world)).toEqual(expected.sort())
        }
      }),
      { numRuns: 60 },
    )
  })
})
