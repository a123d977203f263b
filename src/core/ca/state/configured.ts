/** Payloads that the operator configured, as a CA stores them. */
import { type Check, isCount, isText, isTime, listOf, objectOf, orNull } from '../../base/shape.js'
import type { Instant } from '../../base/time.js'

/** STORED. A ROA that the operator configured; the key in the table is its text `P-L => ASN`. */
export interface RoaConfig {
  readonly asn: number
  readonly prefix: string
  readonly maxLength: number
  readonly comment: string | null
  readonly since: Instant
}

export const isRoaConfig: Check<RoaConfig> = objectOf<RoaConfig>({
  asn: isCount,
  prefix: isText,
  maxLength: isCount,
  comment: orNull(isText),
  since: isTime,
})

/** STORED. An ASPA that the operator configured; the key in the table is its customer AS, `AS64496`. */
export interface AspaConfig {
  readonly customer: number
  /** Ascending, each once. */
  readonly providers: readonly number[]
  readonly comment: string | null
  readonly since: Instant
}

export const isAspaConfig: Check<AspaConfig> = objectOf<AspaConfig>({
  customer: isCount,
  providers: listOf(isCount),
  comment: orNull(isText),
  since: isTime,
})

/**
 * STORED. Dates of a ROA that are still to come; the key in the table is its text `P-L => ASN`. Left out `from`: it is in effect. The comment is
 * that of a ROA which is added later.
 */
export interface ScheduledRoa {
  readonly asn: number
  readonly prefix: string
  readonly maxLength: number
  readonly comment: string | null
  readonly from?: Instant
  readonly until?: Instant
}

export const isScheduledRoa: Check<ScheduledRoa> = objectOf<ScheduledRoa>({
  asn: isCount,
  prefix: isText,
  maxLength: isCount,
  comment: orNull(isText),
  'from?': isTime,
  'until?': isTime,
})
