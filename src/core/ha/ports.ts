/** Ports that commands of high availability need. */
import type { Clock } from '../base/ports.js'
import type { BreakerSettings } from './settings.js'

export interface HaPorts {
  readonly clock: Clock
  readonly breaker: BreakerSettings
}
