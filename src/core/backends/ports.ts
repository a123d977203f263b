/** What every backend needs besides its configuration. */
import type { Clock, Random } from '../base/ports.js'

export interface BackendPorts {
  readonly clock: Clock
  readonly random: Random
}
