/** Findings about the enrolment CAs. Pure. */
import type { Instant } from '../../base/time.js'
import { critical, list, type StatusFinding, warning } from './finding.js'

/** State of the enrolment CAs. */
export interface EnrolmentFacts {
  /** Groups without an available CA, with the reasons. */
  readonly down: readonly string[]
  /** Groups with some unavailable CAs, with the reasons. */
  readonly degraded: readonly string[]
  /** Time of the newest probe if it is too long ago; null otherwise. */
  readonly unprobedSince: Instant | null
  /** Requests for which a CA may have issued a certificate without a response. */
  readonly unknown: readonly string[]
}

/** Returns the findings about groups of CAs and requests without a response. */
export function enrolmentFindings(
  { down, degraded, unprobedSince, unknown }: EnrolmentFacts,
  primary: boolean,
): readonly StatusFinding[] {
  const found: StatusFinding[] = [
    ...down.map((what) => critical('ha-down', `no CA is available in group ${what}`, 'brine ha status')),
    ...degraded.map((what) => warning('ha-degraded', `some CAs are unavailable in group ${what}`, 'brine ha status')),
  ]
  if (primary && unprobedSince !== null)
    found.push(warning('ha-unprobed', `no CA has been probed since ${unprobedSince}`, 'brine tick, and check cron'))
  if (unknown.length > 0)
    found.push(
      warning(
        'est-unknown',
        `outcome unknown, a CA may have issued a certificate: request ${list(unknown)}`,
        'brine est status',
      ),
    )
  return found
}
