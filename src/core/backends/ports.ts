/** Ports of every backend. */
import type { Clock, Random } from '../base/ports.js'

export interface BackendPorts {
  readonly clock: Clock
  readonly random: Random
  /** Folder for the locks of tokens, the same for all commands that may use them. */
  readonly lockFolder: string
  /** The program that talks to tokens; default: the one of this build. */
  readonly tokenProgram?: string
}
