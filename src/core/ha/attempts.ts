/** Attempts: a request to one CA, from its start to its result. */
import type { Violation } from '../base/errors.js'
import { entry } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import { type AttemptResult, type Conclusion, concluded, finished, healthOf } from './breaker.js'
import type { AttemptStarted, HaEvent } from './events.js'
import type { BreakerSettings } from './settings.js'
import type { HaState, Purpose, RoutingTurn } from './state.js'

export interface AttemptSpec {
  /** Unguessable; the same when it is finished. */
  readonly attempt: string
  readonly owner: string
  /** Seconds after which the owner no longer waits for the response. */
  readonly timeout: number
}

export interface FinishedAttempt extends AttemptResult {
  readonly ca: string
  /** Null for a probe of a closed circuit, which needs no lease. */
  readonly attempt: string | null
}

/** Returns a violation for each attempt that has already been started. */
export function checkAttempts(state: HaState, attempts: readonly string[]): readonly Violation[] {
  return attempts
    .filter((attempt) => entry(state.attempts, attempt) !== undefined)
    .map((attempt) => ({ code: 'ha-attempt-exists', message: `attempt ${attempt} has already been started` }))
}

/** Returns the event of an attempt that starts now; `lease` for the one probe of an open circuit. */
export function attemptStarted(
  { attempt, owner, timeout }: AttemptSpec,
  ca: string,
  purpose: Purpose,
  at: Instant,
  { turn = null, lease = false }: { readonly turn?: RoutingTurn | null; readonly lease?: boolean } = {},
): AttemptStarted {
  const deadline = addSeconds(at, timeout)
  return { type: 'attempt.started', attempt, ca, purpose, owner, at, deadline, lease, turn }
}

/** Returns the events of an attempt that ends now. */
export function attemptFinished(
  state: HaState,
  attempt: FinishedAttempt,
  purpose: Purpose,
  at: Instant,
  settings: BreakerSettings,
): readonly HaEvent[] {
  const conclusion = conclusionOf(state, attempt, purpose, at)
  // a result after the deadline: the attempt was counted as failed at that time
  const isLate = attempt.attempt !== null && entry(state.attempts, attempt.attempt) === undefined
  return isLate ? [finished(conclusion)] : concluded(conclusion, settings)
}

export function conclusionOf(
  state: HaState,
  { ca, attempt, outcome, message, latencyMs, needsOperator = false }: FinishedAttempt,
  purpose: Purpose,
  at: Instant,
): Conclusion {
  return {
    ca,
    before: healthOf(state, ca),
    attempt,
    purpose,
    result: { outcome, message, latencyMs, needsOperator },
    at,
  }
}
