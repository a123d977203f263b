/** STORED. The facts of the publication server's life: never renamed, never re-typed. */
import type { Handle } from '../base/handle.js'
import type { Instant } from '../base/time.js'
import type { DeltaChange } from './state.js'

export type PubdEvent =
  | {
      readonly type: 'pubserver.initialised'
      readonly rsyncBase: string
      readonly rrdpBase: string
      readonly sessionId: string
      readonly at: Instant
      readonly part: string
    }
  | { readonly type: 'publisher.added'; readonly publisher: Handle; readonly base: string; readonly at: Instant }
  | { readonly type: 'publisher.removed'; readonly publisher: Handle }
  | Published
  | { readonly type: 'session.reset'; readonly sessionId: string; readonly at: Instant; readonly part: string }

/** One serial of the repository: what changed, and how many deltas (this one included) the notification lists from now on. */
export interface Published {
  readonly type: 'published'
  readonly serial: number
  readonly at: Instant
  readonly part: string
  readonly changes: readonly DeltaChange[]
  readonly retained: number
}
