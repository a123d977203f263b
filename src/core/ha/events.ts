/**
 * STORED. The facts of high availability: never renamed, never re-typed.
 * Invariant: a fact holds what followed from the settings of its time (counts, instants, averages), so replay needs no configuration.
 */
import type { Table } from '../base/record.js'
import type { Instant } from '../base/time.js'
import type { Failure, Health, Latency, Override, Purpose } from './state.js'

export type HaEvent =
  | AttemptStarted
  | AttemptFinished
  | HealthChanged
  | { readonly type: 'lease.expired'; readonly ca: string; readonly attempt: string; readonly at: Instant }
  | ({ readonly type: 'override.set'; readonly ca: string } & Override)
  | {
      readonly type: 'override.ended'
      readonly ca: string
      readonly why: 'expired' | 'resumed'
      readonly at: Instant
    }

/** A CA was chosen and is about to be asked. */
export interface AttemptStarted {
  readonly type: 'attempt.started'
  readonly attempt: string
  readonly ca: string
  readonly purpose: Purpose
  readonly owner: string
  readonly at: Instant
  readonly deadline: Instant
  /** The one probe of an open circuit: nobody else asks until the deadline. */
  readonly lease: boolean
  readonly turn: Turn | null
}

/** What a selection leaves behind for the next one. */
export interface Turn {
  readonly group: string
  readonly current: Table<number>
  readonly weights: Table<number>
}

/** `attempt` is null for a probe of a closed circuit, which needs no lease. */
export interface AttemptFinished {
  readonly type: 'attempt.finished'
  readonly attempt: string | null
  readonly ca: string
  readonly purpose: Purpose
  readonly at: Instant
  /** Failures in a row, this one included; 0 after a success. Null: this outcome says nothing about the CA's health. */
  readonly failures: number | null
  readonly failure: Failure | null
  readonly outcome: Failure['outcome']
  /** The average after this request; null where it was not measured. */
  readonly latency: Latency | null
}

/** `unhealthy` is where a circuit opens from; nothing dwells there. */
export interface HealthChanged {
  readonly type: 'health.changed'
  readonly ca: string
  readonly from: Health | 'unhealthy'
  readonly to: Health | 'unhealthy'
  readonly reason: string
  readonly at: Instant
  readonly openUntil: Instant | null
  readonly level: number
}
