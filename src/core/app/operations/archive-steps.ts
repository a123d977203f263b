/**
 * Divides an archive plan into short steps. Invariant: a file is in the archive, synced and in its index, before a later run removes the
 * original.
 */
import type { Sha256 } from '../../crypto/ports.js'
import { type ArchivedCommands, formatAggregateId, type NumberRange } from '../../eventsourcing/types.js'
import { archiveCommands, keepArchivedRecords, type OnTouched, releaseCommands } from '../../store/archive/archive.js'
import { isArchiveAvailable } from '../../store/archive/archive-folder.js'
import { archiveObjects, type ObjectSurvey, releaseObjects } from '../../store/archive/archive-objects.js'
import { type HistoryEntry, splitRange } from '../../store/archive/archive-plan.js'
import type { AggregateSurvey, ArchiveRules, DueCommand } from '../../store/archive/archive-survey.js'
import { type ArchivedNames, covers, joinRanges } from '../../store/commit/archiving-commit.js'
import type { Session } from '../session/session.js'

export interface ArchivePlan {
  readonly head: number
  readonly rules: ArchiveRules
  readonly surveys: readonly AggregateSurvey[]
  /** History by name of the aggregate. */
  readonly history: ReadonlyMap<string, readonly HistoryEntry[]>
  /** Objects that history outside the archive references. */
  readonly live: ReadonlySet<Sha256>
  readonly objects: ObjectSurvey
}

/** A step of work. `cost` is the number of commands or objects in it. */
export interface Step {
  readonly cost: number
  /** Name of the aggregate, or `OBJECTS`. */
  readonly of: string
  readonly run: (touched: OnTouched) => void
}

/** Counts of commands or objects archived, their bytes, and originals removed. */
export interface Tally {
  moved: number
  bytes: number
  released: number
}

/** Work done so far, by `Step.of`. */
export type Tallies = Map<string, Tally>

/** Number of commands or objects that are processed before the write lock is released. */
export const BATCH_SIZE = 500

export const OBJECTS = 'objects'

/** Returns the steps of a plan: events before the objects that they reference, and additions to the archive before releases. */
export function planSteps(session: Session, plan: ArchivePlan, tallies: Tallies): readonly Step[] {
  const known = new Map<string | null, boolean>()
  const isAvailable = (dir: string | null): boolean => {
    const is = known.get(dir) ?? isArchiveAvailable(session.store.layout, dir)
    if (!is && !known.has(dir))
      session.options.onNotice?.(`${dir} is not available: files archived there are also kept in the data directory`)
    known.set(dir, is)
    return is
  }
  return [
    ...plan.surveys.flatMap((survey) => archiveSteps(session, survey, tallies)),
    ...plan.surveys.flatMap((survey) => keepSteps(session, survey)),
    ...archiveObjectSteps(session, plan, tallies),
    ...plan.surveys.flatMap((survey) => releaseSteps(session, plan, survey, tallies, isAvailable)),
    ...releaseObjectSteps(session, plan, tallies, isAvailable),
  ]
}

/** Returns the size of all files of these commands. */
export function totalBytes(due: readonly DueCommand[]): number {
  return due.reduce((all, d) => all + d.files.reduce((own, f) => own + f.size, 0), 0)
}

function tally(tallies: Tallies, of: string): Tally {
  const known = tallies.get(of) ?? { moved: 0, bytes: 0, released: 0 }
  tallies.set(of, known)
  return known
}

function archiveSteps(
  { store }: Session,
  { id, due, unusedSnapshots: outdated }: AggregateSurvey,
  tallies: Tallies,
): readonly Step[] {
  const of = formatAggregateId(id)
  return chunks(due).map((part) => {
    const run = (touched: OnTouched): void => {
      archiveCommands(store.layout, id, part, outdated, touched)
      tally(tallies, of).moved += part.length
      tally(tallies, of).bytes += totalBytes(part)
    }
    return { cost: part.length, of, run }
  })
}

function archiveObjectSteps({ store }: Session, { objects, rules }: ArchivePlan, tallies: Tallies): readonly Step[] {
  return chunks(objects.due).map((part) => {
    const run = (touched: OnTouched): void => {
      archiveObjects(store.layout, store.status, part, rules, touched)
      tally(tallies, OBJECTS).moved += part.length
      tally(tallies, OBJECTS).bytes += part.reduce((all, o) => all + o.size, 0)
    }
    return { cost: part.length, of: OBJECTS, run }
  })
}

function releaseSteps(
  { store }: Session,
  { history, rules }: ArchivePlan,
  { id, release }: AggregateSurvey,
  tallies: Tallies,
  isAvailable: (dir: string | null) => boolean,
): readonly Step[] {
  const of = formatAggregateId(id)
  const parts = release
    .filter((r) => isAvailable(r.dir))
    .flatMap((r) => splitRange(r, history.get(of) ?? [], BATCH_SIZE))
  return parts.map((part) => {
    const run = (touched: OnTouched): void => {
      tally(tallies, of).released += releaseCommands(store.layout, id, part, rules.now, touched).files
    }
    return { cost: part.entries.length, of, run }
  })
}

function keepSteps({ store }: Session, { id, binding }: AggregateSurvey): readonly Step[] {
  return chunks(binding.unkept).map((part) => {
    const run = (touched: OnTouched): void => keepArchivedRecords(store.layout, id, part, touched)
    return { cost: part.length, of: formatAggregateId(id), run }
  })
}

/**
 * Returns what the commit at the end of a run names: the commands that the run archived, and those that no commit names yet. Undefined if
 * there is nothing to name.
 */
export function namesToCommit(plan: ArchivePlan, failed: ReadonlySet<string>): ArchivedNames | undefined {
  const { keepsRecords } = plan.rules.named.now
  const listed = (of: (survey: AggregateSurvey) => readonly NumberRange[]): readonly ArchivedCommands[] =>
    plan.surveys.flatMap((survey) => {
      const commands = failed.has(formatAggregateId(survey.id)) ? [] : of(survey)
      return commands.length === 0 ? [] : [{ ...survey.id, commands }]
    })
  const archived = listed(({ id, binding, due }) => {
    const known = plan.rules.named.now.archived.get(formatAggregateId(id)) ?? []
    const added = due.flatMap(({ range }): readonly NumberRange[] =>
      covers(known, range.from, range.to) ? [] : [[range.from, range.to]],
    )
    return joinRanges([...binding.archived, ...added])
  })
  const claimed = listed(({ binding }) => binding.claimed)
  // a damaged aggregate has to be recovered first: what it claims would never be accepted later
  if (!keepsRecords && failed.size > 0) return undefined
  return keepsRecords && archived.length === 0 ? undefined : { at: plan.rules.now, archived, claimed }
}

function releaseObjectSteps(
  { store }: Session,
  { objects, live }: ArchivePlan,
  tallies: Tallies,
  isAvailable: (dir: string | null) => boolean,
): readonly Step[] {
  return objects.release
    .filter((batch) => isAvailable(batch.dir))
    .flatMap((batch) =>
      chunks(batch.objects).map((part) => {
        const run = (touched: OnTouched): void => {
          tally(tallies, OBJECTS).released += releaseObjects(
            store.layout,
            store.status,
            batch,
            part,
            live,
            touched,
          ).files
        }
        return { cost: part.length, of: OBJECTS, run }
      }),
    )
}

function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / BATCH_SIZE) }, (_, i) =>
    all.slice(i * BATCH_SIZE, (i + 1) * BATCH_SIZE),
  )
}
