/** The report of `archive`: per aggregate what is in the archive, what a run moved there and what it removed from its place. */
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { countCommands, OVERLAP_SECONDS } from '../../store/archive/archive-plan.js'
import type { AggregateSurvey } from '../../store/archive/archive-survey.js'
import { type ChangeRow, removed, updated } from '../changes/change-row.js'
import { type ArchivePlan, OBJECTS, type Tallies, type Tally, totalBytes } from './archive-steps.js'

export interface ArchivedAggregate {
  readonly kind: string
  readonly handle: Handle
  /** Commands in the archive, including those of this run. */
  readonly archived: number
  /** Commands that are not archived. */
  readonly kept: number
  /** Commands that this run archived, or would. */
  readonly moved: number
  /** Size of their files. */
  readonly bytes: number
  /** Originals of files archived by earlier runs that were removed, or would be. */
  readonly released: number
}

export interface ArchiveReport {
  /** Commands before this time are archived; null without a threshold. */
  readonly before: Instant | null
  /** Archive folder; null for `archived/` of each aggregate. */
  readonly to: string | null
  readonly aggregates: readonly ArchivedAggregate[]
  readonly objects: { readonly moved: number; readonly bytes: number; readonly released: number }
  /** Earliest time at which a run may remove originals of archived files; null if there are none. */
  readonly nextRelease: Instant | null
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  readonly changed: boolean
  readonly dryRun: boolean
  readonly changes: readonly ChangeRow[]
}

/** Returns the report of a run, or of what a dry run would do. */
export function reportOf(
  plan: ArchivePlan,
  tallies: Tallies,
  failed: ArchiveReport['failed'],
  { dryRun, touched }: { readonly dryRun: boolean; readonly touched: boolean },
): ArchiveReport {
  const { rules } = plan
  const aggregates = plan.surveys.map((survey) => rowOf(survey, tallies.get(formatAggregateId(survey.id)), dryRun))
  const { due, release, waiting } = plan.objects
  const objects = dryRun
    ? {
        moved: due.length,
        bytes: due.reduce((all, o) => all + o.size, 0),
        released: release.reduce((all, b) => all + b.objects.length, 0),
      }
    : (tallies.get(OBJECTS) ?? { moved: 0, bytes: 0, released: 0 })
  const since = plan.surveys.flatMap((s) => s.index.flatMap((r) => (s.release.includes(r) ? [] : (r.since ?? []))))
  const all = [...since, ...waiting.map((b) => b.since), ...(isAny(aggregates, objects, 'moved') ? [rules.now] : [])]
  return {
    before: rules.cutoff ?? null,
    to: rules.dir,
    aggregates,
    objects,
    nextRelease:
      all.length === 0
        ? null
        : addSeconds(
            all.reduce((a, b) => (a < b ? a : b)),
            OVERLAP_SECONDS,
          ),
    failed,
    changed: dryRun ? isAny(aggregates, objects, 'moved') || isAny(aggregates, objects, 'released') : touched,
    dryRun,
    changes: changesOf(aggregates, objects, rules.dir),
  }
}

function changesOf(
  aggregates: readonly ArchivedAggregate[],
  objects: ArchiveReport['objects'],
  dir: string | null,
): readonly ChangeRow[] {
  const rows = (place: Pick<ChangeRow, 'item' | 'of'>, sums: ArchiveReport['objects'], note: string | null) => [
    ...(sums.moved === 0
      ? []
      : [updated({ ...place, name: `${sums.moved}`, note }, 'live', `${dir ?? 'archived/'}, ${sums.bytes} bytes`)]),
    ...(sums.released === 0
      ? []
      : [removed({ ...place, name: `${sums.released}`, note: 'originals of files archived before' })]),
  ]
  return [
    ...aggregates.flatMap((one) =>
      rows({ item: 'commands', of: `${one.kind}/${one.handle}` }, one, `${one.kept} kept, ${one.archived} archived`),
    ),
    ...rows({ item: 'objects', of: null }, objects, null),
  ]
}

function isAny(
  aggregates: readonly ArchivedAggregate[],
  objects: ArchiveReport['objects'],
  key: 'moved' | 'released',
): boolean {
  return objects[key] > 0 || aggregates.some((a) => a[key] > 0)
}

function rowOf(
  { id, commands, index, due, release }: AggregateSurvey,
  done: Tally | undefined,
  dryRun: boolean,
): ArchivedAggregate {
  const planned = {
    moved: due.length,
    bytes: totalBytes(due),
    released: countCommands(release),
  }
  const { moved, bytes, released } = dryRun ? planned : (done ?? { moved: 0, bytes: 0, released: 0 })
  // commands that are moved from one archive folder to another are counted once
  const before = countCommands(index)
  const added = due.filter((d) => !index.some((r) => r.from <= d.range.from && d.range.from <= r.to)).length
  const archived = before + (dryRun || moved > 0 ? added : 0)
  return { kind: kindWord(id.kind), handle: id.handle, archived, kept: commands - archived, moved, bytes, released }
}
