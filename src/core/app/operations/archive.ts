/**
 * `archive`: copies old publication commands to the archive, and removes the originals one day later.
 * Invariant: planned without the write lock and executed under it in short batches, each only if there was no commit since planning; after an
 * interruption the next run continues.
 */
import { AppError, hintThen, rewrap } from '../../base/errors.js'
import { type Duration, type Instant, parseInstant, secondsBetween } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { namedArchives } from '../../store/archive/archive-binding.js'
import { checkArchiveFolder, claimArchiveFolder } from '../../store/archive/archive-folder.js'
import { hashesIn, type ObjectSurvey, surveyObjects } from '../../store/archive/archive-objects.js'
import { cutoffOf, OVERLAP_SECONDS } from '../../store/archive/archive-plan.js'
import { type ArchiveRules, historyOf, surveyAggregate } from '../../store/archive/archive-survey.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { publishesOnly } from '../proof/aggregate-registry.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { type ArchiveReport, reportOf } from './archive-report.js'
import { type ArchivePlan, BATCH_SIZE, namesToCommit, planSteps, type Step, type Tallies } from './archive-steps.js'
import { treeLockRequest } from './init.js'

export interface ArchiveOptions {
  /** Minimum age in seconds; `archive_threshold_days` if undefined. */
  readonly olderThan?: Duration | undefined
  /** Archive folder on another volume. */
  readonly to?: string | undefined
  readonly dryRun?: boolean
}

interface Planned extends ArchivePlan {
  readonly failed: ArchiveReport['failed']
}

/** Number of plans after conflicts with other commands. */
const ROUNDS = 50

/** Archives old commands, and removes the originals of files archived at least a day ago. Throws `standby`, `io`; `usage` for an unsuitable folder. */
export async function archive(session: Session, options: ArchiveOptions = {}): Promise<ArchiveReport> {
  const dryRun = options.dryRun === true
  if (!dryRun) refuseStandby(session)
  const { layout } = session.store
  const dir = options.to === undefined ? null : checkArchiveFolder(layout, options.to)
  const days = session.config.archiveThresholdDays
  const threshold = options.olderThan ?? (days === undefined ? undefined : days * 86400)
  if (threshold !== undefined && threshold < OVERLAP_SECONDS)
    throw new AppError('usage', 'archive-too-young', `--older-than ${threshold} s is too short: the minimum is 1d`, {
      hint: 'give 1d or more: a copy that is being taken may need newer files',
    })
  const tallies: Tallies = new Map()
  let plan = await session.store.read(async (reader) => makePlan(session, reader, threshold, dir))
  const failed = new Map(plan.failed.map((f) => [f.aggregate, f]))
  const ran = { touched: false }
  for (let round = 1; ; round++) {
    const steps = planSteps(session, plan, tallies)
    if (dryRun) break
    if (dir !== null && steps.length > 0) await claimArchiveFolder(layout, dir, treeLockRequest(session.options))
    if ((await runSteps(session, plan.head, steps, failed, ran)) && (await commitNames(session, plan, failed, ran)))
      break
    if (round === ROUNDS) {
      session.options.onNotice?.('interrupted by other commands; the next run continues')
      break
    }
    plan = await session.store.read(async (reader) => makePlan(session, reader, threshold, dir))
  }
  return reportOf(plan, tallies, [...failed.values()], { dryRun, touched: ran.touched })
}

/** Commits the names of what this run archived. Returns false on a conflict with another command. */
async function commitNames(
  session: Session,
  plan: Planned,
  failed: ReadonlyMap<string, unknown>,
  ran: { touched: boolean },
): Promise<boolean> {
  const names = plan.head === 0 ? undefined : namesToCommit(plan, new Set(failed.keys()))
  if (names === undefined) return true
  const done = await session.store.write(async (writer) => {
    if (writer.head !== plan.head) return false
    writer.commitArchived(names)
    return true
  })
  if (done && session.options.watch !== undefined) session.options.watch.changed = 'yes'
  ran.touched ||= done
  return done
}

/** Archives once a day if `archive_threshold_days` is set, for `tick`. Returns undefined if it was not due. Throws as `archive` does. */
export async function archiveDaily(session: Session): Promise<ArchiveReport | undefined> {
  const { status } = session.store
  const { now, begun } = await session.store.read(async (reader) => ({
    now: session.clockFor(reader).now(),
    begun: reader.head === 0 || reader.commitAt(reader.head).record.format >= 3,
  }))
  // the commit since which records of archived commands are kept is made without a threshold too
  if (session.config.archiveThresholdDays === undefined && begun) return undefined
  const last = begun ? status.read(LAST) : undefined
  if (typeof last === 'string' && parseInstant(last) !== undefined && isWithinDay(last as Instant, now))
    return undefined
  const report = await archive(session)
  status.write(LAST, now)
  return report
}

/** Returns true if `last` is less than a day before `now`. A time after `now` says nothing: the clock was ahead. */
function isWithinDay(last: Instant, now: Instant): boolean {
  return last <= now && secondsBetween(last, now) < 86400
}

/** Name of the file in `status/` with the time of the last daily run. */
const LAST = 'last-archive'

function makePlan(session: Session, reader: StoreReader, threshold: number | undefined, dir: string | null): Planned {
  const { layout, status, marker } = session.store
  const now = session.clockFor(reader).now()
  const cutoff = threshold === undefined || reader.at === undefined ? undefined : cutoffOf(now, reader.at, threshold)
  const named = namedArchives(reader, now)
  const rules: ArchiveRules = { cutoff, now, generation: marker.generation, dir, publishesOnly, named }
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
  // objects that an unreadable aggregate references are unknown
  const objects = failed.length > 0 ? NO_OBJECTS : surveyObjects(layout, status, live, rules)
  return { head: reader.head, rules, surveys, history, live, objects, failed }
}

const NO_OBJECTS: ObjectSurvey = { due: [], waiting: [], release: [] }

function failure(aggregate: string, error: unknown): ArchiveReport['failed'][number] {
  if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'format')) throw error
  return { aggregate, code: error.code, message: error.message }
}

/** Runs the steps in batches. Returns false on a conflict with another command: the rest has to be planned again. */
async function runSteps(
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
      for (
        let step = steps[at];
        step !== undefined && (n === 0 || cost + step.cost <= BATCH_SIZE);
        step = steps[at + n]
      ) {
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
    if (error instanceof AppError && error.kind === 'io' && ran.touched) throw archiveInterrupted(error)
    failed.set(step.of, failure(step.of, error))
  }
}

function archiveInterrupted(cause: AppError): AppError {
  return rewrap(cause, {
    message: `archived only in part: ${cause.message}`,
    hint: hintThen(cause, 'nothing is lost; run the same command again to continue'),
    changed: 'yes',
  })
}
