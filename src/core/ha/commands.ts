/** Intents for high availability, and the ports that deciding them needs. */
import type { Clock } from '../base/ports.js'
import type { Table } from '../base/record.js'
import type { Instant } from '../base/time.js'
import type { Answer } from './breaker.js'
import type { BreakerSettings, GroupSettings } from './settings.js'
import type { Latency, Override, Purpose } from './state.js'

interface Asking {
  /** Unguessable; the same in `attempt.finish`. */
  readonly attempt: string
  readonly owner: string
  /** Seconds after which nobody waits for the answer. */
  readonly timeout: number
}

export type HaCommand =
  /** Chooses a CA of a group for a request. */
  | (Asking & {
      readonly type: 'enroll.start'
      readonly group: GroupSettings
      /** CAs that this request has asked already. */
      readonly tried: readonly string[]
      /** Averages of probes, which are kept outside of history. */
      readonly probed: Table<Latency>
    })
  /** A request to one CA, with no choice and no failover. */
  | (Asking & { readonly type: 'enroll.direct'; readonly ca: string })
  /** Takes the lease to probe an open circuit; `resume` does so before its time. */
  | (Asking & { readonly type: 'probe.start'; readonly ca: string; readonly resume: boolean })
  | ({
      readonly type: 'attempt.finish'
      readonly attempt: string
      readonly ca: string
      readonly purpose: Purpose
    } & Answer)
  /** A probe of a closed circuit that changes something. */
  | ({ readonly type: 'probe.report'; readonly ca: string } & Answer)
  | {
      readonly type: 'override.set'
      readonly ca: string
      readonly mode: Override['mode']
      readonly reason: string
      readonly until: Instant | null
    }
  | { readonly type: 'override.end'; readonly ca: string }

export interface HaPorts {
  readonly clock: Clock
  readonly breaker: BreakerSettings
}
