/** Ports that commands of enrolment need. */
import type { Clock } from '../base/ports.js'

export interface EstPorts {
  readonly clock: Clock
}
