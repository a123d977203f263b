/** Use case of `brine repo sync`: compares what a CA wants published with what its repository has, and publishes the difference as one delta. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { filesAt, localPlace } from '../../ca/state/places.js'
import { publicationDelta } from '../../pubd/content.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { knownCa, pubdState, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { publishLocal } from '../transaction/local-publication.js'
import { transact } from '../transaction/transact.js'

export interface RepoSyncReport extends Outcome {
  readonly ca: Handle
  /** Objects that were published. */
  readonly put: number
  /** Objects that were withdrawn. */
  readonly withdrawn: number
}

/** Publishes the difference and brings the published tree up to date. A repetition is a no-op. Throws `ca-unknown`, `repo-none` (rejected). */
export async function syncRepository(
  session: Session,
  ca: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<RepoSyncReport> {
  const dryRun = options.dryRun === true
  const done = await transact(
    session,
    async (tx) => {
      const difference = differenceOf(tx, ca)
      await publishLocal(tx, [ca])
      return difference
    },
    { dryRun, publishAlways: true },
  )
  return { ca, ...done.result, ...outcomeOf(done, 'pubd', '0' as Handle, null, dryRun) }
}

function differenceOf(tx: TransactionContext, ca: Handle): Pick<RepoSyncReport, 'put' | 'withdrawn'> {
  const state = knownCa(tx.work, ca)
  const server = pubdState(tx.work)
  if (entry(server.publishers, ca) === undefined)
    throw new AppError('rejected', 'repo-none', `${ca} does not publish in the repository of this data directory`, {
      hint: `brine repo configure ${ca} --local`,
    })
  const { put, drop } = publicationDelta(server, ca, filesAt(state, localPlace(state) ?? 'current'))
  return { put: put.length, withdrawn: drop.length }
}
