/**
 * Lists what a data directory holds of times that are still to come: records, published objects, entries of enrolment, and messages to peers.
 * Invariant: a pure read. An aggregate that cannot be read is listed, and the others are still reported.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import type { ClassKey } from '../../ca/state/state.js'
import { est } from '../../est/aggregate.js'
import { estFuture } from '../../est/clock.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { ha } from '../../ha/aggregate.js'
import { haFuture } from '../../ha/clock.js'
import { isFuturePoint, type PublicationPoint } from '../../issuing/point.js'
import { futureHosts, type HostTime } from '../../peers/host.js'
import { liveRecords } from '../../store/commit/live-branch.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { caState, pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { beginsAfter } from './object-times.js'

/** A publication point whose manifest and CRL are from the future. */
export interface FuturePoint {
  /** Name of the resource class. */
  readonly class: string
  readonly ski: string
  readonly manifestNumber: number
  readonly thisUpdate: Instant
}

/** Content of one aggregate that is of the future. */
export interface FutureAggregate {
  readonly aggregate: string
  /** Number of commands that were recorded with a time after the present, and the times of the first and the last. */
  readonly commands: number
  readonly from: Instant | null
  readonly to: Instant | null
  readonly points: readonly FuturePoint[]
  /** Published objects whose certificates begin in the future: `class/name`; `ta.cer` for the certificate of the trust anchor. */
  readonly objects: readonly string[]
  /** Circuits, leases, overrides, requests, passwords and certificates, one line each. */
  readonly entries: readonly string[]
}

export interface FutureReport {
  readonly now: Instant
  /** Time of the newest commit; null without one. */
  readonly lastCommit: Instant | null
  /** Seconds from the present to the newest commit; 0 if it is not in the future. */
  readonly ahead: number
  readonly aggregates: readonly FutureAggregate[]
  readonly broken: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** Hosts of peers to which messages were signed with times after the present, and the last of these times. */
  readonly hosts: readonly HostTime[]
}

/** Name of the trust anchor's certificate among its future objects. */
export const TA_CERTIFICATE = 'ta.cer'

/** Returns what lies after the present, by the system clock or BRINE_NOW. */
export function readFuture(session: Session): Promise<FutureReport> {
  return session.store.read(async (reader) => futureAt(reader, session.now(), session.store.dir))
}

/** Returns what lies after `now` in one revision, and in the `status/` of the data directory. */
export function futureAt(reader: StoreReader, now: Instant, dataDir: string): FutureReport {
  const work = new Work(reader)
  const aggregates: FutureAggregate[] = []
  const broken: FutureReport['broken'][number][] = []
  for (const id of reader.roster()) {
    try {
      const found = futureOf(work, reader, id, now)
      if (isInvolved(found)) aggregates.push(found)
    } catch (error) {
      if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'format')) throw error
      broken.push({ aggregate: formatAggregateId(id), code: error.code, message: error.message })
    }
  }
  const lastCommit = reader.at ?? null
  return {
    now,
    lastCommit,
    ahead: lastCommit === null ? 0 : Math.max(0, secondsBetween(now, lastCommit)),
    aggregates,
    broken,
    hosts: futureHosts(dataDir, now),
  }
}

function isInvolved({ commands, points, objects, entries }: FutureAggregate): boolean {
  return commands + points.length + objects.length + entries.length > 0
}

function futureOf(work: Work, reader: StoreReader, id: AggregateId, now: Instant): FutureAggregate {
  const { kind, handle } = id
  const published = kind === 'ca' ? caFuture(work, handle, now) : kind === 'ta' ? taFuture(work, handle, now) : NOTHING
  return {
    aggregate: formatAggregateId(id),
    ...commandsAfter(reader, id, now),
    ...published,
    entries: entriesOf(work, id, now),
  }
}

type Published = Pick<FutureAggregate, 'points' | 'objects'>

const NOTHING: Published = { points: [], objects: [] }

function entriesOf(work: Work, { kind, handle }: AggregateId, now: Instant): readonly string[] {
  if (kind === 'ha') return haFuture(work.state(ha, handle), now)
  if (kind === 'est') return estFuture(work.state(est, handle), now)
  if (kind !== 'pubd') return []
  const { serial, updatedAt } = pubdState(work)
  return updatedAt !== '' && updatedAt > now ? [`RRDP serial ${serial} of ${updatedAt}`] : []
}

/** Counts the newest commands with times after `now`, as far back as their records are here. */
function commandsAfter(
  reader: StoreReader,
  id: AggregateId,
  now: Instant,
): Pick<FutureAggregate, 'commands' | 'from' | 'to'> {
  const last = reader.load(id)?.lastAt
  if (last === undefined || last <= now) return { commands: 0, from: null, to: null }
  let commands = 0
  let from = last
  try {
    for (const { record } of liveRecords(reader, id)) {
      if (record.at <= now) break
      commands += 1
      from = record.at
    }
  } catch (error) {
    // archived elsewhere
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
  }
  return { commands: Math.max(1, commands), from, to: last }
}

/** Returns the points and objects of a CA that are from after `now`. */
export function caFuture(work: Work, handle: Handle, now: Instant): Published {
  const state = caState(work, handle)
  if (state.status !== 'active') return NOTHING
  const found = Object.values(state.classes).flatMap(({ name, keys }) =>
    keys.flatMap(({ ski, point }: ClassKey) =>
      isFuturePoint(point, now) ? [pointFuture(work, name, ski, point, now)] : [],
    ),
  )
  return { points: found.flatMap((f) => f.points), objects: found.flatMap((f) => f.objects) }
}

/** Returns the same of a trust anchor, with its own certificate. */
export function taFuture(work: Work, handle: Handle, now: Instant): Published {
  const { key, point, certificate } = taState(work, handle)
  if (key === null) return NOTHING
  const { points, objects } = isFuturePoint(point, now) ? pointFuture(work, '0', key.ski, point, now) : NOTHING
  const own = certificate !== null && beginsAfter(work, TA_CERTIFICATE, certificate.sha256, now) ? [TA_CERTIFICATE] : []
  return { points, objects: [...objects, ...own] }
}

/** An object is issued at the time of a manifest that lists it, so that only a point of the future has objects of the future. */
function pointFuture(work: Work, name: string, ski: string, point: PublicationPoint, now: Instant): Published {
  const objects = Object.entries(point.objects)
    .filter(([file, { sha256 }]) => beginsAfter(work, file, sha256, now))
    .map(([file]) => `${name}/${file}`)
  const thisUpdate = point.thisUpdate ?? now
  return { points: [{ class: name, ski, manifestNumber: point.number, thisUpdate }], objects }
}
