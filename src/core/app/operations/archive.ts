/**
 * Old publication commands leave the live folders: first they are in the archive as well, a day later there alone.
 * Invariant: planned without the lock and carried out under it in short holds, each only if nothing was committed since; whatever stops it, the next run goes on.
 */
import { AppError, hintThen, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Duration, type Instant, parseInstant, secondsBetween } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { checkArchiveFolder, claimArchiveFolder } from '../../store/archive/archive-folder.js'
import { hashesIn, type ObjectSurvey, surveyObjects } from '../../store/archive/archive-objects.js'
import { countCommands, cutoffOf, OVERLAP_SECONDS } from '../../store/archive/archive-plan.js'
import {
  type AggregateSurvey,
  type ArchiveRules,
  historyOf,
  surveyAggregate,
} from '../../store/archive/archive-survey.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { isPublication } from '../transaction/aggregate-registry.js'
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'
import { type ArchivePlan, bytesOf, HOLD, OBJECTS, type Step, type Sums, stepsOf, type Tally } from './archive-steps.js'

export interface ArchiveOptions {
  /** Seconds; undefined: `archive_threshold_days`. */
  readonly olderThan?: Duration | undefined
  /** A folder on another volume. */
  readonly to?: string | undefined
  readonly dryRun?: boolean
}

export interface ArchivedAggregate {
  readonly kind: string
  readonly handle: Handle
  /** Commands in the archive, those of this run included. */
  readonly archived: number
  /** Commands that stay. */
  readonly kept: number
  /** Commands that this run archived, or would. */
  readonly moved: number
  /** Of their files. */
  readonly bytes: number
  /** Files of earlier runs that left their place, or would. */
  readonly released: number
}

export interface ArchiveReport {
  /** Commands before this are old enough; null: no threshold. */
  readonly before: Instant | null
  /** The folder that takes them; null: `archived/` of each aggregate. */
  readonly to: string | null
  readonly aggregates: readonly ArchivedAggregate[]
  readonly objects: { readonly moved: number; readonly bytes: number; readonly released: number }
  /** When the first run may take out of their place what the archive has by now; null: nothing waits. */
  readonly nextRelease: Instant | null
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  readonly changed: boolean
  readonly dryRun: boolean
}

interface Planned extends ArchivePlan {
  readonly failed: ArchiveReport['failed']
}

/** Times that other commands may come between. */
const ROUNDS = 50

/** Archives what is old, and releases what was archived a day ago. Throws `standby`, `io`, and for a folder that cannot take it `usage`. */
export async function archive(session: Session, options: ArchiveOptions = {}): Promise<ArchiveReport> {
  const dryRun = options.dryRun === true
  if (!dryRun) refuseStandby(session)
  const { layout } = session.store
  const dir = options.to === undefined ? null : checkArchiveFolder(layout, options.to)
  const days = session.config.archiveThresholdDays
  const threshold = options.olderThan ?? (days === undefined ? undefined : days * 86400)
  if (threshold !== undefined && threshold < OVERLAP_SECONDS)
    throw new AppError(
      'usage',
      'archive-too-young',
      `--older-than ${threshold} s: nothing of the last day is archived`,
      {
        hint: 'a copy that is being taken may need it: give 1d or more',
      },
    )
  const sums: Sums = new Map()
  let plan = await session.store.read(async (reader) => planOf(session, reader, threshold, dir))
  const failed = new Map(plan.failed.map((f) => [f.aggregate, f]))
  const ran = { touched: false }
  for (let round = 1; ; round++) {
    const steps = stepsOf(session, plan, sums)
    if (dryRun) break
    if (dir !== null && steps.length > 0) claimArchiveFolder(layout, dir)
    if (await carryOut(session, plan.head, steps, failed, ran)) break
    if (round === ROUNDS) {
      session.options.onNotice?.('other commands kept coming between: the next run goes on')
      break
    }
    plan = await session.store.read(async (reader) => planOf(session, reader, threshold, dir))
  }
  return reportOf(plan, sums, [...failed.values()], dryRun)
}

/** For `tick`: once a day where `archive_threshold_days` is set; undefined when it was not its time. Throws as `archive` does. */
export async function archiveDaily(session: Session): Promise<ArchiveReport | undefined> {
  if (session.config.archiveThresholdDays === undefined) return undefined
  const { status } = session.store
  const now = await session.store.read(async (reader) => session.clockFor(reader).now())
  const last = status.read(LAST)
  if (typeof last === 'string' && parseInstant(last) !== undefined && secondsBetween(last as Instant, now) < 86400)
    return undefined
  const report = await archive(session)
  status.write(LAST, now)
  return report
}

/** Name in `status/`. */
const LAST = 'last-archive'

function planOf(session: Session, reader: StoreReader, threshold: number | undefined, dir: string | null): Planned {
  const { layout, status, marker } = session.store
  const now = session.clockFor(reader).now()
  const cutoff = threshold === undefined || reader.at === undefined ? undefined : cutoffOf(now, reader.at, threshold)
  const rules: ArchiveRules = { cutoff, now, generation: marker.generation, dir, isPublication }
  const history = historyOf(reader)
  const live = new Set<Sha256>()
  const names = (bytes: Uint8Array): void => {
    for (const sha256 of hashesIn(bytes)) live.add(sha256)
  }
  const failed: ArchiveReport['failed'][number][] = []
  const roster = reader.roster()
  const surveys = roster.flatMap((id, i) => {
    session.options.onProgress?.(i, roster.length, 'aggregates')
    const name = formatAggregateId(id)
    try {
      return [surveyAggregate(layout, reader, id, history.get(name) ?? [], rules, names)]
    } catch (error) {
      failed.push(failure(name, error))
      return []
    }
  })
  // of one that cannot be read nobody can say which objects it names
  const objects = failed.length > 0 ? NO_OBJECTS : surveyObjects(layout, status, live, rules)
  return { head: reader.head, rules, surveys, history, live, objects, failed }
}

const NO_OBJECTS: ObjectSurvey = { due: [], waiting: [], release: [] }

function failure(aggregate: string, error: unknown): ArchiveReport['failed'][number] {
  if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'format')) throw error
  return { aggregate, code: error.code, message: error.message }
}

/** False where another command came between, and the rest must be planned anew. */
async function carryOut(
  session: Session,
  head: number,
  steps: readonly Step[],
  failed: Map<string, ArchiveReport['failed'][number]>,
  ran: { touched: boolean },
): Promise<boolean> {
  for (let at = 0; at < steps.length; ) {
    const done = await session.store.write(async (writer) => {
      if (writer.head !== head) return 0
      let [n, cost] = [0, 0]
      for (let step = steps[at]; step !== undefined && (n === 0 || cost + step.cost <= HOLD); step = steps[at + n]) {
        runStep(session, step, failed, ran)
        n += 1
        cost += step.cost
      }
      return n
    })
    if (done === 0) return false
    at += done
    session.options.onProgress?.(at, steps.length, 'steps')
  }
  return true
}

function runStep(
  session: Session,
  step: Step,
  failed: Map<string, ArchiveReport['failed'][number]>,
  ran: { touched: boolean },
): void {
  const { watch } = session.options
  const touched = (): void => {
    ran.touched = true
    if (watch !== undefined) watch.changed = 'yes'
  }
  try {
    if (!failed.has(step.of)) step.run(touched)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'io' && ran.touched) throw cutShort(error)
    failed.set(step.of, failure(step.of, error))
  }
}

function cutShort(cause: AppError): AppError {
  return rewrap(cause, {
    message: `archived in part: ${cause.message}`,
    hint: hintThen(cause, 'nothing is lost, and the same command goes on where it stopped'),
    changed: 'yes',
  })
}

function reportOf(plan: ArchivePlan, sums: Sums, failed: ArchiveReport['failed'], dryRun: boolean): ArchiveReport {
  const { rules } = plan
  const aggregates = plan.surveys.map((survey) => rowOf(survey, sums.get(formatAggregateId(survey.id)), dryRun))
  const { due, release, waiting } = plan.objects
  const objects = dryRun
    ? {
        moved: due.length,
        bytes: due.reduce((all, o) => all + o.size, 0),
        released: release.reduce((all, b) => all + b.objects.length, 0),
      }
    : (sums.get(OBJECTS) ?? { moved: 0, bytes: 0, released: 0 })
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
    changed: !dryRun && (isAny(aggregates, objects, 'moved') || isAny(aggregates, objects, 'released')),
    dryRun,
  }
}

function isAny(
  aggregates: readonly ArchivedAggregate[],
  objects: ArchiveReport['objects'],
  key: 'moved' | 'released',
): boolean {
  return objects[key] > 0 || aggregates.some((a) => a[key] > 0)
}

function rowOf(
  { id, commands, index: note, due, release }: AggregateSurvey,
  done: Tally | undefined,
  dryRun: boolean,
): ArchivedAggregate {
  const wanted = {
    moved: due.length,
    bytes: bytesOf(due),
    released: countCommands(release),
  }
  const { moved, bytes, released } = dryRun ? wanted : (done ?? { moved: 0, bytes: 0, released: 0 })
  // what moves on to another folder was archived before
  const before = countCommands(note)
  const news = due.filter((d) => !note.some((r) => r.from <= d.range.from && d.range.from <= r.to)).length
  const archived = before + (dryRun || moved > 0 ? news : 0)
  return { kind: kindWord(id.kind), handle: id.handle, archived, kept: commands - archived, moved, bytes, released }
}
