/** Times of what comes next, in words: one that lies in the past until `tick` runs is due now. */
import type { Instant } from '../../base/time.js'

/** Returns the time, or `due now, with the next tick` for one that has come. */
export function dueText(at: Instant, now?: Instant): string {
  return now !== undefined && at <= now ? 'due now, with the next tick' : at
}

/** Returns the same in the width of a cell: `due now`. */
export function dueCell(at: Instant, now?: Instant): string {
  return now !== undefined && at <= now ? 'due now' : at
}
