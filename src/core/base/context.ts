/** Who runs a command, where and how: what the command line hands to a use case, with no terminal in it. */
import type { AppError, Changed } from './errors.js'

/** A question whose answer has not come. */
export interface OpenRequestNotice {
  readonly kind: 'pending' | 'uncertain'
  /** Goes on after `interrupted: `. */
  readonly message: string
  readonly hint: string
}

/**
 * What a command has made durable so far. The one writer is the use case; an interrupt, or output that cannot be written, reads it
 * to tell the user whether anything changed. Set `unknown` just before the commit and `yes` when it returned.
 */
export interface CommitWatch {
  changed: Changed
  /** What somebody elsewhere was asked and has not answered yet: who interrupts now reads this. */
  question?: OpenRequestNotice | undefined
}

/** Who asks, from where, for which data directory; filled from flags and environment by the command line. */
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
  /** Folders that hold what was archived and moved away. */
  readonly archives?: readonly string[]
  /** Text of `BRINE_NOW`: whether it counts is for the data directory to say. */
  readonly nowOverride?: string
  /** Nothing may be written: not even a migration that the configuration allows. */
  readonly dryRun?: boolean
  /** The command's words, for the owner file of the lock and messages: `brine roa add`. */
  readonly command: string
  /**
   * Migrates a data directory of an older format before the command opens it, where the configuration allows that. Throws `older`
   * otherwise. Injected, since migration lies above the session that calls it.
   */
  readonly upgradeFirst?: (context: CommandContext, older: AppError) => Promise<void>
  /** Told what has become durable, for an interrupt to report. */
  readonly watch?: CommitWatch
  /** Tells the user something that does not stop the command. */
  readonly onNotice?: (text: string) => void
  /** Shows how far a long command is; silent where nobody watches. */
  readonly onProgress?: (done: number, total: number, what: string) => void
}
