/** Replay from a snapshot equals replay from event 0, for CAs, trust anchor and publication server, over random histories. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { syncResources } from '../../src/core/app/authority/resource-sync.js'
import { roaRows } from '../../src/core/app/changes/roa-rows.js'
import { CA, runCa, TA } from '../../src/core/app/session/context.js'
import { publishLocal } from '../../src/core/app/transaction/local-publication.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { canonicalJson } from '../../src/core/base/json.js'
import type { Staged } from '../../src/core/eventsourcing/store.js'
import type { DomainEvent } from '../../src/core/eventsourcing/types.js'
import { Rejected, replay } from '../../src/core/eventsourcing/work.js'
import { pubd } from '../../src/core/pubd/aggregate.js'
import { updateIn } from '../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../support/rpki/small-world.js'

const TOP = parseHandle('top')
const LEAF = parseHandle('leaf')
const prefix = (n: number) => ({ family: 4 as const, address: BigInt(0x0a000000 + n * 256), length: 24 })

type Step = (world: World) => Promise<unknown>

const roa = (n: number) => ({ asn: 64496 + (n % 3), prefix: prefix(n), maxLength: 24 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.nat(7).map(
    (n): Step =>
      (w) =>
        runCa(w.tx, LEAF, { type: 'roas.update', add: [{ payload: roa(n), comment: null }], remove: [] }),
  ),
  fc.nat(7).map(
    (n): Step =>
      (w) =>
        runCa(w.tx, LEAF, { type: 'roas.update', add: [], remove: [roa(n)] }),
  ),
  fc.constantFrom('10.0.0.0/21', '10.0.4.0/22, AS1', '10.0.0.0/23', '192.0.2.0/24').map(
    (r): Step =>
      (w) =>
        updateIn(w, 'leaf', r),
  ),
  fc.boolean().map(
    (force): Step =>
      (w) =>
        runCa(w.tx, TOP, { type: 'republish', force }),
  ),
  fc.nat(60).map(
    (weeks): Step =>
      async (w) => {
        w.pass(weeks * 7 * 86400)
        await syncResources(w.tx, TOP)
        await runCa(w.tx, LEAF, { type: 'republish', force: false })
      },
  ),
  fc.constant<Step>((w) => publishLocal(w.tx)),
)

/** A rejected command leaves no event; anything else that is thrown is a bug. */
async function take(world: World, next: Step): Promise<void> {
  try {
    await next(world)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
  }
}

function replayed(staged: Staged, from: number): unknown {
  if (staged.effect.result !== 'accepted') throw new Error('nothing was accepted')
  const { events } = staged.effect
  const { handle, kind } = staged.id
  const aggregate = kind === 'ca' ? CA : kind === 'ta' ? TA : pubd
  const fold = (snapshot: unknown, tail: readonly DomainEvent[], version: number) =>
    replay(aggregate as never, handle, {
      snapshot: snapshot === undefined ? undefined : { version, state: snapshot as never },
      events: tail,
    })
  if (from === 0) return fold(undefined, events, 0)
  const snapshot = JSON.parse(canonicalJson(fold(undefined, events.slice(0, from), 0)))
  return fold(snapshot, events.slice(from), from)
}

test('from any snapshot, and through JSON, the state is the one that the commands made', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), fc.nat(), async (steps, revision) => {
      const world = emptyWorld({ roaAggregateThreshold: 3, roaDeaggregateThreshold: 2 })
      await chainOf(world, ['top', 'all'], ['leaf', '10.0.0.0/21'])
      for (const next of steps) await take(world, next)
      for (const staged of world.tx.work.staged()) {
        if (staged.effect.result !== 'accepted') continue
        const state = canonicalJson(staged.effect.state)
        expect(canonicalJson(replayed(staged, 0))).toBe(state)
        expect(canonicalJson(replayed(staged, revision % (staged.effect.events.length + 1)))).toBe(state)
      }
    }),
    { numRuns: process.env['SLOW'] === '1' ? 300 : 25 },
  )
})

test('every ROA that is configured and held is published, whatever came before', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const world = emptyWorld({ roaAggregateThreshold: 3, roaDeaggregateThreshold: 2 })
      await chainOf(world, ['top', 'all'], ['leaf', '10.0.0.0/21'])
      for (const next of steps) await take(world, next)
      const rows = roaRows(world.ca('leaf'), { timing: world.tx.ports.timing, isHidden: () => false })
      expect(rows.filter((r) => r.state === 'pending')).toEqual([])
    }),
    { numRuns: 15 },
  )
})
