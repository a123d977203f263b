/** Intents for the publication server and the ports that deciding them needs. */
import type { Handle } from '../base/handle.js'
import type { Clock, Random } from '../base/ports.js'
import type { ObjectRef } from './state.js'

export interface ObjectPut extends ObjectRef {
  /** Relative to the publisher's base. */
  readonly name: string
}

/** What one publisher wants: objects under their names, and names that go. */
export interface PublisherChange {
  readonly publisher: Handle
  readonly put: readonly ObjectPut[]
  readonly drop: readonly string[]
}

export type PubdCommand =
  | { readonly type: 'pubserver.init'; readonly rsyncBase: string; readonly rrdpBase: string }
  | { readonly type: 'publisher.add'; readonly publisher: Handle; readonly base: string }
  | { readonly type: 'publisher.remove'; readonly publisher: Handle }
  | { readonly type: 'publish'; readonly changes: readonly PublisherChange[] }
  | { readonly type: 'session.reset' }

/** How many deltas the notification lists (`rrdp_delta_files_*`). Whatever these say, their sizes never exceed the snapshot's and their number never 300. */
export interface RetentionPolicy {
  /** So many stay however old they are. */
  readonly minNr: number
  /** Those younger than this stay however many they are. */
  readonly minSeconds: number
  /** Beyond the two above: no more than so many, */
  readonly maxNr: number
  /** and none older than this. */
  readonly maxSeconds: number
}

export const DEFAULT_RETENTION: RetentionPolicy = { minNr: 5, minSeconds: 1200, maxNr: 50, maxSeconds: 7200 }

export interface PubdPorts {
  readonly clock: Clock
  readonly random: Random
  readonly retention: RetentionPolicy
}
