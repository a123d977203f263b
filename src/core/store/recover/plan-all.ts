/**
 * Recovery: the plan for a whole data directory.
 * Invariant: planning only reads; what it says is carried out by recover-carry-out.ts, under the lock.
 */
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { refuseOlderMarker } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { type CacheCheck, checkCaches } from './caches.js'
import { type RepairedChain, repairChain } from './commit-chain.js'
import type { RecoverySources } from './evidence.js'
import { lostTails, orphanedFolders } from './lost-tails.js'
import { type AggregatePlan, isComplete, type LostTail, planRecovery } from './plan.js'
import { scanAggregate } from './scan.js'

export interface RecoveryPlan {
  readonly chain: RepairedChain
  /** All that were looked at and can be built. */
  readonly all: readonly AggregatePlan[]
  /** Those that want something done, each with its caches. */
  readonly aggregates: readonly { readonly plan: AggregatePlan; readonly caches: CacheCheck }[]
  /** Those that nothing can be built for: they stay untouched. */
  readonly failed: readonly { readonly id: AggregateId; readonly error: AppError }[]
  /** Folders of aggregates that only lost commits made. */
  readonly orphanedFolders: readonly string[]
  /** Would commands be lost? */
  readonly loses: boolean
  /** Is there anything to do at all? */
  readonly isEmpty: boolean
}

/** Looks at the chain of commits and at these aggregates (all without `only`). Throws `commit-missing`, `aggregate-unknown`, `io`. */
export function planAll(places: RecoverySources, generation: number, only?: readonly AggregateId[]): RecoveryPlan {
  const { layout } = places
  const chain = repairChain(places, generation)
  refuseOlderMarker(layout.dir, generation, chain.last?.record)
  const ends = lostTails(places, chain)
  const names = only === undefined ? undefined : new Set(only.map((id) => known(chain, id)))
  const all: AggregatePlan[] = []
  const aggregates: { plan: AggregatePlan; caches: CacheCheck }[] = []
  const failed: { id: AggregateId; error: AppError }[] = []
  for (const id of chain.members) {
    const name = formatAggregateId(id)
    const end = ends.get(name)
    if (names?.has(name) === false && end === undefined) continue
    try {
      const plan = planOne(places, chain, id, end)
      all.push(plan)
      const caches = checkCaches(layout, plan)
      if (!isComplete(plan) || !caches.infoValid || caches.damagedLinks.length > 0) aggregates.push({ plan, caches })
    } catch (error) {
      if (!isCorrupt(error)) throw error
      failed.push({ id, error })
    }
  }
  const loses = chain.lostFrom !== undefined || aggregates.some(({ plan }) => plan.lost.length > 0)
  const commits = chain.repaired.length + chain.damaged.length > 0 || !chain.headCacheValid
  return {
    chain,
    all,
    aggregates,
    failed,
    orphanedFolders: orphanedFolders(layout, chain),
    loses,
    isEmpty: aggregates.length === 0 && !commits && !loses,
  }
}

/** The plan for one aggregate of the chain, whether or not anything is wrong with it. Throws `recover-impossible` (corrupt), `io`. */
export function planOne(places: RecoverySources, chain: RepairedChain, id: AggregateId, end?: LostTail): AggregatePlan {
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
