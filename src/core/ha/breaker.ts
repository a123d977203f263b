/**
 * The circuit breaker of one CA: what an answer, a silence and the passing of time make of its health.
 * Invariants: only faults of the CA count; an open circuit is asked by one process at a time, and by none before its time; nothing here
 * reads a clock.
 */
import { entry } from '../base/record.js'
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { AttemptFinished, HaEvent, HealthChanged } from './events.js'
import { measured } from './latency.js'
import type { BreakerSettings } from './settings.js'
import {
  type CaHealth,
  type Failure,
  type HaState,
  HEALTHY,
  type Health,
  type Lease,
  type Outcome,
  type Override,
  type Purpose,
} from './state.js'

export function healthOf(state: HaState, ca: string): CaHealth {
  return entry(state.cas, ca) ?? HEALTHY
}

/** A lease ends by time, and also when the clock stands before its beginning: then nobody knows how long it would last. */
export function isOver(lease: Pick<Lease, 'since' | 'expires'>, now: Instant): boolean {
  return now >= lease.expires || now < lease.since
}

/** The health at `now`: what was recorded, with what passes by itself. */
export function healthAt(ca: CaHealth, now: Instant, settings: BreakerSettings): Health {
  if (ca.health === 'degraded' && !isChained(ca, now, settings)) return 'healthy'
  if (ca.health === 'recovering' && (ca.lease === null || isOver(ca.lease, now))) return 'circuit-open'
  return ca.health
}

/** The override in force at `now`. */
export function overrideAt(ca: CaHealth, now: Instant): Override | null {
  if (ca.override === null) return null
  return ca.override.until !== null && now >= ca.override.until ? null : ca.override
}

/** May one process ask the CA whose circuit is open? A clock that stands before the opening has no say in how long it is open. */
export function isProbeable(ca: CaHealth, now: Instant, settings: BreakerSettings): boolean {
  if (healthAt(ca, now, settings) !== 'circuit-open' || ca.openUntil === null) return false
  return ca.health === 'recovering' || now >= ca.openUntil || (ca.openedAt !== null && now < ca.openedAt)
}

/** Would one more failure be one in a row? */
function isChained(ca: CaHealth, now: Instant, settings: BreakerSettings): boolean {
  return ca.failures > 0 && ca.lastFailure !== null && secondsBetween(ca.lastFailure.at, now) <= settings.failureWindow
}

/**
 * Seconds for which a circuit is open after `level` doublings: never less than the documented 60, 120, 240, 480, 900, and up to a tenth
 * more, so that what failed together is not asked together. The same for the same CA and level, whoever computes it.
 */
export function openSeconds(ca: string, level: number, settings: BreakerSettings): number {
  const { recoveryTimeout, recoveryTimeoutMax } = settings
  const doubled = Math.min(Math.max(recoveryTimeoutMax, recoveryTimeout), recoveryTimeout * 2 ** Math.min(level, 30))
  const share = Number.parseInt(sha256Hex(`${ca} ${level}`).slice(0, 8), 16) / 2 ** 32
  return doubled + Math.floor((doubled / 10) * share)
}

/** How a request ended. */
export interface Answer {
  readonly outcome: Outcome
  /** One sentence; what went wrong, where something did. */
  readonly message: string
  /** Whole milliseconds; null where nothing was sent. */
  readonly latencyMs: number | null
}

/** A request that ended, and the CA as it was just before. */
export interface Ending {
  readonly ca: string
  readonly before: CaHealth
  /** Null for a probe of a closed circuit. */
  readonly attempt: string | null
  readonly purpose: Purpose
  readonly answer: Answer
  readonly at: Instant
}

/** The facts that follow from the end of a request. */
export function concluded(ending: Ending, settings: BreakerSettings): readonly HaEvent[] {
  const { before, answer, at } = ending
  const finished = finish(ending)
  const now = healthAt(before, at, settings)
  const isLeased = now === 'recovering' && ending.attempt !== null && before.lease?.attempt === ending.attempt
  // what was asked before the circuit opened neither closes it nor keeps it open
  const isOpen = (now === 'circuit-open' || now === 'recovering') && !isLeased
  switch (answer.outcome) {
    case 'ok':
    case 'pending':
      if (isOpen) return [finished]
      return [
        { ...finished, failures: 0 },
        ...(before.health === 'healthy' ? [] : [turned(ending, now, 'healthy', 'it answered')]),
      ]
    case 'request-fault':
      return isLeased ? [finished, reopened(ending, before.level, settings)] : [finished]
    case 'config-fault':
      return [
        { ...finished, failures: before.failures + 1 },
        ...(now === 'circuit-open' && before.openUntil === null
          ? []
          : [turned(ending, now, 'circuit-open', answer.message, null, before.level)]),
      ]
    default: {
      const failures = isOpen || isLeased || isChained(before, at, settings) ? before.failures + 1 : 1
      const counted = { ...finished, failures }
      if (isOpen) return [counted]
      if (isLeased) return [counted, reopened(ending, before.level + 1, settings)]
      return [counted, ...opened(ending, now, failures, settings)]
    }
  }
}

/** What one more failure makes of a closed circuit. */
function opened(ending: Ending, now: Health, failures: number, settings: BreakerSettings): readonly HealthChanged[] {
  const { ca, at, answer } = ending
  if (failures < settings.failureThreshold)
    return now === 'healthy' ? [turned(ending, now, 'degraded', answer.message)] : []
  const why = failures === 1 ? answer.message : `${failures} failures in a row: ${answer.message}`
  const openUntil = addSeconds(at, openSeconds(ca, 0, settings))
  return [turned(ending, now, 'unhealthy', why), turned(ending, 'unhealthy', 'circuit-open', why, openUntil)]
}

/** The one probe failed. */
function reopened(ending: Ending, level: number, settings: BreakerSettings): HealthChanged {
  const openUntil = addSeconds(ending.at, openSeconds(ending.ca, level, settings))
  return turned(ending, 'recovering', 'circuit-open', ending.answer.message, openUntil, level)
}

function turned(
  { ca, at }: Pick<Ending, 'ca' | 'at'>,
  from: HealthChanged['from'],
  to: HealthChanged['to'],
  reason: string,
  openUntil: Instant | null = null,
  level = 0,
): HealthChanged {
  return { type: 'health.changed', ca, from, to, reason, at, openUntil, level }
}

/** The end of a request that says nothing of the CA's health; `concluded` adds what it does say. */
export function finish({ ca, before, attempt, purpose, answer, at }: Ending): AttemptFinished {
  const { outcome, message, latencyMs } = answer
  const failure: Failure | null = outcome === 'ok' || outcome === 'pending' ? null : { at, outcome, message }
  const latency = purpose === 'enroll' && latencyMs !== null ? measured(before.latency, latencyMs, at) : null
  return { type: 'attempt.finished', attempt, ca, purpose, at, outcome, failure, failures: null, latency }
}
