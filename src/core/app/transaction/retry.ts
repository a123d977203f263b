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

/** Attempts of one command that meets other writers. */
const ATTEMPTS = 8

/** Milliseconds between two attempts after a conflict, and after `wait-a-second`: manifest times have whole seconds. */
const PAUSE = { conflict: 20, second: 1000 } as const

/** Waits of a command so far. */
export interface Waited {
  readonly conflicts: number
  /** Seconds that others had taken. */
  readonly seconds: number
}

export const NOT_WAITED: Waited = { conflicts: 0, seconds: 0 }

/**
 * Returns what a command has waited for with one more attempt after this error, and the milliseconds before that; undefined if the error
 * stands. In a burst of changes of one CA each takes a second, so that a command waits for its turn as long as for the lock.
 */
export function nextAttempt(
  error: unknown,
  { conflicts, seconds }: Waited,
  lockTimeout: number,
): { readonly waited: Waited; readonly pause: number } | undefined {
  if (!(error instanceof AppError) || !isTransient(error)) return undefined
  if (error.code === 'wait-a-second')
    return seconds >= Math.max(lockTimeout, ATTEMPTS - 1)
      ? undefined
      : { waited: { conflicts, seconds: seconds + 1 }, pause: PAUSE.second }
  return conflicts >= ATTEMPTS - 1
    ? undefined
    : { waited: { conflicts: conflicts + 1, seconds }, pause: PAUSE.conflict }
}

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
    let waited = NOT_WAITED
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await (isFirst && isAlone ? commitOptimistic : commitPessimistic)(session, useCase, options)
      } catch (error) {
        const next = nextAttempt(error, waited, session.options.lockTimeoutSeconds ?? session.config.lockTimeout)
        if (next === undefined) throw await withRequiredSpace(error, () => requiredSpace(session, useCase))
        waited = next.waited
        await pause(next.pause)
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
