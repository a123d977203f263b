/**
 * Which directory writes: a stand-by becomes the primary, a primary becomes a stand-by.
 * Invariant: what stands between the two steps of a promote (the directory is the primary, its numbers have not jumped) publishes nothing;
 * the next command of any kind makes the jump first.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { clockBehind } from '../../base/time.js'
import { formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { generationServed } from '../../publication/primary-claim.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { caState, pubdState, taState } from '../transaction/context.js'
import { type HighWaterMark, readHighWaterMark, refuseClockBehind } from '../transaction/high-water-mark.js'
import { type RenumberReport, renumberAll } from '../transaction/renumber-all.js'
import { needsRenumbering } from '../transaction/renumbering.js'
import { refuseCopy } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'

export interface PromoteReport {
  readonly role: 'primary'
  readonly dataDir: string
  readonly host: string
  readonly generation: number
  /** The commit from which it went on. */
  readonly commit: number
  /** Newer commits that were not whole here, moved aside: what they did is lost. */
  readonly dropped: readonly number[]
  /** Files that were moved aside, below the data directory. */
  readonly moved: readonly string[]
  /** What the world has seen of this history: every number is beyond it. */
  readonly seen: HighWaterMark
  readonly cas: readonly { readonly kind: string; readonly handle: Handle; readonly manifestNumber: number | null }[]
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** Of the new RRDP session; null when there is no publication server. */
  readonly session: string | null
  readonly serial: number | null
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface DemoteReport {
  readonly role: 'standby'
  readonly dataDir: string
  readonly host: string
  readonly generation: number
  readonly reason: string
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Makes this stand-by the primary. Throws `promote-primary`, `reason-missing`, `clock-behind`, `corrupt`, `io`. */
export async function promote(session: Session, options: { readonly dryRun?: boolean } = {}): Promise<PromoteReport> {
  needReason(session, 'promote')
  const before = await session.store.read(async (reader) => look(session, reader, await readHighWaterMark(session)))
  if (options.dryRun === true) return preview(session, before)
  if (before.standby) {
    const done = await session.store.promote(session.now(), servedGeneration(session))
    const { watch } = session.options
    if (watch !== undefined) watch.changed = 'yes'
    return report(session, { ...before, ...done }, await renumberAll(session).catch(unfinished))
  }
  return report(session, before, await renumberAll(session))
}

/** This directory is the primary now, whatever stopped the jump. */
function unfinished(cause: unknown): never {
  if (!(cause instanceof AppError) || cause.kind === 'pending' || cause.kind === 'uncertain') throw cause
  throw rewrap(cause, {
    kind: 'pending',
    code: 'promote-pending',
    message: `this directory is the primary, but its numbers have not jumped: ${cause.message}`,
    hint: 'brine tick makes the jump as soon as the cause is gone',
    changed: 'yes',
    retry: false,
  })
}

/** Makes this primary a stand-by. Throws `demote-test`, `standby`, `reason-missing`. */
export async function demote(session: Session, options: { readonly dryRun?: boolean } = {}): Promise<DemoteReport> {
  const reason = needReason(session, 'demote')
  const { dir, marker } = session.store
  refuseCopy(session)
  if (options.dryRun !== true) await session.store.demote(session.now(), reason)
  const done = { dataDir: dir, host: session.options.host, generation: marker.generation, reason }
  return { role: 'standby', ...done, changed: true, dryRun: options.dryRun === true }
}

function needReason(session: Session, verb: string): string {
  const { reason } = session.options
  if (reason !== undefined) return reason
  throw new AppError(
    'usage',
    'reason-missing',
    `${verb} wants a reason: history and the other host's operator will ask`,
    {
      hint: `brine ${verb} --reason "..."`,
    },
  )
}

interface Ground {
  readonly standby: boolean
  readonly generation: number
  readonly commit: number
  readonly dropped: readonly number[]
  readonly moved: readonly string[]
  readonly seen: HighWaterMark
}

/** What it would go on from. A primary whose jump is done has nothing to be promoted to. */
function look(session: Session, reader: StoreReader, seen: HighWaterMark): Ground {
  const now = session.clockFor(reader).now()
  if (reader.at !== undefined && now < reader.at) throw clockBehind(now, reader.at)
  const standby = session.store.role().role === 'standby'
  if (!standby && needsRenumbering(reader, reader.roster()).length === 0)
    throw new AppError('rejected', 'promote-primary', `${session.store.dir} is the primary already`, {
      hint: 'brine status',
    })
  refuseClockBehind(now, seen)
  const dropped = Array.from({ length: reader.behind }, (_, i) => reader.head + 1 + i)
  const { generation, lastGeneration: wroteIn } = reader
  const next = standby ? Math.max(generation, wroteIn, servedGeneration(session)) + 1 : generation
  return { standby, generation: next, commit: reader.head, dropped, moved: [], seen }
}

/** A tree that another host wrote in a higher generation would refuse us. */
function servedGeneration({ repoDir, store }: Session): number {
  return generationServed(repoDir, store.marker.id)
}

async function preview(session: Session, ground: Ground): Promise<PromoteReport> {
  return { ...(await report(session, ground, { renumbered: [], failed: [], tree: undefined })), dryRun: true }
}

async function report(session: Session, ground: Ground, caught: RenumberReport): Promise<PromoteReport> {
  const { generation, commit, dropped, moved, seen } = ground
  const states = await session.store.read(async (reader) => {
    const work = new Work(reader)
    const failed = new Set(caught.failed.map((f) => formatAggregateId(f.id)))
    const numbers = caught.renumbered.flatMap(({ kind, handle }) => {
      if (kind === 'ta') return [{ kind: kindWord(kind), handle, manifestNumber: taState(work, handle).point.number }]
      if (kind === 'ca') return [{ kind: kindWord(kind), handle, manifestNumber: highest(work, handle) }]
      return []
    })
    const server = failed.has('pubserver/0') ? undefined : pubdState(work)
    return { numbers, session: server?.sessionId || null }
  })
  return {
    role: 'primary',
    dataDir: session.store.dir,
    host: session.options.host,
    generation,
    commit,
    dropped,
    moved,
    seen,
    cas: states.numbers,
    failed: caught.failed.map(({ id, error }) => ({
      aggregate: formatAggregateId(id),
      code: error.code,
      message: error.message,
    })),
    session: states.session,
    serial: caught.tree?.serial ?? null,
    changed: true,
    dryRun: false,
  }
}

function highest(work: Work, handle: Handle): number | null {
  const { classes } = caState(work, handle)
  const numbers = Object.values(classes).flatMap((c) => c.keys.map((k) => k.point.number))
  return numbers.length === 0 ? null : Math.max(...numbers)
}
