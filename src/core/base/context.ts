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
  /** From `--config`; without it `brine.toml` in the data directory counts. */
  readonly configPath?: string
  readonly actor: string
  readonly osUser: string
  readonly host: string
  readonly reason?: string
  readonly lockTimeoutSeconds?: number
  /** Text of `BRINE_NOW`: whether it counts is for the data directory to say. */
  readonly nowOverride?: string
  /** The command's words, for the owner file of the lock and messages: `brine roa add`. */
  readonly command: string
  readonly quiet: boolean
  readonly json: boolean
  readonly dryRun: boolean
  /** A person can be asked: standard input is a terminal. */
  readonly interactive: boolean
  readonly watch: CommitWatch
  /** Tells the user something that does not stop the command. */
  readonly onNotice: (text: string) => void
  /** Shows how far a long command is; silent where nobody watches. */
  readonly onProgress: (done: number, total: number, what: string) => void
}
