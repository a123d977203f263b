/** Settings of circuit breakers and of groups of CAs. Durations in seconds. */

export const STRATEGIES = ['active-passive', 'round-robin', 'weighted', 'latency-based'] as const
export type Strategy = (typeof STRATEGIES)[number]

export interface BreakerSettings {
  /** Time between two probes of a CA. */
  readonly checkInterval: number
  /** Time limit of a probe; below `checkInterval`. */
  readonly checkTimeout: number
  /** Number of failures in a row that open the circuit. */
  readonly failureThreshold: number
  /** Time for which a circuit stays open at first; each failed probe doubles it, */
  readonly recoveryTimeout: number
  /** up to this. */
  readonly recoveryTimeoutMax: number
  /** Two failures further apart than this are not in a row. */
  readonly failureWindow: number
}

export const DEFAULT_BREAKER: BreakerSettings = {
  checkInterval: 10,
  checkTimeout: 5,
  failureThreshold: 3,
  recoveryTimeout: 60,
  recoveryTimeoutMax: 900,
  failureWindow: 900,
}

export interface GroupSettings {
  readonly name: string
  /** Members in the order in which active-passive prefers them. */
  readonly caIds: readonly string[]
  readonly strategy: Strategy
  /** Integers from 0; a CA that is not named has 1. */
  readonly weights: Readonly<Record<string, number>>
  /** `auto`: active-passive returns by itself to a CA that it prefers. */
  readonly failback: 'auto' | 'manual'
}
