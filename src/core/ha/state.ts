/** STORED. State of high availability: the health of each CA and the routing of each group. A CA or group without events has no entry. */
import type { Table } from '../base/record.js'
import {
  type Check,
  isCount,
  isOneOf,
  isPositive,
  isText,
  isTime,
  objectOf,
  orNull,
  type ShapeOf,
} from '../base/shape.js'
import type { Instant } from '../base/time.js'

/** `recovering`: one process holds the lease to probe. `unhealthy` occurs in events only: the circuit opens at once. */
export const HEALTHS = ['healthy', 'degraded', 'circuit-open', 'recovering'] as const
export type Health = (typeof HEALTHS)[number]

/** Outcome of a request to a CA. Only `ca-fault` and `unknown` count against it; `config-fault` opens at once. */
export type Outcome = 'ok' | 'ca-fault' | 'request-fault' | 'config-fault' | 'pending' | 'unknown'

export const isOutcome: Check<Outcome> = isOneOf(
  'ok',
  'ca-fault',
  'request-fault',
  'config-fault',
  'pending',
  'unknown',
)

/** A request for a certificate, or a check whether the CA works. */
export type Purpose = 'enroll' | 'probe'

export const isPurpose: Check<Purpose> = isOneOf('enroll', 'probe')

export interface Failure {
  readonly at: Instant
  readonly outcome: Outcome
  /** One sentence, no secrets. */
  readonly message: string
}

export const isFailure: Check<Failure> = objectOf<Failure>({ at: isTime, outcome: isOutcome, message: isText })

/** The right of one process to send a request to a CA whose circuit is open. */
export interface Lease {
  readonly attempt: string
  readonly owner: string
  readonly since: Instant
  readonly expires: Instant
}

/** Order of the operator. Independent of health: a drained CA may be healthy. */
export interface Override {
  readonly mode: 'drain' | 'maintenance'
  readonly reason: string
  readonly since: Instant
  /** Null: until it is resumed. */
  readonly until: Instant | null
}

export const OVERRIDE = {
  mode: isOneOf('drain', 'maintenance'),
  reason: isText,
  since: isTime,
  until: orNull(isTime),
} satisfies ShapeOf<Override>

/** A rolling average in milliseconds (see latency.ts). */
export interface Latency {
  readonly ms: number
  readonly at: Instant
  readonly samples: number
}

export const isLatency: Check<Latency> = objectOf<Latency>({ ms: isCount, at: isTime, samples: isPositive })

export interface CaHealth {
  readonly health: Health
  /** Failures in a row. */
  readonly failures: number
  readonly lastFailure: Failure | null
  readonly lastSuccess: Instant | null
  readonly openedAt: Instant | null
  /** Time from which a probe may be sent; null while closed, and where only the operator can resume it. */
  readonly openUntil: Instant | null
  /** Number of doublings of the open time. */
  readonly level: number
  readonly lease: Lease | null
  readonly override: Override | null
  /** Of requests for certificates; those of probes are kept with the samples in `status/`. */
  readonly latency: Latency | null
}

/** Position of a group in its strategy. */
export interface Routing {
  /** The CA that served last. */
  readonly last: string | null
  /** Smooth weighted round-robin: the current weight of each CA, and the weights that it belongs to. */
  readonly current: Table<number>
  readonly weights: Table<number>
  /** The CAs of the last hundred selections, oldest first. */
  readonly recent: readonly string[]
}

/** Record of a selection for the next one of the group: current weights of smooth weighted round-robin, and the weights they belong to. */
export interface RoutingTurn {
  readonly group: string
  readonly current: Table<number>
  readonly weights: Table<number>
}

/** A request that was sent, without a recorded result. */
export interface OpenAttempt {
  readonly ca: string
  readonly group: string | null
  readonly purpose: Purpose
  readonly owner: string
  readonly since: Instant
  /** The process that sent it waits no longer than this. */
  readonly deadline: Instant
}

export interface HaState {
  readonly cas: Table<CaHealth>
  readonly groups: Table<Routing>
  readonly attempts: Table<OpenAttempt>
  /** Number of requests by CA and outcome, since the beginning. */
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
