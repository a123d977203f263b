/**
 * Recovery: the plan for a whole data directory.
 * Invariant: planning only reads; what it says is carried out by recover-carry-out.ts, under the lock.
 */
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { refuseMarkerBehind } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { type Caches, cachesOf } from './caches.js'
import { type RepairedChain, repairChain } from './commit-chain.js'
import type { Places } from './evidence.js'
import { lostEnds, unmade } from './lost-ends.js'
import { type AggregatePlan, isComplete, type LostEnd, planRecovery } from './plan.js'
import { scanAggregate } from './scan.js'

export interface RecoveryPlan {
  readonly chain: RepairedChain
  /** All that were looked at and can be built. */
  readonly all: readonly AggregatePlan[]
  /** Those that want something done, each with its caches. */
  readonly aggregates: readonly { readonly plan: AggregatePlan; readonly caches: Caches }[]
  /** Those that nothing can be built for: they stay untouched. */
  readonly failed: readonly { readonly id: AggregateId; readonly error: AppError }[]
  /** Folders of aggregates that only lost commits made. */
  readonly unmade: readonly string[]
  /** Would commands be lost? */
  readonly loses: boolean
  /** Is there anything to do at all? */
  readonly isEmpty: boolean
}

/** Looks at the chain of commits and at these aggregates (all without `only`). Throws `commit-missing`, `aggregate-unknown`, `io`. */
export function planAll(places: Places, generation: number, only?: readonly AggregateId[]): RecoveryPlan {
  const { layout } = places
  const chain = repairChain(places, generation)
  refuseMarkerBehind(layout.dir, generation, chain.last?.record)
  const ends = lostEnds(places, chain)
  const names = only === undefined ? undefined : new Set(only.map((id) => known(chain, id)))
  const all: AggregatePlan[] = []
  const aggregates: { plan: AggregatePlan; caches: Caches }[] = []
  const failed: { id: AggregateId; error: AppError }[] = []
  for (const id of chain.members) {
    const name = formatAggregateId(id)
    const end = ends.get(name)
    if (names?.has(name) === false && end === undefined) continue
    try {
      const plan = planOne(places, chain, id, end)
      all.push(plan)
      const caches = cachesOf(layout, plan)
      if (!isComplete(plan) || !caches.infoIsGood || caches.badLinks.length > 0) aggregates.push({ plan, caches })
    } catch (error) {
      if (!isCorrupt(error)) throw error
      failed.push({ id, error })
    }
  }
  const loses = chain.lostFrom !== undefined || aggregates.some(({ plan }) => plan.lost.length > 0)
  const commits = chain.mended.length + chain.bad.length > 0 || !chain.hinted
  return {
    chain,
    all,
    aggregates,
    failed,
    unmade: unmade(layout, chain),
    loses,
    isEmpty: aggregates.length === 0 && !commits && !loses,
  }
}

/** The plan for one aggregate of the chain, whether or not anything is wrong with it. Throws `recover-impossible` (corrupt), `io`. */
export function planOne(places: Places, chain: RepairedChain, id: AggregateId, end?: LostEnd): AggregatePlan {
  const named = chain.named.get(formatAggregateId(id)) ?? []
  return planRecovery(places.layout, scanAggregate(places, id, named), end)
}

function known(chain: RepairedChain, id: AggregateId): string {
  const name = formatAggregateId(id)
  if (chain.members.some((m) => formatAggregateId(m) === name)) return name
  throw new AppError('rejected', 'aggregate-unknown', `there is no ${name} here, and there never was`, {
    hint: 'brine status',
  })
}
