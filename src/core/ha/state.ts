/** STORED. What is known of each CA's health and of each group's turn. A CA or group that nothing happened to has no entry. */
import type { Table } from '../base/record.js'
import type { Instant } from '../base/time.js'

/** `recovering`: one process holds the lease to probe. What history calls unhealthy has no dwell: it is open at once. */
export type Health = 'healthy' | 'degraded' | 'circuit-open' | 'recovering'

/** How a request to a CA ended. Only `ca-fault` and `unknown` count against it; `config-fault` opens at once and waits for the operator. */
export type Outcome = 'ok' | 'ca-fault' | 'request-fault' | 'config-fault' | 'pending' | 'unknown'

/** Did a person ask for a certificate, or do we look whether the CA works? */
export type Purpose = 'enroll' | 'probe'

export interface Failure {
  readonly at: Instant
  readonly outcome: Outcome
  /** One sentence, no secrets. */
  readonly message: string
}

/** The one process that may ask a CA whose circuit is open. */
export interface Lease {
  readonly attempt: string
  readonly owner: string
  readonly since: Instant
  readonly expires: Instant
}

/** What the operator ordered. Orthogonal to health: a drained CA is not ill. */
export interface Override {
  readonly mode: 'drain' | 'maintenance'
  readonly reason: string
  readonly since: Instant
  /** Null: until it is resumed. */
  readonly until: Instant | null
}

/** A rolling average in milliseconds (see latency.ts). */
export interface Latency {
  readonly ms: number
  readonly at: Instant
  readonly samples: number
}

export interface CaHealth {
  readonly health: Health
  /** In a row. */
  readonly failures: number
  readonly lastFailure: Failure | null
  readonly lastSuccess: Instant | null
  readonly openedAt: Instant | null
  /** When a probe may be sent; null while closed, and where only the operator can mend it. */
  readonly openUntil: Instant | null
  /** How often the open time was doubled. */
  readonly level: number
  readonly lease: Lease | null
  readonly override: Override | null
  /** Of real requests; those of probes stand in the samples. */
  readonly latency: Latency | null
}

/** Where a group stands in its strategy. */
export interface Routing {
  /** The CA that served last. */
  readonly last: string | null
  /** Smooth weighted round-robin: the current weight of each CA, and the weights that it belongs to. */
  readonly current: Table<number>
  readonly weights: Table<number>
  /** The CAs of the last hundred selections, oldest first. */
  readonly recent: readonly string[]
}

/** A request that was sent and not yet answered, as far as we know. */
export interface OpenAttempt {
  readonly ca: string
  readonly group: string | null
  readonly purpose: Purpose
  readonly owner: string
  readonly since: Instant
  /** After this nobody waits for it any more. */
  readonly deadline: Instant
}

export interface HaState {
  readonly cas: Table<CaHealth>
  readonly groups: Table<Routing>
  readonly attempts: Table<OpenAttempt>
  /** Requests by CA and outcome, since ever. */
  readonly totals: Table<Table<number>>
}

export const HEALTHY: CaHealth = {
  health: 'healthy',
  failures: 0,
  lastFailure: null,
  lastSuccess: null,
  openedAt: null,
  openUntil: null,
  level: 0,
  lease: null,
  override: null,
  latency: null,
}

export const UNROUTED: Routing = { last: null, current: {}, weights: {}, recent: [] }

export const EMPTY_HA: HaState = { cas: {}, groups: {}, attempts: {}, totals: {} }
