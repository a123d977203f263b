/**
 * What time alone has ended: leases and requests of processes that died, overrides that ran out.
 * Invariant: whoever writes settles first, so a dead process holds nothing beyond its deadline.
 */
import type { Instant } from '../base/time.js'
import { type Answer, concluded, type Ending, finish, healthOf, isOver, overrideAt } from './breaker.js'
import type { HaEvent } from './events.js'
import { evolveHa } from './evolve.js'
import type { BreakerSettings } from './settings.js'
import type { HaState } from './state.js'

const DIED: Answer = { outcome: 'unknown', message: 'the process that asked died before the answer', latencyMs: null }

/** The facts that `now` has brought about. */
export function elapsed(state: HaState, now: Instant, settings: BreakerSettings): readonly HaEvent[] {
  const events: HaEvent[] = []
  let present = state
  const happen = (facts: readonly HaEvent[]): void => {
    events.push(...facts)
    present = facts.reduce(evolveHa, present)
  }
  for (const [attempt, open] of Object.entries(state.attempts)) {
    if (!isOver({ since: open.since, expires: open.deadline }, now)) continue
    const before = healthOf(present, open.ca)
    const ending: Ending = { ca: open.ca, before, attempt, purpose: open.purpose, answer: DIED, at: now }
    // a probe that died says nothing about the CA; a request that was sent may have hung
    if (before.lease?.attempt === attempt)
      happen([{ type: 'lease.expired', ca: open.ca, attempt, at: now }, finish(ending)])
    else happen(open.purpose === 'enroll' ? concluded(ending, settings) : [finish(ending)])
  }
  for (const [ca, health] of Object.entries(present.cas))
    if (health.override !== null && overrideAt(health, now) === null)
      happen([{ type: 'override.ended', ca, why: 'expired', at: now }])
  return events
}
