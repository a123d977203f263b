/** Outcome of a change: the facts that every changing command reports, on a terminal as its last line. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { earlier } from '../../base/time.js'
import type { Kind } from '../../eventsourcing/types.js'
import type { TransactionResult } from '../transaction/transact.js'

export interface Outcome {
  /** False for a no-op; in a dry run, true if the command would change something. */
  readonly changed: boolean
  readonly dryRun: boolean
  /** Sequence number of the command in the history of its aggregate; null if nothing was recorded. */
  readonly sequence: number | null
  /** RRDP serial that publishes the change; null if it is not published here. */
  readonly serial: number | null
  /** True if the change is in the published tree here, or the repository elsewhere has confirmed it. */
  readonly published: boolean
  /** CAs of the change that publish elsewhere and wait: `repo sync` or the next `tick` sends it. Left out if there are none. */
  readonly unsynced?: readonly Handle[]
  /** CAs of the change whose repository elsewhere has confirmed it. Left out if there are none. */
  readonly synced?: readonly Handle[]
  /** Time at which something is next due for republication; null if nothing is. */
  readonly nextDue: Instant | null
  /** Keys that the command used, or in a dry run would use. */
  readonly keys: { readonly lasting: number; readonly oneTime: number }
}

/** Returns the outcome of a transaction for the aggregate that the command was given. */
export function outcomeOf(
  done: TransactionResult<unknown>,
  kind: Kind,
  handle: Handle,
  nextDue: Instant | null,
  dryRun = false,
): Outcome {
  const own = done.commit?.aggregates.find((a) => a.id.kind === kind && a.id.handle === handle)
  const published = done.commit?.aggregates.some((a) => a.id.kind === 'pubd') === true && done.tree !== undefined
  return {
    changed: done.changed,
    dryRun,
    sequence: own?.sequence ?? null,
    serial: published ? (done.tree?.serial ?? null) : null,
    published,
    ...(done.unsynced.length === 0 ? {} : { unsynced: done.unsynced }),
    nextDue,
    keys: done.demand,
  }
}

/** Returns the earlier of two instants, either of which may be absent. */
export function soonest(a: Instant | null, b: Instant | null): Instant | null {
  if (a === null) return b
  return b === null ? a : earlier(a, b)
}
