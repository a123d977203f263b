/**
 * One migration of the data format, from a number to the next.
 * Invariant: a step reads `source` and writes below `target` alone; what it does not remake (keys, configuration, served tree) stays where it is.
 */

/** What a step carried over. */
export interface Carried {
  readonly commits: number
  readonly aggregates: number
  readonly commands: number
  readonly events: number
  readonly objects: number
}

export interface StepTools {
  /** One line for people about what was left behind. */
  readonly notice: (text: string) => void
  readonly progress: (done: number, total: number, what: string) => void
}

export interface Step {
  readonly from: number
  readonly to: number
  /** What it changes, in one line. */
  readonly title: string
  /** Bytes that `target` will take, whole blocks. */
  needs(source: string): number
  /** Makes the folders of `FOLDERS` and `brine.json` below `target`, an empty folder. Throws `corrupt`, `io`. Nothing is synced. */
  migrate(source: string, target: string, tools: StepTools): Carried
}
