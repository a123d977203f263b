/** What every backend needs besides its configuration. */
import type { Clock, Random } from '../base/ports.js'

export interface BackendPorts {
  readonly clock: Clock
  readonly random: Random
  /** For the locks of tokens: one folder for all commands that may use them. */
  readonly lockFolder: string
  /** The program that talks to tokens; unset: the one that was built with this. */
  readonly tokenProgram?: string
}
