/** Ranges of commands that were archived, as `archived.json` stores them, and the range that holds a command or an event. */
import type { Instant } from '../../base/time.js'

/** STORED in `archived.json`. Commands in a row that went the same way. */
export interface ArchivedRange {
  readonly from: number
  readonly to: number
  readonly fromVersion: number
  readonly toVersion: number
  readonly type: string
  readonly actor: string
  /** The folder that they went to; null: `archived/`. */
  readonly dir: string | null
  /** When the archive had them: the first files stay for a day more, for a copy that is being taken. Absent once they are gone. */
  readonly since?: Instant
  /** Generation of the directory then: in another one (a restored backup) nobody knows what came along. Goes with `since`. */
  readonly generation?: number
}

/** The range that holds a command. */
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

/** The range that holds an event. */
export function rangeOfEvent(ranges: readonly ArchivedRange[], version: number): ArchivedRange | undefined {
  return ranges.find((r) => r.fromVersion <= version && version < r.toVersion)
}
