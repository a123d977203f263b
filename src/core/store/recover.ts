/**
 * Recovery: the plan for a whole data directory, and its carrying out under the lock.
 * Invariants: planning only reads; nothing is destroyed and no number used twice; cut short at any point, the next run completes it.
 */
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../base/errors.js'
import type { Json } from '../base/json.js'
import type { Sha256 } from '../crypto/ports.js'
import type { CommitResult, Loaded } from '../eventsourcing/store.js'
import {
  type AggregateId,
  type Base,
  type CommandSummary,
  type CommitMeta,
  type DomainEvent,
  formatAggregateId,
} from '../eventsourcing/types.js'
import { isCorrupt } from './damage.js'
import { type Marker, refuseMarkerBehind, writeMarker } from './data-dir.js'
import { listDir, makeDir, moveFile, readIfThere, removeFile, syncDir } from './fs.js'
import { writeHeadHint } from './hints.js'
import { ioError } from './io-error.js'
import { type Layout, parseFileName } from './layout.js'
import { thisOrigin, writeOrigin } from './origin.js'
import { persist, refreshCaches } from './persist.js'
import { type Plan, planCommit } from './plan.js'
import { provedAt } from './proved.js'
import { COMMAND_LIMIT, parseEvent, parseSnapshot } from './records.js'
import { type Caches, cachesOf, mendCaches } from './recover-caches.js'
import { type MendedChain, mendChain } from './recover-commits.js'
import { lostEnds, unmade } from './recover-end.js'
import type { Places } from './recover-places.js'
import { type AggregatePlan, isWhole, type LostCommand, type LostEnd, planRecovery } from './recover-plan.js'
import { type Step, scanAggregate } from './recover-scan.js'
import { setAside } from './surplus.js'
import { writeNew } from './write-file.js'

const NO_HASH = '0'.repeat(64) as Sha256

export interface RecoveryPlan {
  readonly chain: MendedChain
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
  const chain = mendChain(places, generation)
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
      if (!isWhole(plan) || !caches.infoIsGood || caches.badLinks.length > 0) aggregates.push({ plan, caches })
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
export function planOne(places: Places, chain: MendedChain, id: AggregateId, end?: LostEnd): AggregatePlan {
  const named = chain.named.get(formatAggregateId(id)) ?? []
  return planRecovery(places.layout, scanAggregate(places, id, named), end)
}

function known(chain: MendedChain, id: AggregateId): string {
  const name = formatAggregateId(id)
  if (chain.members.some((m) => formatAggregateId(m) === name)) return name
  throw new AppError('rejected', 'aggregate-unknown', `there is no ${name} here, and there never was`, {
    hint: 'brine status',
  })
}

/** What a plan keeps, to be folded: each event is read when its turn comes, so that a long history costs no memory. */
export interface Planned extends Base {
  readonly snapshot: Loaded['snapshot']
  readonly events: Iterable<DomainEvent>
}

/** The state that a plan keeps. Throws `corrupt`, here or at an event, where a file changed since it was planned. */
export function loadPlanned({ id, base, build, fromSnapshot }: AggregatePlan): Planned {
  const [first] = build
  const effect = first?.record?.effect
  const named = fromSnapshot && effect !== undefined && effect.result !== 'rejected' ? effect.snapshot : null
  const at = first?.snapshot?.found
  const snapshot =
    named === null || at === undefined
      ? undefined
      : { version: named.version, state: parseSnapshot(read(at.path, named.sha256), at.path, id).state }
  const steps = snapshot === undefined ? build : build.slice(1)
  return { ...base, snapshot, events: { [Symbol.iterator]: () => eventsOf(id, steps) } }
}

function* eventsOf(id: AggregateId, steps: readonly Step[]): Generator<DomainEvent, undefined> {
  for (const { record, events } of steps) {
    if (record?.effect.result !== 'accepted') continue
    for (const [i, sha256] of record.effect.events.entries()) {
      const path = events[i]?.found?.path ?? ''
      yield parseEvent(read(path, sha256), path, id, record.version + i).event
    }
  }
}

/** The events of a lost command, as far as they can be read: proved by its record, or where that is lost, what lies in their places. */
export function lostEvents(
  id: AggregateId,
  { record, events, unproved }: LostCommand,
): readonly (DomainEvent | undefined)[] {
  if (record === undefined) return unproved.map(({ version, path }) => unprovedEvent(id, version, path))
  if (record.effect.result !== 'accepted') return []
  return record.effect.events.map((sha256, i) => {
    const path = events[i]?.found?.path
    const bytes = path === undefined ? undefined : provedAt(path, sha256)
    return path === undefined || bytes === undefined ? undefined : parseEvent(bytes, path, id, record.version + i).event
  })
}

function unprovedEvent(id: AggregateId, version: number, path: string): DomainEvent | undefined {
  try {
    const bytes = readIfThere(path, COMMAND_LIMIT)
    return bytes && parseEvent(bytes, path, id, version).event
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

function read(path: string, sha256: Parameters<typeof provedAt>[1]): Uint8Array {
  const bytes = provedAt(path, sha256)
  if (bytes !== undefined) return bytes
  throw new AppError('corrupt', 'recover-moved', `${path} changed while it was read`, { hint: 'run it again' })
}

export interface CarryOut {
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
export function carryOut(order: CarryOut): CommitResult | undefined {
  const { layout, plan, fence } = order
  fence()
  makeDir(layout.temp)
  makeDir(layout.status)
  for (const name of listDir(layout.temp)) removeFile(join(layout.temp, name))
  // before anything is recorded: numbers jump even if this run ends here
  noteLostEnd(layout, plan.chain)
  const generation = plan.loses ? raiseGeneration(order) : order.marker.generation
  mendCommits(layout, plan.chain)
  for (const folder of plan.unmade) clearUnmade(folder)
  for (const { plan: aggregate, caches } of plan.aggregates) {
    fence()
    mendFiles(layout, aggregate)
    mendCaches(layout, aggregate, caches)
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
function noteLostEnd(layout: Layout, { head, evidence, lostFrom }: MendedChain): void {
  if (lostFrom === undefined) return
  writeHeadHint(layout.head, { head: Math.max(evidence, head + 2), sha256: NO_HASH }, layout.temp)
  syncDir(layout.status)
}

function raiseGeneration({ layout, marker, meta, wipePool }: CarryOut): number {
  wipePool()
  const generation = marker.generation + 1
  // the origin first: a directory whose origin is ahead of its marker is known as one that was being recovered
  writeOrigin(layout.dir, thisOrigin(layout.dir, generation, meta.at))
  writeMarker(layout.dir, { ...marker, generation })
  return generation
}

function mendCommits(layout: Layout, { bad, mended }: MendedChain): void {
  makeDir(layout.commits)
  moveInto(layout.commits, 'corrupt', bad)
  for (const { n, bytes } of mended) writeNew(layout.commit(n), bytes, { temp: layout.temp })
  if (mended.length > 0) syncDir(layout.commits)
}

function clearUnmade(folder: string): void {
  const names = listDir(folder).filter((name) => parseFileName(name) !== undefined || /^(info|snapshot)/.test(name))
  setAside(folder, 'surplus', names)
}

function mendFiles(layout: Layout, plan: AggregatePlan): void {
  const folder = layout.folder(plan.id)
  makeDir(dirname(folder))
  makeDir(folder)
  moveInto(folder, 'corrupt', plan.corrupt)
  moveInto(folder, 'surplus', plan.surplus)
  for (const { from, to, sha256 } of plan.replaced) {
    makeDir(dirname(to))
    if (!writeNew(to, read(from, sha256), { temp: layout.temp })) throw ioError('create', to, { code: 'EEXIST' })
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
function sealHead(layout: Layout, { head, last, hinted }: MendedChain): void {
  if (hinted) return
  if (last === undefined) removeFile(layout.head)
  else writeHeadHint(layout.head, { head, sha256: last.sha256 }, layout.temp)
  syncDir(layout.status)
}

function planned(order: CarryOut, generation: number): Plan {
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
      ground: (id) => {
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
