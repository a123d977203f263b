/** Payloads that the operator configured, as a CA stores them. */
import { type Check, isCount, isKeyId, isText, isTime, listOf, objectOf, orNull } from '../../base/shape.js'
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'

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

/** STORED. A router key that another one replaces, and the wait until `tick` removes it. */
export interface ReplacedRouter {
  /** Name of the old key. */
  readonly router: string
  /** Seconds from the addition of the new key to the removal of the old one; null: the operator removes it. */
  readonly after: number | null
}

/** STORED. The key of a BGPsec router that the operator configured; the key in the table is its name, `ROUTER-0000FBF0-<SKI>`. */
export interface RouterConfig {
  readonly asn: number
  readonly ski: KeyId
  /** Base64 of the SubjectPublicKeyInfo. */
  readonly spki: string
  /** Base64 of the certification request, the proof that its sender holds the private key. */
  readonly request: string
  /** BGP Identifier `192.0.2.1`; null where it is not known. */
  readonly routerId: string | null
  readonly comment: string | null
  readonly since: Instant
  /** Absent if the key replaces none, or the old one has been removed. */
  readonly replaces?: ReplacedRouter
}

export const isRouterConfig: Check<RouterConfig> = objectOf<RouterConfig>({
  asn: isCount,
  ski: isKeyId,
  spki: isText,
  request: isText,
  routerId: orNull(isText),
  comment: orNull(isText),
  since: isTime,
  'replaces?': objectOf<ReplacedRouter>({ router: isText, after: orNull(isCount) }),
})
