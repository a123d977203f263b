/**
 * After commands were lost: parents, children and the publication server are brought to agree again.
 * Invariant: a CA that its parent knows no more is left as it is, so that nothing is lost for a second time before somebody has looked.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { CaState } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { listEntitlements, syncDown } from '../authority/resource-sync.js'
import { type Desk, pubdState, readCas, runPubd } from '../transaction/context.js'
import { publishLocal } from '../transaction/local-publication.js'
import type { Session } from '../transaction/session.js'
import { catchUp, change, concernsAll } from '../transaction/transact.js'
import { reissue } from './reissue.js'

export interface Joined {
  readonly serial: number | null
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** CAs that a parent knows no more. */
  readonly orphans: readonly Handle[]
}

/** Numbers jump, certificates follow their parents, everything is published. Throws what is wrong with the whole directory. */
export async function bringTogether(session: Session, missing: ReadonlySet<Sha256>): Promise<Joined> {
  const caught = await catchUp(session)
  const failed = caught.failed.map(({ id, error }) => failure(formatAggregateId(id), error))
  let served = caught.served
  const run = async (handles: readonly Handle[]): Promise<void> => {
    const work = async (desk: Desk): Promise<void> => {
      await join(desk, handles)
      if (missing.size > 0) await reissue(desk, handles, missing)
    }
    try {
      served = (await change(session, work, { serveAnyway: true })).served ?? served
    } catch (error) {
      if (!(error instanceof AppError) || concernsAll(error)) throw error
      const [only] = handles
      if (handles.length === 1 && only !== undefined) failed.push(failure(`ca/${only}`, error))
      else for (const handle of handles) await run([handle])
    }
  }
  const { all, orphans } = await session.store.read(async (reader) => {
    const desk = { work: new Work(reader) }
    const { cas } = readCas(desk.work)
    const lost = cas.filter((state) => isOrphan(desk, state)).map((state) => state.handle)
    return { all: [...desk.work.handles('ta'), ...cas.map((state) => state.handle)], orphans: lost }
  })
  await run(all)
  return { serial: served?.serial ?? null, failed, orphans }
}

function failure(aggregate: string, { code, message }: AppError): Joined['failed'][number] {
  return { aggregate, code, message }
}

async function join(desk: Desk, handles: readonly Handle[]): Promise<void> {
  const cas = readCas(desk.work).cas.filter((state) => handles.includes(state.handle))
  for (const state of cas) if (!isOrphan(desk, state)) await syncDown(desk, state.handle)
  await publishAll(desk, cas, handles)
}

/** Does a parent that can be read give it nothing any more? One that cannot be read says nothing. */
function isOrphan(desk: Pick<Desk, 'work'>, state: CaState): boolean {
  return Object.values(state.parents).some((contact) => {
    try {
      return listEntitlements(desk, contact).length === 0
    } catch (error) {
      if (error instanceof AppError && error.kind === 'corrupt') return true
      throw error
    }
  })
}

/** What each CA wants served; a publisher that the server has lost is made again. */
async function publishAll(desk: Desk, cas: readonly CaState[], handles: readonly Handle[]): Promise<void> {
  if (pubdState(desk.work).serial === 0) return
  for (const { handle, repository } of cas)
    if (repository !== null && entry(pubdState(desk.work).publishers, handle) === undefined)
      await runPubd(desk, { type: 'publisher.add', publisher: handle, base: repository.base })
  await publishLocal(desk, handles)
}
