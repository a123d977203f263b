/**
 * Ends what has expired: leases and attempts of processes that died, and overrides.
 * Invariant: every writer applies it first, so a dead process holds nothing beyond its deadline.
 */
import type { Instant } from '../base/time.js'
import { type AttemptResult, type Conclusion, concluded, finished, healthOf, isOver, overrideAt } from './breaker.js'
import { evolveHa, type HaEvent } from './events.js'
import type { BreakerSettings } from './settings.js'
import type { HaState } from './state.js'

const DIED: AttemptResult = {
  outcome: 'unknown',
  message: 'the process that sent the request died before a response',
  latencyMs: null,
}

/** Returns the events that the passing of time until `now` has brought about. */
export function elapsed(state: HaState, now: Instant, settings: BreakerSettings): readonly HaEvent[] {
  const events: HaEvent[] = []
  let current = state
  const apply = (more: readonly HaEvent[]): void => {
    events.push(...more)
    current = more.reduce(evolveHa, current)
  }
  for (const [attempt, { ca, purpose, since, deadline }] of Object.entries(state.attempts)) {
    if (!isOver({ since, expires: deadline }, now)) continue
    const before = healthOf(current, ca)
    const conclusion: Conclusion = { ca, before, attempt, purpose, result: DIED, at: now }
    // a probe whose process died says nothing about the CA; a request for a certificate may have hung at the CA
    if (before.lease?.attempt === attempt)
      apply([{ type: 'lease.expired', ca, attempt, at: now }, finished(conclusion)])
    else apply(purpose === 'enroll' ? concluded(conclusion, settings) : [finished(conclusion)])
  }
  for (const [ca, health] of Object.entries(current.cas))
    if (health.override !== null && overrideAt(health, now) === null)
      apply([{ type: 'override.ended', ca, why: 'expired', at: now }])
  return events
}
