/** Context of a command: who runs it, where and how. The command line passes it to a use case; it does not depend on a terminal. */
import type { AppError, Changed } from './errors.js'
import type { Handle } from './handle.js'

/** Notice about a request to a CA that has no response yet. */
export interface OpenRequestNotice {
  readonly kind: 'pending' | 'uncertain'
  /** Printed after `interrupted: `. */
  readonly message: string
  readonly hint: string
}

/**
 * Record of what a command has made durable so far. Only the use case writes it; the handler of an interrupt, or of output that cannot be written,
 * reads it to report whether anything changed. Set to `unknown` just before the commit and to `yes` when it has returned.
 */
export interface CommitWatch {
  changed: Changed
  /** The request to a CA that has no response yet: an interrupt reports it. */
  openRequest?: OpenRequestNotice | undefined
  /** CAs whose repository elsewhere has not confirmed what the commits have changed. */
  unsynced?: Set<Handle>
}

/** Effects of a change that the user accepts, and the files of announcements and VRPs that the guard judges it by. */
export interface SafetyOptions {
  /** The most VRPs that may vanish. Left out: the usual limits. */
  readonly maxRemovals?: number | undefined
  /** True if the user accepts what the limits hold, with a reason. */
  readonly isAccepted: boolean
  /** True if routes to repositories may become invalid. */
  readonly allowInvalidRepository: boolean
  readonly bgp?: readonly string[] | undefined
  readonly vrps?: string | undefined
  readonly staleAllowed?: boolean | undefined
}

/** Options of a command, filled by the command line from flags and environment. */
export interface CommandContext {
  /** As the user wrote it. */
  readonly dataDir: string
  /** From `--config`; default: `brine.toml` in the data directory. */
  readonly configPath?: string
  readonly actor: string
  readonly osUser: string
  readonly host: string
  readonly reason?: string
  readonly lockTimeoutSeconds?: number
  /** Folders with archived files that were moved out of the data directory. */
  readonly archives?: readonly string[]
  /** Text of `BRINE_NOW`, which is valid only in a test data directory. */
  readonly nowOverride?: string
  /** True if the data directory is opened as a stand-by, whatever it is. */
  readonly asCopy?: true
  /** True if nothing may be written, not even a migration that the configuration allows. */
  readonly dryRun?: boolean
  /** True for a command that cron or a web server starts: it refuses a clock that nothing confirms, instead of only saying so. */
  readonly unattended?: true
  /** True if the user confirmed that the clock is right. */
  readonly clockIsRight?: true
  /** The command's name, for the owner file of the lock and for messages: `brine roa add`. */
  readonly command: string
  /**
   * Migrates a data directory of an older format before the command opens it, if the configuration allows that. Throws `older`
   * otherwise. Injected, since the migration is on a higher floor than the session that calls it.
   */
  readonly upgradeFirst?: (context: CommandContext, older: AppError) => Promise<void>
  /** Set for a command whose change is reviewed before it is committed (`src/core/app/safety`). */
  readonly safety?: SafetyOptions
  /** Records what has become durable, for an interrupt to report. */
  readonly watch?: CommitWatch
  /** Shows a warning that does not stop the command. */
  readonly onNotice?: (text: string) => void
  /** Shows the progress of a long command; silent without a terminal. */
  readonly onProgress?: (done: number, total: number, what: string) => void
}
