/**
 * Reconciles parents, children and the publication server after commands were lost.
 * Invariant: a CA that its parent no longer lists as a child, or whose parent cannot be read, is left unchanged, so that nothing more is lost before the operator has decided.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { localPlace, repositoryAt } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { unlessCorrupt } from '../../store/disk/damage.js'
import { listEntitlements, syncResources } from '../authority/resource-sync.js'
import { pubdState, readCas, runPubd, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { suspendedSince } from '../session/suspended-by.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { publishLocal } from '../transaction/local-publication.js'
import { renumberAll } from '../transaction/renumber-all.js'
import { transact } from '../transaction/transact.js'
import { reissue } from './reissue.js'

export interface Reconciled {
  readonly serial: number | null
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** CAs that a parent no longer lists as its child. */
  readonly orphans: readonly Handle[]
}

/**
 * Renumbers, updates certificates from their parents, issues missing objects again and publishes. The failure of one CA is reported in
 * `failed`; throws errors that concern the whole data directory.
 */
export async function reconcileAfterRecovery(session: Session, missing: ReadonlySet<Sha256>): Promise<Reconciled> {
  const caught = await renumberAll(session)
  const failed = caught.failed.map(({ id, error }) => failure(formatAggregateId(id), error))
  let served = caught.tree
  const run = async (handles: readonly Handle[]): Promise<void> => {
    const work = async (tx: TransactionContext): Promise<void> => {
      await reconcileCas(tx, handles)
      if (missing.size > 0) await reissue(tx, handles, missing)
    }
    try {
      served = (await transact(session, work, { publishAlways: true })).tree ?? served
    } catch (error) {
      if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
      const [only] = handles
      if (handles.length === 1 && only !== undefined) failed.push(failure(`ca/${only}`, error))
      else for (const handle of handles) await run([handle])
    }
  }
  const { all, orphans } = await session.store.read(async (reader) => {
    const tx = { work: new Work(reader) }
    const { cas } = readCas(tx.work)
    const orphaned = cas.filter((state) => relationOf(tx, state) === 'orphan').map((state) => state.handle)
    return { all: [...tx.work.handles('ta'), ...cas.map((state) => state.handle)], orphans: orphaned }
  })
  await run(all)
  return { serial: served?.serial ?? null, failed, orphans }
}

function failure(aggregate: string, { code, message }: AppError): Reconciled['failed'][number] {
  return { aggregate, code, message }
}

async function reconcileCas(tx: TransactionContext, handles: readonly Handle[]): Promise<void> {
  const cas = readCas(tx.work).cas.filter((state) => handles.includes(state.handle))
  for (const state of cas) if (relationOf(tx, state) === 'child') await syncResources(tx, state.handle)
  await publishAll(tx, cas, handles)
}

/** Returns `orphan` if a parent grants the CA no resources any more, other than while it has suspended it; otherwise `unknown` if a parent cannot be read. */
function relationOf(tx: Pick<TransactionContext, 'work'>, state: CaState): 'child' | 'orphan' | 'unknown' {
  const found = Object.values(state.parents).map((contact) => {
    // another instance knows its children; its entitlements are asked for with the next tick
    if (contact.transport !== 'local') return 'child'
    const isChild = unlessCorrupt(
      () => suspendedSince(tx, contact) !== undefined || listEntitlements(tx, contact).length > 0,
    )
    if (isChild === undefined) return 'unknown'
    return isChild ? 'child' : 'orphan'
  })
  return (['orphan', 'unknown'] as const).find((relation) => found.includes(relation)) ?? 'child'
}

/** Publishes the desired state of each CA. Adds publishers that the server has lost. */
async function publishAll(tx: TransactionContext, cas: readonly CaState[], handles: readonly Handle[]): Promise<void> {
  if (pubdState(tx.work).serial === 0) return
  for (const state of cas) {
    const { handle } = state
    const place = localPlace(state)
    const repository = place === undefined ? null : repositoryAt(state, place)
    if (repository !== null && entry(pubdState(tx.work).publishers, handle) === undefined)
      await runPubd(tx, { type: 'publisher.add', publisher: handle, base: repository.base })
  }
  await publishLocal(tx, handles)
}
