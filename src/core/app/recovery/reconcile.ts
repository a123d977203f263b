/**
 * Reconciles parents, children and the publication server after commands were lost.
 * Invariant: a CA that its parent no longer lists as a child is left unchanged, so that nothing more is lost before the operator has decided.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { CaState } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { listEntitlements, syncResources } from '../authority/resource-sync.js'
import { pubdState, readCas, runPubd, type TransactionContext } from '../transaction/context.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { publishLocal } from '../transaction/local-publication.js'
import { renumberAll } from '../transaction/renumber-all.js'
import type { Session } from '../transaction/session.js'
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
    const orphaned = cas.filter((state) => isOrphan(tx, state)).map((state) => state.handle)
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
  for (const state of cas) if (!isOrphan(tx, state)) await syncResources(tx, state.handle)
  await publishAll(tx, cas, handles)
}

/** Returns true if a parent grants the CA no resources any more, or cannot be read. */
function isOrphan(tx: Pick<TransactionContext, 'work'>, state: CaState): boolean {
  return Object.values(state.parents).some((contact) => {
    if (contact.transport !== 'local') return false
    try {
      return listEntitlements(tx, contact).length === 0
    } catch (error) {
      if (error instanceof AppError && error.kind === 'corrupt') return true
      throw error
    }
  })
}

/** Publishes the desired state of each CA. Adds publishers that the server has lost. */
async function publishAll(tx: TransactionContext, cas: readonly CaState[], handles: readonly Handle[]): Promise<void> {
  if (pubdState(tx.work).serial === 0) return
  for (const { handle, repository } of cas)
    if (repository?.transport === 'local' && entry(pubdState(tx.work).publishers, handle) === undefined)
      await runPubd(tx, { type: 'publisher.add', publisher: handle, base: repository.base })
  await publishLocal(tx, handles)
}
