/** Intents for high availability, and the ports that deciding them needs. */
import type { Clock } from '../base/ports.js'
import type { Table } from '../base/record.js'
import type { Instant } from '../base/time.js'
import type { Answer } from './breaker.js'
import type { BreakerSettings, GroupSettings } from './settings.js'
import type { Latency, Override } from './state.js'

interface Asking {
  /** Unguessable; the same in `enroll.finish`. */
  readonly attempt: string
  readonly owner: string
  /** Seconds after which nobody waits for the answer. */
  readonly timeout: number
}

export interface Ended extends Answer {
  readonly ca: string
  /** Null for the probe of a closed circuit, which needs no lease. */
  readonly attempt: string | null
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
  /** Takes the leases to probe open circuits whose time has come; `resume` does so before it. */
  | {
      readonly type: 'probes.start'
      readonly probes: readonly { readonly ca: string; readonly attempt: string }[]
      readonly owner: string
      readonly timeout: number
      readonly resume: boolean
    }
  /** The end of an enrolment's request. */
  | ({ readonly type: 'enroll.finish' } & Ended & { readonly attempt: string })
  /** What probes found. */
  | { readonly type: 'probes.finish'; readonly probes: readonly Ended[] }
  /** What the check before a resume found: only one that passed changes anything. */
  | ({ readonly type: 'resume.finish' } & Ended)
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
