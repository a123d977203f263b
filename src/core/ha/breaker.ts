/**
 * The circuit breaker of one CA: how a result, a missing result and the passing of time change its health.
 * Invariants: a fault that heals by itself is tried again, and one that gets worse by trying waits for the operator; only faults of the CA
 * count; to an open circuit one process at a time sends a request, and none before its time; nothing here reads a clock.
 */
import { entry } from '../base/record.js'
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { AttemptFinished, HaEvent, HealthChanged } from './events.js'
import { averaged } from './latency.js'
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

/** Returns the recorded health; healthy for a CA without an entry. */
export function healthOf(state: HaState, ca: string): CaHealth {
  return entry(state.cas, ca) ?? HEALTHY
}

/** Returns true if a lease has ended: at its time, and also when the clock is before its start, since its remaining time is unknown then. */
export function isOver(lease: Pick<Lease, 'since' | 'expires'>, now: Instant): boolean {
  return now >= lease.expires || now < lease.since
}

/** Returns the health at `now`: as recorded, and changed by the passing of time. */
export function healthAt(ca: CaHealth, now: Instant, settings: BreakerSettings): Health {
  if (ca.health === 'degraded' && !isChained(ca, now, settings)) return 'healthy'
  if (ca.health === 'recovering' && (ca.lease === null || isOver(ca.lease, now))) return 'circuit-open'
  return ca.health
}

/** Returns the override in force at `now`. */
export function overrideAt(ca: CaHealth, now: Instant): Override | null {
  if (ca.override === null) return null
  return ca.override.until !== null && now >= ca.override.until ? null : ca.override
}

/** Returns true if one process may probe a CA whose circuit is open. A clock that is before the opening cannot say how long it stays open. */
export function isProbeable(ca: CaHealth, now: Instant, settings: BreakerSettings): boolean {
  if (healthAt(ca, now, settings) !== 'circuit-open' || ca.openUntil === null) return false
  return ca.health === 'recovering' || now >= ca.openUntil || (ca.openedAt !== null && now < ca.openedAt)
}

/** Returns true if one more failure would be in a row with the one before it. */
function isChained(ca: CaHealth, now: Instant, settings: BreakerSettings): boolean {
  return ca.failures > 0 && ca.lastFailure !== null && secondsBetween(ca.lastFailure.at, now) <= settings.failureWindow
}

/**
 * Returns the seconds for which a circuit is open after `level` doublings: never less than the documented 60, 120, 240, 480, 900, and up to a
 * tenth more, so that CAs that failed together are not probed together. A function of CA and level: every process computes the same.
 */
export function openSeconds(ca: string, level: number, settings: BreakerSettings): number {
  const { recoveryTimeout, recoveryTimeoutMax } = settings
  const doubled = Math.min(Math.max(recoveryTimeoutMax, recoveryTimeout), recoveryTimeout * 2 ** Math.min(level, 30))
  const share = Number.parseInt(sha256Hex(`${ca} ${level}`).slice(0, 8), 16) / 2 ** 32
  return doubled + Math.floor((doubled / 10) * share)
}

/** Result of a request to a CA. */
export interface AttemptResult {
  readonly outcome: Outcome
  /** One sentence; the reason of a failure. */
  readonly message: string
  /** Whole milliseconds; null where nothing was sent. */
  readonly latencyMs: number | null
  /** True if only the operator may start another attempt. */
  readonly needsOperator?: boolean
}

/** A request that ended, and the health of the CA just before. */
export interface Conclusion {
  readonly ca: string
  readonly before: CaHealth
  /** Null for a probe of a closed circuit. */
  readonly attempt: string | null
  readonly purpose: Purpose
  readonly result: AttemptResult
  readonly at: Instant
}

/** Returns the events that follow from the end of a request. */
export function concluded(conclusion: Conclusion, settings: BreakerSettings): readonly HaEvent[] {
  const { before, result, at } = conclusion
  const end = finished(conclusion)
  const now = healthAt(before, at, settings)
  const isLeased = now === 'recovering' && conclusion.attempt !== null && before.lease?.attempt === conclusion.attempt
  // a request that was sent before the circuit opened neither closes it nor keeps it open
  const isOpen = (now === 'circuit-open' || now === 'recovering') && !isLeased
  switch (result.outcome) {
    case 'ok':
    case 'pending':
      if (isOpen) return [end]
      return [
        { ...end, failures: 0 },
        ...(before.health === 'healthy' ? [] : [healthChanged(conclusion, now, 'healthy', 'it responded')]),
      ]
    case 'request-fault':
      return isLeased ? [end, reopened(conclusion, before.level, settings)] : [end]
    case 'config-fault':
      return [{ ...end, failures: before.failures + 1 }, ...misconfigured(conclusion, now, isOpen, isLeased, settings)]
    default: {
      const failures = isOpen || isLeased || isChained(before, at, settings) ? before.failures + 1 : 1
      const counted = { ...end, failures }
      if (isOpen) return [counted]
      if (isLeased) return [counted, reopened(conclusion, before.level + 1, settings)]
      return [counted, ...failed(conclusion, now, failures, settings)]
    }
  }
}

/**
 * Returns the change after a fault of the configuration, which opens the circuit at once: until the operator resumes it if another attempt can
 * do harm, else for as long as after a failure, since a file or a service may come back by itself.
 */
function misconfigured(
  conclusion: Conclusion,
  now: Health,
  isOpen: boolean,
  isLeased: boolean,
  settings: BreakerSettings,
): readonly HealthChanged[] {
  const { ca, before, result, at } = conclusion
  if (result.needsOperator === true) {
    const isWaiting = now === 'circuit-open' && before.openUntil === null
    return isWaiting ? [] : [healthChanged(conclusion, now, 'circuit-open', result.message, null, before.level)]
  }
  if (isLeased) return [reopened(conclusion, before.level + 1, settings)]
  if (isOpen) return []
  const openUntil = addSeconds(at, openSeconds(ca, 0, settings))
  return [healthChanged(conclusion, now, 'circuit-open', result.message, openUntil)]
}

/** Returns the changes of a closed circuit after one more failure. */
function failed(
  conclusion: Conclusion,
  now: Health,
  failures: number,
  settings: BreakerSettings,
): readonly HealthChanged[] {
  const { ca, at, result } = conclusion
  if (failures < settings.failureThreshold)
    return now === 'healthy' ? [healthChanged(conclusion, now, 'degraded', result.message)] : []
  const why = failures === 1 ? result.message : `${failures} failures in a row: ${result.message}`
  const openUntil = addSeconds(at, openSeconds(ca, 0, settings))
  return [
    healthChanged(conclusion, now, 'unhealthy', why),
    healthChanged(conclusion, 'unhealthy', 'circuit-open', why, openUntil),
  ]
}

/** Returns the change of a circuit whose one probe failed. */
function reopened(conclusion: Conclusion, level: number, settings: BreakerSettings): HealthChanged {
  const openUntil = addSeconds(conclusion.at, openSeconds(conclusion.ca, level, settings))
  return healthChanged(conclusion, 'recovering', 'circuit-open', conclusion.result.message, openUntil, level)
}

function healthChanged(
  { ca, at }: Pick<Conclusion, 'ca' | 'at'>,
  from: HealthChanged['from'],
  to: HealthChanged['to'],
  reason: string,
  openUntil: Instant | null = null,
  level = 0,
): HealthChanged {
  return { type: 'health.changed', ca, from, to, reason, at, openUntil, level }
}

/** Returns the end of a request without consequences for the CA's health, which `concluded` adds. */
export function finished({ ca, before, attempt, purpose, result, at }: Conclusion): AttemptFinished {
  const { outcome, message, latencyMs } = result
  const failure: Failure | null = outcome === 'ok' || outcome === 'pending' ? null : { at, outcome, message }
  const latency = purpose === 'enroll' && latencyMs !== null ? averaged(before.latency, latencyMs, at) : null
  return { type: 'attempt.finished', attempt, ca, purpose, at, outcome, failure, failures: null, latency }
}
