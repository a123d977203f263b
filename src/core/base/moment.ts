/** Points in time or in a history as users write them: RFC 3339, a duration before now, or a sequence number. */
import { addSeconds, type Duration, type Instant, parseDuration, parseInstant } from './time.js'

export type Moment = { readonly at: Instant } | { readonly ago: Duration }

/** Parses `2026-11-21T23:20:00Z`, or `7d` for seven days ago; undefined for other text. */
export function parseMoment(text: string): Moment | undefined {
  const at = parseInstant(text)
  if (at !== undefined) return { at }
  const ago = parseDuration(text)
  return ago === undefined ? undefined : { ago }
}

/** Returns the instant that a moment means at the time `now`. */
export function resolveMoment(moment: Moment, now: Instant): Instant {
  return 'at' in moment ? moment.at : addSeconds(now, -moment.ago)
}

/** A point in the history of an aggregate: after the command of this number (0: before the first), or at a time. */
export type HistoryPoint = { readonly sequence: number } | Moment

/** Parses `12`, `2026-11-21T23:20:00Z`, or `7d` for seven days ago; undefined for other text. */
export function parseHistoryPoint(text: string): HistoryPoint | undefined {
  return /^(0|[1-9]\d{0,14})$/.test(text) ? { sequence: Number(text) } : parseMoment(text)
}
