/** Thresholds at which the end of a certificate is reported: 90 days for a CA certificate, 30 for others, critical from 7. Pure. */
import { formatDuration, type Instant, secondsBetween } from '../base/time.js'

const DAY = 86_400

/** Days before the end: CA certificates take longest to replace. */
const EXPIRY_DAYS = { ca: 90, other: 30, critical: 7 } as const

export type ExpiryLevel = 'ok' | 'warning' | 'critical'

export interface Validity {
  readonly notBefore: Instant
  readonly notAfter: Instant
}

/** Returns how urgent it is to replace a certificate. */
export function expiryLevel({ notAfter }: Pick<Validity, 'notAfter'>, isCa: boolean, now: Instant): ExpiryLevel {
  const days = secondsBetween(now, notAfter) / DAY
  if (days < EXPIRY_DAYS.critical) return 'critical'
  return days < (isCa ? EXPIRY_DAYS.ca : EXPIRY_DAYS.other) ? 'warning' : 'ok'
}

/** Returns `expired at T`, `is not valid before T` or `expires at T, in 12d`. */
export function formatExpiry({ notBefore, notAfter }: Validity, now: Instant): string {
  if (notAfter <= now) return `expired at ${notAfter}`
  if (notBefore > now) return `is not valid before ${notBefore}`
  return `expires at ${notAfter}, in ${formatDuration(secondsBetween(now, notAfter)).split(' ').slice(0, 2).join(' ')}`
}
