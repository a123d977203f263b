/**
 * One migration of the data format, from a number to the next.
 * Invariant: a step reads `source` and writes below `target` only; what it does not rebuild (keys, configuration, published tree) stays where it
 * is.
 */
import { KIND_FOLDERS } from '../store/disk/paths.js'

/** Folders of DATA_DIR that a step rebuilds. */
export const FOLDERS: readonly string[] = ['commits', 'objects', ...Object.values(KIND_FOLDERS)]

/** Counts of what the new tree holds. */
export interface Carried {
  readonly commits: number
  readonly aggregates: number
  readonly commands: number
  readonly events: number
  readonly objects: number
}

export interface StepTools {
  /** Reports in one line what was not carried over. */
  readonly warn: (text: string) => void
  readonly progress: (done: number, total: number, what: string) => void
}

export interface Step {
  readonly from: number
  readonly to: number
  /** Description of the change, in one line. */
  readonly title: string
  /** Returns the bytes on disk that `target` will take. */
  requiredSpace(source: string): number
  /** Makes `FOLDERS` and `brine.json` below `target`, an empty folder, and syncs nothing. Throws `corrupt`, `io`. */
  migrate(source: string, target: string, tools: StepTools): Carried
}
