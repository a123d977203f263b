/** Who runs a command, where and how: what the command line hands to a use case, with no terminal in it. */
import type { Changed } from './errors.js'

/**
 * What a command has made durable so far. The one writer is the use case; an interrupt, or output that cannot be written, reads it
 * to tell the user whether anything changed. Set `unknown` just before the commit and `yes` when it returned.
 */
export interface CommitWatch {
  changed: Changed
}

export interface CommandContext {
  /** As the user wrote it. */
  readonly dataDir: string
  /** From `--config`; undefined means `brine.toml` in the data directory. */
  readonly configPath: string | undefined
  readonly actor: string
  readonly osUser: string
  readonly host: string
  readonly reason: string | undefined
  readonly lockTimeoutSeconds: number | undefined
  readonly quiet: boolean
  readonly json: boolean
  readonly dryRun: boolean
  /** `BRINE_NOW` as it stands: whether it counts is for the data directory to say. */
  readonly nowOverride: string | undefined
  /** A person can be asked: standard input is a terminal. */
  readonly interactive: boolean
  readonly watch: CommitWatch
  /** Shows how far a long command is; silent where nobody watches. */
  readonly progress: Progress
  /** Tells the user something that does not stop the command; on stderr. */
  readonly warn: (text: string) => void
}

export interface Progress {
  /** Replaces what was shown; `done` of `total` when both are known. */
  step(what: string, done?: number, total?: number): void
  /** Takes the line away. */
  clear(): void
}
