/**
 * May this directory write? It must be the primary, and no other primary may have taken its place.
 * Invariant: asked before anything is signed or committed; the served tree is asked once more before it is written.
 */
import { AppError } from '../../base/errors.js'
import { jsonDigest } from '../../crypto/digest.js'
import { rivalOf, superseded, type WritingPrimary } from '../../publication/primary-claim.js'
import { interruptedGeneration, readInstallationId } from '../../store/directory/installation-id.js'
import type { Session } from './session.js'

/** Throws `standby` where this directory is a copy. */
export function refuseCopy(session: Session): void {
  const role = session.store.role()
  if (role.role === 'primary') return
  throw new AppError(
    'standby',
    'standby',
    `${session.store.dir} is a stand-by (${role.reason}): another directory writes`,
    {
      hint:
        interruptedGeneration(session.store.dir, session.store.marker) === undefined
          ? 'brine promote --reason "…" makes this one live'
          : 'brine recover completes the recovery that was cut short',
    },
  )
}

/** Throws `standby` where this directory is a copy, `standby-superseded` where the served tree shows a later primary. */
export function refuseStandby(session: Session): void {
  refuseCopy(session)
  const refusal = supersededBy(session)
  if (refusal !== undefined) throw refusal
}

/** Why this primary may not write: another one has taken the served tree since. Undefined where none has. */
export function supersededBy(session: Session): AppError | undefined {
  const mine = writingPrimary(session)
  const rival = mine === undefined ? undefined : rivalOf(session.repoDir, mine)
  return mine === undefined || rival === undefined ? undefined : superseded(session.repoDir, rival, mine)
}

/** This directory as the served tree knows it; undefined for one made by `init --test`, whose copies are all live. */
export function writingPrimary({ store }: Session): WritingPrimary | undefined {
  const { id, generation, test } = store.marker
  const origin = test === true ? undefined : readInstallationId(store.dir)
  if (origin === undefined) return undefined
  const { inode, birth, machine, host, at } = origin
  return { id, generation, writer: jsonDigest([inode, birth, machine, at]), host, at }
}
