/** What every change reports: the line that ends it on a terminal, and the same facts for scripts. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { earlier } from '../../base/time.js'
import type { Kind } from '../../eventsourcing/types.js'
import type { TransactionResult } from './transact.js'

export interface Outcome {
  /** False for a no-op; in a dry run: would it change something? */
  readonly changed: boolean
  readonly dryRun: boolean
  /** Sequence of the command in the history of the aggregate it was for; null when nothing was recorded. */
  readonly sequence: number | null
  /** RRDP serial that serves the change; null when it is not published here. */
  readonly serial: number | null
  readonly published: boolean
  /** When republishing is next due. */
  readonly nextDue: Instant | null
  /** One-time and lasting keys that it used, or would use. */
  readonly keys: { readonly lasting: number; readonly oneTime: number }
}

/** The outcome of a change as seen from one aggregate. */
export function outcomeOf(
  change: TransactionResult<unknown>,
  kind: Kind,
  handle: Handle,
  nextDue: Instant | null,
  dryRun = false,
): Outcome {
  const own = change.commit?.aggregates.find((a) => a.id.kind === kind && a.id.handle === handle)
  const published = change.commit?.aggregates.some((a) => a.id.kind === 'pubd') === true && change.tree !== undefined
  return {
    changed: change.changed,
    dryRun,
    sequence: own?.sequence ?? null,
    serial: published ? (change.tree?.serial ?? null) : null,
    published,
    nextDue,
    keys: change.demand,
  }
}

/** The earlier of two instants that may be missing. */
export function soonest(a: Instant | null, b: Instant | null): Instant | null {
  if (a === null) return b
  return b === null ? a : earlier(a, b)
}
