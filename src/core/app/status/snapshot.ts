/** Reads one revision of the store for `status`: CAs, publication server, and aggregates that cannot be read. Invariant: pure reads. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Table } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { ClassKey } from '../../ca/state/state.js'
import type { KeyId } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { replay, type Work } from '../../eventsourcing/work.js'
import { idsOf } from '../../identity/id-keys.js'
import type { Child } from '../../issuing/children.js'
import { isFuturePoint, type PublicationPoint } from '../../issuing/point.js'
import { servedSerials } from '../../publication/writer.js'
import { readArchivedIndex } from '../../store/commit/archived-index.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { unlessCorrupt } from '../../store/disk/damage.js'
import { rulesOf } from '../proof/digest.js'
import { caState, pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { needsRenumbering } from '../transaction/renumbering.js'

export interface StatusCa {
  /** `ca` or `ta`. */
  readonly kind: string
  readonly handle: Handle
  readonly roas: number
  readonly aspas: number
  readonly routers: number
  /** Number of parents; a trust anchor has none. */
  readonly parents: number
  readonly children: number
  readonly objects: number
  readonly manifestNumber: number | null
  /** Earliest end of the certificates whose keys it uses; null without one. */
  readonly certificateEnd: Instant | null
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
}

/** An aggregate that cannot be read, and the error. */
export interface UnreadableAggregate {
  readonly kind: string
  readonly handle: string
  readonly code: string
  readonly message: string
}

export interface StatusPublication {
  readonly session: string
  readonly serial: number
  readonly publishers: number
  readonly objects: number
  readonly servedSerial: number | null
  readonly rsyncSerial: number | null
}

/** A damaged file that is not needed, and what was done without it. */
export interface BypassedNote {
  readonly aggregate: string
  readonly message: string
}

/** A child of this data directory that its parent has suspended. */
export interface SuspendedCa {
  readonly parent: Handle
  readonly child: Handle
  readonly since: Instant
}

/** The facts of one revision. */
export interface StatusSnapshot {
  readonly at: Instant | null
  readonly head: number
  readonly behind: number
  /** Damage of a copy because of which newer commits are not used. */
  readonly copyDamage: string | null
  readonly now: Instant
  readonly cas: readonly Omit<StatusCa, 'nextDue' | 'staleAt'>[]
  readonly broken: readonly UnreadableAggregate[]
  readonly publication: StatusPublication | null
  readonly keys: readonly { readonly owner: string; readonly id: KeyId }[]
  readonly outdated: readonly string[]
  /** Suspended children of this data directory. */
  readonly suspended: readonly SuspendedCa[]
  /** Manifests and CRLs with a thisUpdate after the present. */
  readonly future: readonly { readonly aggregate: string; readonly thisUpdate: Instant }[]
  /** Files that are not used because they are damaged or missing, although nothing is lost; the aggregate is empty for `status/`. */
  readonly bypassed: readonly BypassedNote[]
  /** True if a CA or the publication server has an ID key, without which no messages are exchanged. */
  readonly hasIds: boolean
}

/** Reads every aggregate. One that cannot be read is listed in `broken`, and the others are still reported. */
export function readStatusSnapshot(session: Session, reader: StoreReader, work: Work): StatusSnapshot {
  const cas: StatusSnapshot['cas'][number][] = []
  const broken: UnreadableAggregate[] = []
  const keys: StatusSnapshot['keys'][number][] = []
  const future: StatusSnapshot['future'][number][] = []
  const suspended: SuspendedCa[] = []
  const now = session.clockFor(reader).now()
  let publication: StatusSnapshot['publication'] = null
  let hasIds = false
  for (const id of reader.roster()) {
    const found = readOrRecord(broken, id, () => describe(work, id, session.repoDir))
    if (found === undefined) continue
    cas.push(...found.cas)
    keys.push(...found.keys.map((key) => ({ owner: formatAggregateId(id), id: key })))
    future.push(...futurePoints(formatAggregateId(id), found.points, now))
    suspended.push(...found.suspended)
    publication ??= found.publication
    if (found.hasIds) hasIds = true
  }
  return {
    at: reader.at ?? null,
    head: reader.head,
    behind: reader.behind,
    copyDamage: reader.copyDamage ?? null,
    now,
    cas,
    broken,
    publication,
    keys,
    outdated: needsRenumbering(reader, reader.roster()).map(formatAggregateId),
    suspended,
    future,
    bypassed: bypassedFiles(session, reader),
    hasIds,
  }
}

/** Returns what was bypassed in reading, with damaged indexes of archives and records in `status/`. */
function bypassedFiles({ store }: Session, reader: StoreReader): readonly BypassedNote[] {
  const indexes = reader.roster().flatMap((id): readonly BypassedNote[] => {
    const damage: string[] = []
    unlessCorrupt(
      () => readArchivedIndex(store.layout, id),
      ({ message }) => damage.push(message),
    )
    return damage.map((message) => ({ aggregate: formatAggregateId(id), message }))
  })
  const read = reader.bypassed.map(({ id, message }) => ({ aggregate: formatAggregateId(id), message }))
  const records = store.status.damaged().map((path) => ({ aggregate: '', message: `${path}: not a record of brine` }))
  return [...read, ...indexes, ...records]
}

function readOrRecord<T>(broken: UnreadableAggregate[], id: AggregateId, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'format')) throw error
    broken.push({ kind: kindWord(id.kind), handle: id.handle, code: error.code, message: error.message })
    return undefined
  }
}

function futurePoints(aggregate: string, points: readonly PublicationPoint[], now: Instant): StatusSnapshot['future'] {
  return points.flatMap((point) =>
    isFuturePoint(point, now) && point.thisUpdate !== null ? [{ aggregate, thisUpdate: point.thisUpdate }] : [],
  )
}

interface Described {
  readonly cas: StatusSnapshot['cas']
  readonly points: readonly PublicationPoint[]
  readonly keys: readonly KeyId[]
  readonly suspended: readonly SuspendedCa[]
  readonly publication: StatusSnapshot['publication']
  readonly hasIds: boolean
}

const NOTHING: Omit<Described, 'publication' | 'hasIds'> = { cas: [], points: [], keys: [], suspended: [] }

function describe(work: Work, { kind, handle }: AggregateId, repoDir: string): Described {
  if (kind === 'ca') return { ...describeCa(work, handle), publication: null }
  if (kind === 'ta') return { ...describeTa(work, handle), publication: null, hasIds: false }
  // replayed only to find out whether it can be read
  if (kind === 'ha' || kind === 'est') replay(rulesOf({ kind, handle }), handle, work.reader.load({ kind, handle }))
  if (kind !== 'pubd') return { ...NOTHING, publication: null, hasIds: false }
  const keys = idsOf(pubdState(work)).map(({ ski }) => ski)
  return { ...NOTHING, keys, publication: describePublication(work, repoDir), hasIds: keys.length > 0 }
}

function describeCa(work: Work, handle: Handle): Omit<Described, 'publication'> {
  const state = caState(work, handle)
  if (state.status !== 'active') return { ...NOTHING, hasIds: false }
  const keys = Object.values(state.classes).flatMap((c) => c.keys)
  const row = {
    kind: 'ca',
    handle,
    roas: Object.keys(state.roas).length,
    aspas: Object.keys(state.aspas ?? {}).length,
    routers: Object.keys(state.routers ?? {}).length,
    parents: Object.keys(state.parents).length,
    children: Object.keys(state.children).length,
    objects: keys.reduce((sum, k) => sum + Object.keys(k.point.objects).length, 0),
    manifestNumber: keys.length === 0 ? null : Math.max(...keys.map((k) => k.point.number)),
    certificateEnd: firstEnd(keys),
  }
  const ids = idsOf(state)
  const skis = [...keys, ...ids].map((k) => k.ski)
  const suspended = suspendedChildren(handle, state.children)
  return { cas: [row], points: keys.map((k) => k.point), keys: skis, suspended, hasIds: ids.length > 0 }
}

/** Returns the earliest end of the certificates. That of an old key does not count, since it is revoked soon. */
function firstEnd(keys: readonly Pick<ClassKey, 'state' | 'certificate'>[]): Instant | null {
  const ends = keys.flatMap(({ state, certificate }) =>
    state === 'old' || certificate === null ? [] : [certificate.notAfter],
  )
  return ends.reduce<Instant | null>((first, end) => (first === null || end < first ? end : first), null)
}

function describeTa(work: Work, handle: Handle): Omit<Described, 'publication' | 'hasIds'> {
  const { children, point, key, certificate } = taState(work, handle)
  if (key === null) return NOTHING
  const row = {
    kind: 'ta',
    handle,
    roas: 0,
    aspas: 0,
    routers: 0,
    parents: 0,
    children: Object.keys(children).length,
    objects: Object.keys(point.objects).length,
    manifestNumber: point.number,
    certificateEnd: certificate?.notAfter ?? null,
  }
  return { cas: [row], points: [point], keys: [key.ski], suspended: suspendedChildren(handle, children) }
}

function suspendedChildren(parent: Handle, children: Table<Child>): readonly SuspendedCa[] {
  return Object.entries(children).flatMap(([name, { transport, suspended: since }]) =>
    transport !== 'local' || since === undefined ? [] : [{ parent, child: name as Handle, since }],
  )
}

function describePublication(work: Work, repoDir: string): StatusSnapshot['publication'] {
  const state = pubdState(work)
  if (state.serial === 0) return null
  const { rrdp, rsync } = servedSerials(repoDir)
  const publishers = Object.values(state.publishers)
  return {
    session: state.sessionId,
    serial: state.serial,
    publishers: publishers.length,
    objects: publishers.reduce((sum, p) => sum + Object.keys(p.objects).length, 0),
    servedSerial: rrdp?.session === state.sessionId ? rrdp.serial : null,
    rsyncSerial: rsync?.session === state.sessionId ? rsync.serial : null,
  }
}
