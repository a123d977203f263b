/** How long objects live and when they are made anew; seconds throughout. Defaults are the ones that the community runs with. */

const HOUR = 3600
const WEEK = 7 * 24 * HOUR
const YEAR = 365 * 24 * HOUR

export interface Timing {
  /** Manifest and CRL: nextUpdate this long after the present, minus up to `publishJitterSeconds`. */
  readonly publishNextSeconds: number
  readonly publishJitterSeconds: number
  /** Manifest and CRL are re-issued when nextUpdate is nearer than this. */
  readonly publishBeforeNextSeconds: number
  readonly roaValidSeconds: number
  readonly roaReissueSeconds: number
  /** Certificates that we issue to children. */
  readonly childValidSeconds: number
  readonly childReissueSeconds: number
  readonly taValidSeconds: number
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
  childValidSeconds: 52 * WEEK,
  childReissueSeconds: 4 * WEEK,
  taValidSeconds: 10 * YEAR,
  roaAggregateThreshold: 100,
  roaDeaggregateThreshold: 90,
}
