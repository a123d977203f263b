/** Ranges of commands that were archived, as `archived.json` stores them, and the range that holds a command or an event. */
import type { Instant } from '../../base/time.js'

/** STORED in `archived.json`. Consecutive commands of the same type and actor that were archived to the same folder. */
export interface ArchivedRange {
  readonly from: number
  readonly to: number
  readonly fromVersion: number
  readonly toVersion: number
  readonly type: string
  readonly actor: string
  /** Archive folder; null: `archived/` in the aggregate's folder. */
  readonly dir: string | null
  /**
   * Time at which they were archived: the original files stay for one more day, for a copy that is being taken. Absent once they are
   * removed.
   */
  readonly since?: Instant
  /**
   * Generation of the directory at that time: in another one (a restored backup) the archived files may be missing. Present with `since`.
   */
  readonly generation?: number
}

/** Returns the range that contains a command, by binary search. */
export function rangeOf(ranges: readonly ArchivedRange[], sequence: number): ArchivedRange | undefined {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.to ?? 0) < sequence) low = middle + 1
    else high = middle
  }
  const found = ranges[low]
  return found !== undefined && found.from <= sequence ? found : undefined
}

/** Returns the range that contains an event. */
export function rangeOfEvent(ranges: readonly ArchivedRange[], version: number): ArchivedRange | undefined {
  return ranges.find((r) => r.fromVersion <= version && version < r.toVersion)
}
