/** Conversion of a unit of work to the commit that the store writes, with who, when and why; and the watch that a signal handler reads. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { CommitResult, Staged, StagedCommit } from '../../eventsourcing/store.js'
import type { CommitMeta } from '../../eventsourcing/types.js'
import type { Work } from '../../eventsourcing/work.js'
import { recordClock } from '../session/clock-guard.js'
import type { Session } from '../session/session.js'

/** Returns the commit of `aggregates` at `at`, with the objects of `work`; a rejection has none. */
export function toStagedCommit(
  session: Session,
  at: Instant,
  aggregates: readonly Staged[],
  work: Work | undefined,
): StagedCommit {
  const { actor, osUser, host, reason } = session.options
  const who = { at, actor, osUser, host, configDigest: session.configDigest }
  const meta: CommitMeta = reason === undefined ? who : { ...who, reason }
  return { meta, aggregates, objects: work?.objects ?? new Map(), dates: work?.dates ?? new Map() }
}

/**
 * Runs `commit` and keeps the watch of the command up to date: `unknown` while it runs, then `yes`. A signal handler reads the watch to report
 * whether anything changed. After an error that says that nothing changed the watch is as before.
 */
export function withWatch(session: Session, commit: () => CommitResult): CommitResult {
  const { watch } = session.options
  const before = watch?.changed ?? 'no'
  if (watch !== undefined) watch.changed = 'unknown'
  try {
    const result = commit()
    if (watch !== undefined) watch.changed = 'yes'
    noteTime(session)
    return result
  } catch (error) {
    if (error instanceof AppError && error.changed === 'no' && watch !== undefined) watch.changed = before
    throw error
  }
}

/** Records the time of the change. It is replaceable, so that the change stands where it cannot be written. */
function noteTime(session: Session): void {
  try {
    recordClock(session)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
  }
}
