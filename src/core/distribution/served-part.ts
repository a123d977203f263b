/** A part of the published tree as a repository server serves it, compared with what was published. */
import { type Instant, secondsBetween } from '../base/time.js'

/**
 * `ok`: the version that is published, complete. `behind`: an earlier version. `ahead`: a later one. `differs`: something that was not
 * published. `broken`: files that are missing or damaged. `unreachable`: no answer. `unchecked`: this machine cannot check it.
 */
export type PartState = 'ok' | 'behind' | 'ahead' | 'differs' | 'broken' | 'unreachable' | 'unchecked'

export interface ServedPart {
  readonly state: PartState
  /** Null if unknown. */
  readonly session: string | null
  readonly serial: number | null
  /** Number of serials that are missing; null if unknown. */
  readonly behind: number | null
  /** Time since when a newer version is published; null if it serves the newest, or if it was not published here. */
  readonly since: Instant | null
  /** Findings in words; empty without one. */
  readonly findings: readonly string[]
}

const NOTHING = { session: null, serial: null, behind: null, since: null }

/** Returns a part that could not be read. */
export function unread(state: 'broken' | 'unreachable' | 'unchecked', ...findings: readonly string[]): ServedPart {
  return { state, ...NOTHING, findings }
}

/** Returns true if a server with this part may stay in a pool: it serves a complete version that is not older than `maxLag` seconds allow. */
export function isGood({ state, since }: ServedPart, now: Instant, maxLag: number): boolean {
  if (state === 'ok' || state === 'unchecked') return true
  return since !== null && secondsBetween(since, now) <= maxLag
}
