/**
 * Plans the recovery of a whole data directory.
 * Invariant: planning only reads; apply.ts carries the plan out under the lock.
 */
import type { AppError } from '../../base/errors.js'
import { findAggregate } from '../../eventsourcing/aggregate-name.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { type Marker, refuseChangedMarker, refuseOlderMarker } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { type IndexRepair, planIndex } from './archive-index.js'
import { type CacheCheck, checkCaches } from './caches.js'
import { type RepairedChain, repairChain } from './commit-chain.js'
import type { RecoverySources } from './evidence.js'
import { lostTails, orphanedFolders } from './lost-tails.js'
import { isComplete, planRecovery } from './plan.js'
import type { AggregatePlan, LostTail } from './plan-types.js'
import { scanAggregate } from './scan.js'

export interface RecoveryPlan {
  readonly chain: RepairedChain
  /** Plans of all checked aggregates that can be rebuilt. */
  readonly all: readonly AggregatePlan[]
  /** Plans with something to repair, each with the check of its caches. */
  readonly aggregates: readonly { readonly plan: AggregatePlan; readonly caches: CacheCheck }[]
  /** Aggregates that cannot be rebuilt: they stay untouched. */
  readonly failed: readonly { readonly id: AggregateId; readonly error: AppError }[]
  /** Archive indexes that are missing or damaged. */
  readonly indexes: readonly IndexRepair[]
  /** Folders of aggregates that only lost commits created. */
  readonly orphanedFolders: readonly string[]
  /** True if the remaining history ends before the migration to format 2, so that no commit binds the marker. */
  readonly unbound: boolean
  /** True if commands are lost. */
  readonly loses: boolean
  /** True if there is nothing to do. */
  readonly isEmpty: boolean
}

/**
 * Plans the recovery of the chain of commits and of these aggregates (all without `only`). Throws `commit-missing`, `marker-changed`,
 * `aggregate-unknown`, `io`.
 */
export function planAll(
  given: RecoverySources,
  marker: Marker,
  only?: readonly (AggregateId | string)[],
): RecoveryPlan {
  const { layout } = given
  const chain = repairChain(given, marker)
  refuseOlderMarker(layout.dir, marker.generation, chain.last?.record)
  const unbound = chain.last?.record.format === 1
  if (!unbound) refuseChangedMarker(layout.dir, marker, chain.last?.record)
  const names = only === undefined ? undefined : new Set(only.map((id) => knownName(chain, id)))
  const chosen = chain.members.filter((id) => names?.has(formatAggregateId(id)) !== false)
  const indexes = chosen.flatMap((id) => planIndex(given, chain, id) ?? [])
  const sources = { ...given, indexes: new Map(indexes.map(({ id, ranges }) => [formatAggregateId(id), ranges])) }
  const tails = lostTails(sources, chain)
  const all: AggregatePlan[] = []
  const aggregates: { plan: AggregatePlan; caches: CacheCheck }[] = []
  const failed: { id: AggregateId; error: AppError }[] = []
  for (const id of chain.members) {
    const name = formatAggregateId(id)
    const tail = tails.get(name)
    if (names?.has(name) === false && tail === undefined) continue
    try {
      const plan = planOne(sources, chain, id, tail)
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
    indexes,
    orphanedFolders: orphanedFolders(layout, chain),
    unbound,
    loses,
    isEmpty: aggregates.length + indexes.length === 0 && !commits && !loses && !unbound,
  }
}

/**
 * Plans the recovery of one aggregate of the chain, damaged or not. Throws `recover-impossible`, `recover-archive-missing` (corrupt), `io`.
 */
export function planOne(
  sources: RecoverySources,
  chain: RepairedChain,
  id: AggregateId,
  tail?: LostTail,
): AggregatePlan {
  const named = chain.named.get(formatAggregateId(id)) ?? []
  return planRecovery(sources.layout, scanAggregate(sources, id, named), tail)
}

function knownName(chain: RepairedChain, wanted: AggregateId | string): string {
  return formatAggregateId(
    findAggregate(chain.members, typeof wanted === 'string' ? wanted : formatAggregateId(wanted)),
  )
}
