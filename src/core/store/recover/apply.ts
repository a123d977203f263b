/**
 * Applies a planned recovery under the lock.
 * Invariants: nothing is deleted and no number is reused; if it is interrupted at any point, the next run completes it.
 */
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { Json } from '../../base/json.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { type CommandSummary, type CommitMeta, formatAggregateId } from '../../eventsourcing/types.js'
import { type Plan, planBinding, planCommit } from '../commit/commit-layout.js'
import { persist, refreshCaches } from '../commit/persist.js'
import { quarantine } from '../commit/quarantine.js'
import { type Marker, writeMarker } from '../directory/data-dir.js'
import { thisInstallation, writeInstallationId } from '../directory/installation-id.js'
import { markerDigest } from '../directory/marker-binding.js'
import { writeHeadCache } from '../disk/caches.js'
import { listDir, listDisk, makeDir, moveFile, removeFile, syncDir } from '../disk/fs.js'
import { ioError } from '../disk/io-error.js'
import { type Layout, parseFileName } from '../disk/paths.js'
import { writeNew } from '../disk/write-file.js'
import { repairIndex } from './archive-index.js'
import { repairCaches } from './caches.js'
import type { RepairedChain } from './commit-chain.js'
import { readVerifiedRecord } from './load.js'
import type { RecoveryPlan } from './plan-all.js'
import type { AggregatePlan } from './plan-types.js'

const NO_HASH = '0'.repeat(64) as Sha256

export interface ApplyOptions {
  readonly layout: Layout
  readonly marker: Marker
  readonly plan: RecoveryPlan
  readonly meta: CommitMeta
  readonly interval: number
  /** Throws `lock-lost` if another process took the lock. */
  readonly fence: () => void
  readonly wipePool: () => void
  /** Returns the command that records the recovery of an aggregate in history, and the state that it continues from. */
  readonly stage: (plan: AggregatePlan) => { readonly command: CommandSummary; readonly state: Json }
  readonly warn: (text: string) => void
}

/**
 * Applies the plan and returns the commit that records it; undefined if none is needed. The caller holds the lock. Throws `io`,
 * `uncertain`.
 */
export function applyRecovery(options: ApplyOptions): CommitResult | undefined {
  const { layout, plan, fence } = options
  fence()
  makeDir(layout.temp)
  makeDir(layout.status)
  for (const name of listDir(layout.temp)) removeFile(join(layout.temp, name))
  // before anything is recorded: numbers are advanced even if this run ends here
  recordLostTail(layout, plan.chain)
  const generation = plan.loses ? raiseGeneration(options) : options.marker.generation
  repairCommits(layout, plan.chain)
  for (const index of plan.indexes) repairIndex(layout, index)
  for (const folder of plan.orphanedFolders) clearOrphaned(folder)
  for (const { plan: aggregate, caches } of plan.aggregates) {
    fence()
    repairFiles(layout, aggregate)
    repairCaches(layout, aggregate, caches)
  }
  const recorded = plan.aggregates.filter(({ plan: a }) => a.recorded)
  const commit =
    recorded.length === 0 ? planBindingCommit(options, generation) : planRecoveryCommit(options, generation)
  if (commit === undefined) {
    sealHead(layout, plan.chain)
    return undefined
  }
  persist(layout, commit, fence)
  const warning = refreshCaches(layout, commit, options.interval)
  if (warning !== undefined) options.warn(warning)
  return commit.result
}

/**
 * Records in the head cache that newer commits were made, until the recovery is complete: the files that prove it are about to be moved.
 * Two commits ahead, so that it never refers to the commit that this recovery makes.
 */
function recordLostTail(layout: Layout, { head, newestKnown, lostFrom }: RepairedChain): void {
  if (lostFrom === undefined) return
  writeHeadCache(layout.head, { head: Math.max(newestKnown, head + 2), sha256: NO_HASH }, layout.temp)
  syncDir(layout.status)
}

function raiseGeneration({ layout, marker, meta, wipePool }: ApplyOptions): number {
  wipePool()
  const generation = marker.generation + 1
  // `origin.json` first: one that is ahead of the marker identifies a directory whose recovery was interrupted
  writeInstallationId(layout.dir, thisInstallation(layout.dir, generation, meta.at))
  writeMarker(layout.dir, { ...marker, generation })
  return generation
}

function repairCommits(layout: Layout, { damaged, repaired }: RepairedChain): void {
  makeDir(layout.commits)
  moveInto(layout.commits, 'corrupt', damaged)
  for (const { n, bytes } of repaired) writeNew(layout.commit(n), bytes, { temp: layout.temp })
  if (repaired.length > 0) syncDir(layout.commits)
}

function clearOrphaned(folder: string): void {
  const names = listDisk(folder).filter((name) => parseFileName(name) !== undefined || /^(info|snapshot)/.test(name))
  quarantine(folder, 'surplus', names)
}

function repairFiles(layout: Layout, plan: AggregatePlan): void {
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

/** Moves files into a subfolder under unique names, durable on return. Throws `io`. */
function moveInto(folder: string, below: 'corrupt' | 'surplus', paths: readonly string[]): void {
  if (paths.length === 0) return
  makeDir(join(folder, below))
  for (const path of paths) moveFile(path, join(folder, below, `${basename(path)}.${randomBytes(6).toString('hex')}`))
  syncDir(join(folder, below))
  for (const place of new Set(paths.map(dirname))) syncDir(place)
}

/** Writes the head cache for the verified head, unless it is right. */
function sealHead(layout: Layout, { head, last, headCacheValid: hinted }: RepairedChain): void {
  if (hinted) return
  if (last === undefined) removeFile(layout.head)
  else writeHeadCache(layout.head, { head, sha256: last.sha256 }, layout.temp)
  syncDir(layout.status)
}

/** Plans the commit that binds the marker; undefined unless the remaining history ends before the migration to format 2. */
function planBindingCommit({ plan: { chain, unbound }, marker }: ApplyOptions, generation: number): Plan | undefined {
  return unbound && chain.last !== undefined ? planBinding(chain.last, markerDigest(marker), generation) : undefined
}

function planRecoveryCommit(options: ApplyOptions, generation: number): Plan {
  const { chain, aggregates } = options.plan
  const recorded = new Map(
    aggregates.filter(({ plan }) => plan.recorded).map((a) => [formatAggregateId(a.plan.id), a] as const),
  )
  return planCommit(
    {
      head: chain.head,
      last: chain.last,
      generation,
      marker: markerDigest(options.marker),
      interval: options.interval,
      members: chain.members,
      baseOf: (id) => {
        const found = recorded.get(formatAggregateId(id))
        if (found === undefined) return undefined
        const { newest, previous } = found.plan
        return { ...newest, command: previous, info: found.caches.info, snapshotDamaged: false }
      },
    },
    {
      meta: options.meta,
      objects: new Map(),
      aggregates: [...recorded.values()].map(({ plan }) => {
        const { command, state } = options.stage(plan)
        const { id, base, gone } = plan
        return { id, ...plan.newest, command, effect: { result: 'recovered', base, gone, state } }
      }),
    },
  )
}
