/**
 * Retries of a commit that lost a conflict: the first attempt is optimistic, each further one decides under the lock. So does the first beside
 * another command of the same process (a worker that answers several requests): it would lose, and the one-time keys that it signed with too.
 */
import { AppError } from '../../base/errors.js'
import type { Session } from '../session/session.js'
import {
  commitOptimistic,
  commitPessimistic,
  type NeedsRenumbering,
  requiredSpace,
  type TransactionOptions,
  type TransactionResult,
} from './commit.js'
import type { UseCase } from './draft.js'
import { withRequiredSpace } from './errors.js'

/** Attempts of one command that meets other writers, or whose second is taken already. */
const ATTEMPTS = 8

/** Milliseconds between two attempts after a conflict, and after `wait-a-second`: manifest times have whole seconds. */
const PAUSE = { conflict: 20, second: 1000 } as const

/** Number of commands of this process that are at work, by data directory. */
const atWork = new Map<string, number>()

/**
 * Commits a use case. Returns its result, or the aggregates that must be renumbered before it can commit. Throws what a rule rejected
 * (recorded), `locked`, `clock-behind` and `io`; for a full disk with the bytes that the whole change needs.
 */
export async function commitWithRetry<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions,
): Promise<TransactionResult<R> | NeedsRenumbering> {
  const { dir } = session.store
  const others = atWork.get(dir) ?? 0
  const isAlone = others === 0
  atWork.set(dir, others + 1)
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await (attempt === 1 && isAlone ? commitOptimistic : commitPessimistic)(session, useCase, options)
      } catch (error) {
        if (!(error instanceof AppError) || attempt >= ATTEMPTS || !isTransient(error))
          throw await withRequiredSpace(error, () => requiredSpace(session, useCase))
        await pause(error.code === 'wait-a-second' ? PAUSE.second : PAUSE.conflict)
      }
    }
  } finally {
    atWork.set(dir, (atWork.get(dir) ?? 1) - 1)
  }
}

function isTransient(error: AppError): boolean {
  return error.code === 'commit-lost' || (error.code === 'wait-a-second' && error.retryAfter === 1)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
