/** Validity and renewal margins of objects, in seconds. The defaults are those that the community uses. */

const HOUR = 3600
const WEEK = 7 * 24 * HOUR
const YEAR = 365 * 24 * HOUR

/** Each `...ReissueSeconds` is a margin: an object is renewed when less than this is left of its validity. */
export interface Timing {
  /** Manifest and CRL: nextUpdate is this long after the present, minus up to `publishJitterSeconds`. */
  readonly publishNextSeconds: number
  readonly publishJitterSeconds: number
  /** Manifest and CRL are re-issued when nextUpdate is nearer than this. */
  readonly publishBeforeNextSeconds: number
  readonly roaValidSeconds: number
  readonly roaReissueSeconds: number
  readonly aspaValidSeconds: number
  readonly aspaReissueSeconds: number
  /** Certificates of BGPsec routers. */
  readonly routerValidSeconds: number
  readonly routerReissueSeconds: number
  /** Certificates issued to children. */
  readonly childValidSeconds: number
  readonly childReissueSeconds: number
  readonly taValidSeconds: number
  readonly taReissueSeconds: number
  /** Above this many prefixes in a resource class: one ROA per AS. */
  readonly roaAggregateThreshold: number
  /** Below this many: back to one ROA per prefix. */
  readonly roaDeaggregateThreshold: number
}

export const DEFAULT_TIMING: Timing = {
  publishNextSeconds: 24 * HOUR,
  publishJitterSeconds: 4 * HOUR,
  publishBeforeNextSeconds: 8 * HOUR,
  roaValidSeconds: 52 * WEEK,
  roaReissueSeconds: 4 * WEEK,
  aspaValidSeconds: 52 * WEEK,
  aspaReissueSeconds: 4 * WEEK,
  routerValidSeconds: 52 * WEEK,
  routerReissueSeconds: 4 * WEEK,
  childValidSeconds: 52 * WEEK,
  childReissueSeconds: 4 * WEEK,
  taValidSeconds: 10 * YEAR,
  // half a year, so that a trust anchor's machine that was forgotten for months causes no outage
  taReissueSeconds: 26 * WEEK,
  roaAggregateThreshold: 100,
  roaDeaggregateThreshold: 90,
}
