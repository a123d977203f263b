/**
 * After commands were lost: parents, children and the publication server are brought to agree again.
 * Invariant: a CA that its parent knows no more is left as it is, so that nothing is lost for a second time before somebody has looked.
 */
import { AppError } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry } from '../base/record.js'
import type { CaState } from '../ca/state.js'
import { listEntitlements, syncDown } from './cascade.js'
import { catchUp, change } from './change.js'
import { type Desk, pubdState, readCas, runPubd } from './desk.js'
import { publishLocal } from './publication.js'
import type { Session } from './session.js'

export interface Joined {
  readonly serial: number | null
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** CAs that a parent knows no more. */
  readonly orphans: readonly Handle[]
}

/** Numbers jump, certificates follow their parents, everything is published. Throws what is wrong with the whole directory. */
export async function bringTogether(session: Session): Promise<Joined> {
  const caught = await catchUp(session)
  const done = await change(session, join, { serveAnyway: true })
  return {
    serial: (done.served ?? caught.served)?.serial ?? null,
    failed: caught.failed.map(({ id, error }) => ({
      aggregate: `${id.kind}/${id.handle}`,
      code: error.code,
      message: error.message,
    })),
    orphans: done.result,
  }
}

async function join(desk: Desk): Promise<readonly Handle[]> {
  const { cas } = readCas(desk.work)
  const orphans = cas.filter((state) => isOrphan(desk, state)).map((state) => state.handle)
  for (const { handle } of cas) if (!orphans.includes(handle)) await syncDown(desk, handle)
  await publishAll(desk, cas)
  return orphans
}

/** Does a parent that can be read give it nothing any more? One that cannot be read says nothing. */
function isOrphan(desk: Desk, state: CaState): boolean {
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
async function publishAll(desk: Desk, cas: readonly CaState[]): Promise<void> {
  if (pubdState(desk.work).serial === 0) return
  for (const { handle, repository } of cas)
    if (repository !== null && entry(pubdState(desk.work).publishers, handle) === undefined)
      await runPubd(desk, { type: 'publisher.add', publisher: handle, base: repository.base })
  await publishLocal(desk, [...desk.work.handles('ta'), ...cas.map((state) => state.handle)])
}
