/**
 * Draft of a transaction: a use case run over one revision of the store, with what it would commit.
 * Invariant: nothing outside memory, `keys/` and `tmp/` changes; a draft is committed only while its revision is the newest.
 */
import type { Instant } from '../../base/time.js'
import type { KeyDemand } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Rejected, type Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { guardClock } from '../session/clock-guard.js'
import type { TransactionContext } from '../session/context.js'
import { type ContextOptions, openContext } from '../session/open-context.js'
import type { Session } from '../session/session.js'
import { countingSigner } from '../session/signing.js'
import { isHeld, leaveRepositories, publishLocal } from './local-publication.js'
import { needsRenumbering } from './renumbering.js'

/** Commands on a transaction context. It may run more than once, so it keeps nothing outside of the context. */
export type UseCase<R> = (tx: TransactionContext) => Promise<R>

export interface Draft<R> {
  readonly tx: TransactionContext
  readonly result: R
  readonly changed: boolean
  readonly at: Instant
  /** The revision of the store that the draft was computed from. */
  readonly reader: StoreReader
  /** Aggregates it touches that must be renumbered before it can be committed (see renumbering.ts). */
  readonly toRenumber: readonly AggregateId[]
}

/** A draft that a rule rejected, and the aggregate if it must be renumbered before the rejection can be recorded. */
export interface RejectedDraft {
  readonly rejected: Rejected
  readonly toRenumber: readonly AggregateId[]
}

export function isRejected<R>(outcome: Draft<R> | RejectedDraft): outcome is RejectedDraft {
  return 'rejected' in outcome
}

/**
 * Runs a use case, then publishes at the local publication server what its CAs and trust anchors changed. A rejection by a rule is returned.
 * Throws `corrupt`, `clock-behind`, `clock-jumped`, `io`, and `object-profile` (internal) for an object that relying parties would reject.
 */
export async function draft<R>(
  session: Session,
  reader: StoreReader,
  useCase: UseCase<R>,
  options: ContextOptions,
): Promise<Draft<R> | RejectedDraft> {
  if (!options.isDryRun) await guardClock(session, reader.at)
  const tx = openContext(session, reader, options)
  const { work } = tx
  try {
    const result = await useCase(tx)
    await leaveRepositories(tx, work.touched('ca'))
    const changed = [...work.touched('ca'), ...work.touched('ta')]
    if (!isHeld(tx)) await publishLocal(tx, changed)
    else if (changed.length > 0 && !options.isDryRun) session.options.onNotice?.(HELD)
    if (session.options.safety !== undefined && work.changed) {
      const { reviewChange } = await import('../safety/review.js')
      await reviewChange(session, tx, session.options.safety)
    }
    const at = tx.ports.clock.now()
    return { tx, result, changed: work.changed, at, reader, toRenumber: needsRenumbering(reader, publishing(work)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const { kind, handle } = error.id
    return { rejected: error, toRenumber: needsRenumbering(reader, work.exists(kind, handle) ? [error.id] : []) }
  }
}

const HELD = 'not published yet: the last RRDP delta is younger than rrdp_interval; the next tick publishes'

/** Aggregates of the kinds that publish which the work has touched. */
function publishing(work: Work): readonly AggregateId[] {
  return (['ta', 'ca', 'pubd'] as const).flatMap((kind) => work.touched(kind).map((handle) => ({ kind, handle })))
}

export interface DryRun<R> {
  readonly outcome: Draft<R> | RejectedDraft
  /** Keys that the use case needs. */
  readonly demand: KeyDemand
}

/** Runs a use case with dummy keys and signatures. Returns what it would do and how many keys it needs; `onDemand` is called at each key. */
export async function dryRun<R>(
  session: Session,
  reader: StoreReader,
  useCase: UseCase<R>,
  onDemand?: (demand: KeyDemand) => void,
): Promise<DryRun<R>> {
  const signer = countingSigner(session, onDemand)
  return { outcome: await draft(session, reader, useCase, { signer, isDryRun: true }), demand: signer.demand() }
}
