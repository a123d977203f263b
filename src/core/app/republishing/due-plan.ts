/**
 * The plan of `tick`: that of `planRevision`, of which only the CAs that are due, have changed or have their turn in the rotation of checks are read.
 * Invariant: it names everything that a plan over all CAs names as due; what the rotation finds otherwise than the index says makes the index anew.
 */
import { AppError } from '../../base/errors.js'
import { encodeHandle, type Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { freeBytes } from '../../store/disk/fs.js'
import { soonest } from '../changes/outcome.js'
import { pubdState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { LEAST_CHECKED, readRotation, type Share, shareOf, writeRotation } from './check-rotation.js'
import { type DueEntry, type DueIndex, entryOf, handlesToRead, readDueIndex, writeDueIndex } from './due-index.js'
import { type PlanOptions, planRevision, type RepublishPlan } from './republish-plan.js'

/** Use of the due index. */
export interface Indexing {
  /** Version of the program. */
  readonly version: string
  /** CAs that are checked at least; default `LEAST_CHECKED`. */
  readonly least?: number
}

type Save = () => void

/** Bytes of free space below which nothing is kept: what has to be written needs them. */
const SPARE = 1024 * 1024

/** Plans what is due by the index, and writes index and rotation. Throws as `planRepublish` does. */
export async function planDue(session: Session, indexing: Indexing, options: PlanOptions): Promise<RepublishPlan> {
  const [plan, save] = await session.store.read(async (reader) => planIndexed(session, reader, indexing, options))
  const free = freeBytes(session.store.dir)
  if (free !== undefined && free < SPARE) return plan
  try {
    save()
  } catch (error) {
    // without it the next run takes longer
    if (!(error instanceof AppError)) throw error
  }
  return plan
}

/** Returns the CAs that a run has to read at this revision; undefined: all of them. */
export function handlesOfRun(
  session: Session,
  reader: StoreReader,
  work: Work,
  indexing: Indexing | undefined,
): ReadonlySet<Handle> | undefined {
  const index = indexing === undefined ? undefined : readDueIndex(session, reader, work, indexing.version)
  return index === undefined ? undefined : handlesToRead(index, work, session.clockFor(reader).now())
}

function planIndexed(
  session: Session,
  reader: StoreReader,
  indexing: Indexing,
  options: PlanOptions,
): readonly [RepublishPlan, Save] {
  const work = new Work(reader)
  const index = readDueIndex(session, reader, work, indexing.version)
  const all = [...work.handles('ta'), ...work.handles('ca')]
  const least = indexing.least ?? LEAST_CHECKED
  const rule = { now: session.now(), within: session.config.checkFilesWithin, least }
  const share = shareOf(work.handles('ca'), readRotation(session.store.status), rule)
  const open = index === undefined ? new Set(all) : handlesToRead(index, work, session.clockFor(reader).now())
  const read = all.filter((handle) => open.has(handle) || share.handles.has(handle))
  const some = planSome(session, reader, work, read, all, options)
  const isRight = index !== undefined && read.every((h) => open.has(h) || isAsStored(some.entries.get(h), index, h))
  // the index has come from elsewhere: what it says of the others is worth nothing
  const used = isRight ? index : undefined
  const { plan, entries } = index === undefined || isRight ? some : planSome(session, reader, work, all, all, options)
  const rest = new Map([...(used?.rest ?? [])].filter(([handle]) => !entries.has(handle) && !read.includes(handle)))
  const save = (): void => saveIndex(session, reader, indexing, { used, entries, rest, share, now: rule.now })
  return [withRest(plan, rest.values()), save]
}

interface Some {
  readonly plan: RepublishPlan
  /** Of the CAs that could be read; empty if the publication server could not. */
  readonly entries: ReadonlyMap<Handle, DueEntry>
}

function planSome(
  session: Session,
  reader: StoreReader,
  work: Work,
  read: readonly Handle[],
  all: readonly Handle[],
  options: PlanOptions,
): Some {
  const wanted = new Set(read)
  const unlooked = new Set(all.filter((handle) => !wanted.has(handle)).map(encodeHandle))
  const plan = planRevision(session, reader, work, { ...options, subset: read, unlooked })
  const failed = new Set(plan.failed.map(({ ca }) => ca as string))
  const entries = new Map<Handle, DueEntry>()
  if (failed.has('pubserver/0')) return { plan, entries }
  const server = pubdState(work)
  const open = new Set([...plan.unpublished, ...plan.outdated, ...[...plan.rolls, ...plan.retired].map(({ ca }) => ca)])
  const damaged = new Set(plan.damaged.map(({ ca }) => ca))
  for (const handle of read) {
    if (failed.has(handle) || !work.exists('ca', handle)) continue
    const { due, staleAt } = plan.times.get(handle) ?? { due: null, staleAt: null }
    const planned = {
      due: soonest(due, plan.scheduled.get(handle) ?? null),
      staleAt,
      isOpen: open.has(handle),
      isDamaged: damaged.has(handle),
    }
    entries.set(handle, entryOf(work, server, handle, planned))
  }
  return { plan, entries }
}

/** Returns true if a CA that nothing has changed is as the index says; one that cannot be read, or lacks an object, contradicts nothing. */
function isAsStored(own: DueEntry | undefined, { rest }: DueIndex, handle: Handle): boolean {
  const stored = rest.get(handle)
  if (own === undefined || stored === undefined) return true
  return !own.isOpen && own.due === stored.due && own.staleAt === stored.staleAt && own.content === stored.content
}

function withRest(plan: RepublishPlan, rest: Iterable<DueEntry>): RepublishPlan {
  let nextDue: Instant | null = plan.nextDue
  let staleAt: Instant | null = plan.staleAt
  for (const own of rest) {
    nextDue = soonest(nextDue, own.due)
    staleAt = soonest(staleAt, own.staleAt)
  }
  return { ...plan, nextDue, staleAt }
}

interface Found {
  /** The index that was used; undefined: it is made anew. */
  readonly used: DueIndex | undefined
  readonly entries: ReadonlyMap<Handle, DueEntry>
  readonly rest: ReadonlyMap<Handle, DueEntry>
  readonly share: Share
  readonly now: Instant
}

function saveIndex(session: Session, reader: StoreReader, { version }: Indexing, found: Found): void {
  const { used, entries, rest, share, now } = found
  const isSame = (handle: Handle, own: DueEntry): boolean =>
    JSON.stringify(own) === JSON.stringify(used?.rest.get(handle))
  // one that cannot be read has no entry any more, so that the next run reads it as well
  const isKnown = [...(used?.rest.keys() ?? [])].every((handle) => rest.has(handle) || entries.has(handle))
  const isKept = used?.isCurrent === true && isKnown && [...entries].every(([handle, own]) => isSame(handle, own))
  if (!isKept) writeDueIndex(session, reader, version, new Map([...rest, ...entries]))
  writeRotation(session.store.status, now, share)
}
