/**
 * Record of a rejected command in history: who, when, what, and why not.
 * Invariant: the command stays rejected where its rejection cannot be recorded; the hint then says `not recorded`.
 */
import { AppError, hintThen, rewrap } from '../../base/errors.js'
import type { Rejected } from '../../eventsourcing/work.js'
import type { FileWriter } from '../../store/commit/writer.js'
import { noteHeld } from '../session/held-changes.js'
import type { Session } from '../session/session.js'
import { countingSigner } from '../session/signing.js'
import { draft, isRejected, type RejectedDraft, type UseCase } from './draft.js'
import { conflict, preventsWriting } from './errors.js'
import { toStagedCommit } from './staged-commit.js'

/**
 * Runs the use case again under the lock, records the rejection and throws its error. Throws `commit-lost` if the state has changed meanwhile
 * and no rule rejects the command any more.
 */
export async function rejectUnderLock<R>(
  session: Session,
  useCase: UseCase<R>,
  { rejected }: RejectedDraft,
): Promise<never> {
  const write = session.store.write(async (writer) => {
    const again = await draft(session, writer, useCase, { signer: countingSigner(session), isDryRun: true })
    return isRejected(again) ? recordRejection(session, writer, again.rejected) : undefined
  })
  const error = await write.catch((cause: unknown) => unrecorded(rejected.error, cause))
  throw error ?? conflict()
}

/** Records a rejection and returns the error to report. A command for an aggregate that does not exist is not recorded. */
export function recordRejection(session: Session, writer: FileWriter, rejected: Rejected): AppError {
  const { error, id, work } = rejected
  if (!work.exists(id.kind, id.handle)) return error
  try {
    const at = session.clockFor(writer).now()
    writer.commit(toStagedCommit(session, at, [work.rejected(rejected)], undefined))
    if (session.options.safety !== undefined) noteHeld(session, id, at, error)
    return error
  } catch (cause) {
    return unrecorded(error, cause)
  }
}

/** Returns the error of a rejection that could not be recorded because of `cause`. Throws any `cause` that is not about writing. */
function unrecorded(error: AppError, cause: unknown): AppError {
  if (!(cause instanceof AppError) || cause.code === 'commit-lost' || !preventsWriting(cause)) throw cause
  const errno = (cause.details as { errno?: string } | null)?.errno ?? cause.code
  return rewrap(error, { hint: hintThen(error, `not recorded: ${errno}`), cause })
}
