/**
 * Check that this data directory may write: it must be the primary, and no later primary may have written the published tree.
 * Invariant: checked before anything is signed or committed; the published tree is checked again just before it is written.
 */
import { AppError } from '../../base/errors.js'
import { jsonDigest } from '../../crypto/digest.js'
import { rivalOf, superseded, type WritingPrimary } from '../../publication/primary-claim.js'
import { interruptedGeneration, readInstallationId } from '../../store/directory/installation-id.js'
import type { Session } from './session.js'

/** Throws `standby` if this directory is not the primary. */
export function refuseCopy(session: Session): void {
  const role = session.store.role()
  if (role.role === 'primary') return
  throw new AppError(
    'standby',
    'standby',
    `${session.store.dir} is a stand-by (${role.reason}) and read-only: changes go to the primary`,
    {
      hint:
        interruptedGeneration(session.store.dir, session.store.marker) === undefined
          ? 'to make this directory the primary: brine promote --reason "…"'
          : 'to complete the interrupted recovery: brine recover',
    },
  )
}

/** Throws `standby` if this directory is not the primary, `standby-superseded` if the published tree was written by a later primary. */
export function refuseStandby(session: Session): void {
  refuseCopy(session)
  const refusal = supersededBy(session)
  if (refusal !== undefined) throw refusal
}

/** Returns the error that stops this primary if a later one has written the published tree; undefined if none has. */
export function supersededBy(session: Session): AppError | undefined {
  const mine = writingPrimary(session)
  const rival = mine === undefined ? undefined : rivalOf(session.repoDir, mine)
  return mine === undefined || rival === undefined ? undefined : superseded(session.repoDir, rival, mine)
}

/** Returns the identity of this directory that is recorded in the published tree; undefined after `init --test`, where every copy is live. */
export function writingPrimary({ store }: Session): WritingPrimary | undefined {
  const { id, generation, test } = store.marker
  const origin = test === true ? undefined : readInstallationId(store.dir)
  if (origin === undefined) return undefined
  const { inode, birth, machine, host, at } = origin
  return { id, generation, writer: jsonDigest([inode, birth, machine, at]), host, at }
}
