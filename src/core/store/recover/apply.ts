/**
 * A planned recovery, carried out under the lock.
 * Invariants: nothing is destroyed and no number used twice; cut short at any point, the next run completes it.
 */
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { Json } from '../../base/json.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { type CommandSummary, type CommitMeta, formatAggregateId } from '../../eventsourcing/types.js'
import { type Plan, planCommit } from '../commit/commit-layout.js'
import { persist, refreshCaches } from '../commit/persist.js'
import { quarantine } from '../commit/quarantine.js'
import { type Marker, writeMarker } from '../directory/data-dir.js'
import { thisInstallation, writeInstallationId } from '../directory/installation-id.js'
import { writeHeadCache } from '../disk/caches.js'
import { listDir, makeDir, moveFile, removeFile, syncDir } from '../disk/fs.js'
import { ioError } from '../disk/io-error.js'
import { type Layout, parseFileName } from '../disk/paths.js'
import { writeNew } from '../disk/write-file.js'
import { repairCaches } from './caches.js'
import type { RepairedChain } from './commit-chain.js'
import { readVerifiedRecord } from './load.js'
import type { AggregatePlan } from './plan.js'
import type { RecoveryPlan } from './plan-all.js'

const NO_HASH = '0'.repeat(64) as Sha256

export interface ApplyOptions {
  readonly layout: Layout
  readonly marker: Marker
  readonly plan: RecoveryPlan
  readonly meta: CommitMeta
  readonly interval: number
  /** Throws when the lock is not ours any more. */
  readonly fence: () => void
  readonly wipePool: () => void
  /** What each recovery leaves in history, and the state that it goes on from. */
  readonly stage: (plan: AggregatePlan) => { readonly command: CommandSummary; readonly state: Json }
  readonly warn: (text: string) => void
}

/** Does what was planned. The caller holds the lock. Returns the commit that says so, if one had to. Throws `io`, `uncertain`. */
export function applyRecovery(order: ApplyOptions): CommitResult | undefined {
  const { layout, plan, fence } = order
  fence()
  makeDir(layout.temp)
  makeDir(layout.status)
  for (const name of listDir(layout.temp)) removeFile(join(layout.temp, name))
  // before anything is recorded: numbers jump even if this run ends here
  noteLostEnd(layout, plan.chain)
  const generation = plan.loses ? raiseGeneration(order) : order.marker.generation
  mendCommits(layout, plan.chain)
  for (const folder of plan.orphanedFolders) clearUnmade(folder)
  for (const { plan: aggregate, caches } of plan.aggregates) {
    fence()
    mendFiles(layout, aggregate)
    repairCaches(layout, aggregate, caches)
  }
  const recorded = plan.aggregates.filter(({ plan: a }) => a.recorded)
  const commit = recorded.length === 0 ? undefined : planned(order, generation)
  if (commit === undefined) {
    sealHead(layout, plan.chain)
    return undefined
  }
  persist(layout, commit, fence)
  const notice = refreshCaches(layout, commit, order.interval)
  if (notice !== undefined) order.warn(notice)
  return commit.result
}

/**
 * That newer commits happened is known from what is about to be moved: the cache of the head says so until all is done. Two ahead, so that it
 * never speaks of the commit that this recovery makes.
 */
function noteLostEnd(layout: Layout, { head, newestKnown: evidence, lostFrom }: RepairedChain): void {
  if (lostFrom === undefined) return
  writeHeadCache(layout.head, { head: Math.max(evidence, head + 2), sha256: NO_HASH }, layout.temp)
  syncDir(layout.status)
}

function raiseGeneration({ layout, marker, meta, wipePool }: ApplyOptions): number {
  wipePool()
  const generation = marker.generation + 1
  // the origin first: a directory whose origin is ahead of its marker is known as one that was being recovered
  writeInstallationId(layout.dir, thisInstallation(layout.dir, generation, meta.at))
  writeMarker(layout.dir, { ...marker, generation })
  return generation
}

function mendCommits(layout: Layout, { damaged: bad, repaired: mended }: RepairedChain): void {
  makeDir(layout.commits)
  moveInto(layout.commits, 'corrupt', bad)
  for (const { n, bytes } of mended) writeNew(layout.commit(n), bytes, { temp: layout.temp })
  if (mended.length > 0) syncDir(layout.commits)
}

function clearUnmade(folder: string): void {
  const names = listDir(folder).filter((name) => parseFileName(name) !== undefined || /^(info|snapshot)/.test(name))
  quarantine(folder, 'surplus', names)
}

function mendFiles(layout: Layout, plan: AggregatePlan): void {
  const folder = layout.folder(plan.id)
  makeDir(dirname(folder))
  makeDir(folder)
  moveInto(folder, 'corrupt', plan.corrupt)
  moveInto(folder, 'surplus', plan.surplus)
  for (const { from, to, sha256 } of plan.replaced) {
    makeDir(dirname(to))
    if (!writeNew(to, readVerifiedRecord(from, sha256), { temp: layout.temp }))
      throw ioError('create', to, { code: 'EEXIST' })
    syncDir(dirname(to))
  }
}

/** Moves what lies at these paths into a folder below, under names that never collide. */
function moveInto(folder: string, below: 'corrupt' | 'surplus', paths: readonly string[]): void {
  if (paths.length === 0) return
  makeDir(join(folder, below))
  for (const path of paths) moveFile(path, join(folder, below, `${basename(path)}.${randomBytes(6).toString('hex')}`))
  syncDir(join(folder, below))
  for (const place of new Set(paths.map(dirname))) syncDir(place)
}

/** The head as it is now proved; written once more, since it may have come from memory alone. */
function sealHead(layout: Layout, { head, last, headCacheValid: hinted }: RepairedChain): void {
  if (hinted) return
  if (last === undefined) removeFile(layout.head)
  else writeHeadCache(layout.head, { head, sha256: last.sha256 }, layout.temp)
  syncDir(layout.status)
}

function planned(order: ApplyOptions, generation: number): Plan {
  const { chain, aggregates } = order.plan
  const recorded = new Map(
    aggregates.filter(({ plan }) => plan.recorded).map((a) => [formatAggregateId(a.plan.id), a] as const),
  )
  return planCommit(
    {
      head: chain.head,
      last: chain.last,
      generation,
      interval: order.interval,
      members: chain.members,
      baseOf: (id) => {
        const found = recorded.get(formatAggregateId(id))
        if (found === undefined) return undefined
        const { newest, previous } = found.plan
        return { ...newest, command: previous, info: found.caches.info, snapshotDamaged: false }
      },
    },
    {
      meta: order.meta,
      objects: new Map(),
      aggregates: [...recorded.values()].map(({ plan }) => {
        const { command, state } = order.stage(plan)
        const { id, base, gone } = plan
        return { id, ...plan.newest, command, effect: { result: 'recovered', base, gone, state } }
      }),
    },
  )
}
