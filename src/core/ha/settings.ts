/** What the operator sets for groups of CAs: the breaker's patience and how a group shares its requests. Durations in seconds. */

export const STRATEGIES = ['active-passive', 'round-robin', 'weighted', 'latency-based'] as const
export type Strategy = (typeof STRATEGIES)[number]

export interface BreakerSettings {
  /** How often each CA is probed. */
  readonly checkInterval: number
  /** How long a probe may take; below `checkInterval`. */
  readonly checkTimeout: number
  /** So many failures in a row open the circuit. */
  readonly failureThreshold: number
  /** How long a circuit stays open the first time; each failed probe doubles it, */
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
  /** In the order in which active-passive prefers them. */
  readonly caIds: readonly string[]
  readonly strategy: Strategy
  /** Whole numbers from 0; a CA that is not named has 1. */
  readonly weights: Readonly<Record<string, number>>
  /** Does active-passive return to a better CA by itself? */
  readonly failback: 'auto' | 'manual'
}
