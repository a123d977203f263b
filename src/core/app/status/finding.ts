/** A finding of `status`, and the words that findings share. Pure. */
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'

export interface StatusFinding {
  readonly level: 'warning' | 'critical'
  /** Stable code in kebab-case. */
  readonly code: string
  readonly message: string
  /** The next command. */
  readonly hint: string | null
}

/** Returns a critical finding. */
export function critical(code: string, message: string, hint: string | null): StatusFinding {
  return { level: 'critical', code, message, hint }
}

/** Returns a warning. */
export function warning(code: string, message: string, hint: string | null): StatusFinding {
  return { level: 'warning', code, message, hint }
}

/** Returns the two largest units of the time between two instants: `3d 4h`. */
export function durationBetween(from: Instant, to: Instant): string {
  return formatDuration(secondsBetween(from, to)).split(' ').slice(0, 2).join(' ')
}

/** Returns up to five names, and the number of the others. */
export function list(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}
