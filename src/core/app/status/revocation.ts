/**
 * Countdown to what registries revoke: a CA without a valid manifest, RIPE NCC after three months
 * (RIPE policy 2025-02). Pure.
 */
import type { Handle } from '../../base/handle.js'
import { addSeconds, formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { StatusFinding } from './finding.js'

const GRACE_SECONDS = 90 * 86_400

/** A CA with a parent elsewhere. */
export interface RevocableCa {
  readonly ca: Handle
  readonly parent: Handle
  /** Time from which a registry revokes the CA if nothing is published; null without a manifest in the repository. */
  readonly revocationFrom: Instant | null
}

/** Returns the time from which a registry revokes a CA whose first manifest goes stale at `staleAt`; null without a manifest. */
export function revocationFrom(staleAt: Instant | null): Instant | null {
  return staleAt === null ? null : addSeconds(staleAt, GRACE_SECONDS)
}

/** Returns a critical finding for a CA whose manifest is stale, with the time that is left until registries revoke it. */
export function revocationFindings(
  { ca, parent, revocationFrom: from }: RevocableCa,
  now: Instant,
): readonly StatusFinding[] {
  if (from === null) return []
  const staleAt = addSeconds(from, -GRACE_SECONDS)
  if (staleAt > now) return []
  const [day] = formatDuration(secondsBetween(now, from)).split(' ')
  const when = from > now ? `about ${from.slice(0, 10)}, in ${day}` : `since ${from.slice(0, 10)}`
  return [
    {
      ...{ level: 'critical', code: 'revocation-near', hint: `brine tick, then: brine repo status ${ca}` },
      message: `${ca} has no valid manifest since ${staleAt}: registries such as parent ${parent} revoke such a CA (RIPE NCC after three months: ${when})`,
    },
  ]
}
