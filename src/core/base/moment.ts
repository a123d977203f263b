/** A point in time or in a history as people give it: RFC 3339, a duration before the present, or a sequence number. */
import { addSeconds, type Duration, type Instant, parseDuration, parseInstant } from './time.js'

export type Moment = { readonly at: Instant } | { readonly ago: Duration }

/** `2026-11-21T23:20:00Z`, or `7d` for seven days ago; undefined for anything else. */
export function parseMoment(text: string): Moment | undefined {
  const at = parseInstant(text)
  if (at !== undefined) return { at }
  const ago = parseDuration(text)
  return ago === undefined ? undefined : { ago }
}

/** The instant that is meant when it is `now`. */
export function resolveMoment(moment: Moment, now: Instant): Instant {
  return 'at' in moment ? moment.at : addSeconds(now, -moment.ago)
}

/** A place in the history of an aggregate: after its command of this number (0: before the first), or as of a time. */
export type HistoryPoint = { readonly sequence: number } | Moment

/** `12`, `2026-11-21T23:20:00Z`, or `7d` for seven days ago; undefined for anything else. */
export function parseHistoryPoint(text: string): HistoryPoint | undefined {
  return /^(0|[1-9]\d{0,14})$/.test(text) ? { sequence: Number(text) } : parseMoment(text)
}
