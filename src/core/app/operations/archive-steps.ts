/** An archive plan as short pieces of work. Invariant: a file is in the archive, durable and noted, before a later run takes it out of its place. */
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { archiveCommands, type OnTouched, releaseCommands } from '../../store/archive/archive.js'
import { isArchiveAvailable } from '../../store/archive/archive-folder.js'
import { archiveObjects, type ObjectSurvey, releaseObjects } from '../../store/archive/archive-objects.js'
import { type HistoryEntry, splitRange } from '../../store/archive/archive-plan.js'
import type { AggregateSurvey, ArchiveRules, DueCommand } from '../../store/archive/archive-survey.js'
import type { Session } from '../transaction/session.js'

export interface ArchivePlan {
  readonly head: number
  readonly rules: ArchiveRules
  readonly surveys: readonly AggregateSurvey[]
  /** By name of the aggregate. */
  readonly history: ReadonlyMap<string, readonly HistoryEntry[]>
  /** Objects that something in its place names. */
  readonly live: ReadonlySet<Sha256>
  readonly objects: ObjectSurvey
}

/** A piece of work, and how many commands or objects it concerns. */
export interface Step {
  readonly cost: number
  /** The aggregate's name; `OBJECTS`. */
  readonly of: string
  readonly run: (touched: OnTouched) => void
}

export interface Tally {
  moved: number
  bytes: number
  released: number
}

/** What was done so far, by `Step.of`. */
export type Sums = Map<string, Tally>

/** Commands or objects in one hold of the lock. */
export const HOLD = 500

export const OBJECTS = 'objects'

/** Everything that the plan wants done: events before the objects that they name, what goes in before what goes out. */
export function stepsOf(session: Session, plan: ArchivePlan, sums: Sums): readonly Step[] {
  const known = new Map<string | null, boolean>()
  const isThere = (dir: string | null): boolean => {
    const is = known.get(dir) ?? isArchiveAvailable(session.store.layout, dir)
    if (!is && !known.has(dir))
      session.options.onNotice?.(`${dir} is not there: what was archived to it stays in its place as well`)
    known.set(dir, is)
    return is
  }
  return [
    ...plan.surveys.flatMap((survey) => archiving(session, survey, sums)),
    ...archivingObjects(session, plan, sums),
    ...plan.surveys.flatMap((survey) => releasing(session, plan, survey, sums, isThere)),
    ...releasingObjects(session, plan, sums, isThere),
  ]
}

export function bytesOf(due: readonly DueCommand[]): number {
  return due.reduce((all, d) => all + d.files.reduce((own, f) => own + f.size, 0), 0)
}

function tally(sums: Sums, of: string): Tally {
  const known = sums.get(of) ?? { moved: 0, bytes: 0, released: 0 }
  sums.set(of, known)
  return known
}

function archiving(
  { store }: Session,
  { id, due, unusedSnapshots: outdated }: AggregateSurvey,
  sums: Sums,
): readonly Step[] {
  const of = formatAggregateId(id)
  return chunks(due).map((part) => {
    const run = (touched: OnTouched): void => {
      archiveCommands(store.layout, id, part, outdated, touched)
      tally(sums, of).moved += part.length
      tally(sums, of).bytes += bytesOf(part)
    }
    return { cost: part.length, of, run }
  })
}

function archivingObjects({ store }: Session, { objects, rules }: ArchivePlan, sums: Sums): readonly Step[] {
  return chunks(objects.due).map((part) => {
    const run = (touched: OnTouched): void => {
      archiveObjects(store.layout, store.status, part, rules, touched)
      tally(sums, OBJECTS).moved += part.length
      tally(sums, OBJECTS).bytes += part.reduce((all, o) => all + o.size, 0)
    }
    return { cost: part.length, of: OBJECTS, run }
  })
}

function releasing(
  { store }: Session,
  { history, rules }: ArchivePlan,
  { id, release }: AggregateSurvey,
  sums: Sums,
  isThere: (dir: string | null) => boolean,
): readonly Step[] {
  const of = formatAggregateId(id)
  const parts = release.filter((r) => isThere(r.dir)).flatMap((r) => splitRange(r, history.get(of) ?? [], HOLD))
  return parts.map((part) => {
    const run = (touched: OnTouched): void => {
      tally(sums, of).released += releaseCommands(store.layout, id, part, rules.now, touched).files
    }
    return { cost: part.entries.length, of, run }
  })
}

function releasingObjects(
  { store }: Session,
  { objects, live }: ArchivePlan,
  sums: Sums,
  isThere: (dir: string | null) => boolean,
): readonly Step[] {
  return objects.release
    .filter((batch) => isThere(batch.dir))
    .flatMap((batch) =>
      chunks(batch.objects).map((part) => {
        const run = (touched: OnTouched): void => {
          tally(sums, OBJECTS).released += releaseObjects(store.layout, store.status, batch, part, live, touched).files
        }
        return { cost: part.length, of: OBJECTS, run }
      }),
    )
}

function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / HOLD) }, (_, i) => all.slice(i * HOLD, (i + 1) * HOLD))
}
