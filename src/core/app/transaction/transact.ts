/**
 * Runs a use case as one transaction. Retries on conflict; after a promote, a restore or a recovery that lost something it first renumbers.
 * Invariant: nothing that publishes is committed in a new generation before its manifest, CRL and RRDP numbers have been raised.
 *
 * The way of a change: `session` (data directory, configuration, clock) -> `transact` -> `draft` (decides and signs over one revision of the
 * store, without the lock) -> `commit` (takes the lock, writes if the revision is still the newest) -> `publish-tree`.
 */
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { NeedsRenumbering, preview, type TransactionOptions, type TransactionResult } from './commit.js'
import type { UseCase } from './draft.js'
import { renumberAll } from './renumber-all.js'
import { needsRenumbering } from './renumbering.js'
import { commitWithRetry } from './retry.js'

export type { TransactionOptions, TransactionResult } from './commit.js'

/**
 * Runs a use case as one commit, and publishes it. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. A dry
 * run commits nothing and records no rejection.
 */
export async function transact<R>(
  session: Session,
  useCase: UseCase<R>,
  options: TransactionOptions = {},
): Promise<TransactionResult<R>> {
  if (options.dryRun === true) return preview(session, useCase)
  refuseStandby(session)
  for (;;) {
    const done = await commitWithRetry(session, useCase, options)
    if (!(done instanceof NeedsRenumbering)) return done
    await renumberFirst(session, done.toRenumber)
  }
}

/**
 * Checks that the objects of an aggregate may be sent to a server as they are, and renumbers them first in a new generation. Throws `standby`,
 * and the error of the renumbering.
 */
export async function readyToSend(session: Session, id: AggregateId): Promise<void> {
  refuseStandby(session)
  const toRenumber = await session.store.read(async (reader) => needsRenumbering(reader, [id]))
  if (toRenumber.length > 0) await renumberFirst(session, toRenumber)
}

/** Renumbers the whole directory. Throws the error of the first of `ids` that cannot be renumbered. */
async function renumberFirst(session: Session, ids: readonly AggregateId[]): Promise<void> {
  const names = new Set(ids.map(formatAggregateId))
  const { failed } = await renumberAll(session)
  const own = failed.find((f) => names.has(formatAggregateId(f.id)))
  if (own !== undefined) throw own.error
}
