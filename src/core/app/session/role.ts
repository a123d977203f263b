/**
 * Check that this data directory may write: it must be the primary, and no later primary may have written the published tree.
 * Invariant: checked before anything is signed or committed; the published tree is checked again just before it is written.
 */
import { AppError } from '../../base/errors.js'
import { jsonDigest } from '../../crypto/digest.js'
import {
  commitServed,
  otherPrimary,
  rivalOf,
  superseded,
  type WritingPrimary,
} from '../../publication/primary-claim.js'
import { isCommitted } from '../../store/commit/commit-log.js'
import {
  type InstallationId,
  interruptedGeneration,
  type Role,
  readInstallationId,
} from '../../store/directory/installation-id.js'
import type { Session } from './session.js'

/** Throws `standby` if this directory is not the primary. */
export function refuseCopy(session: Session): void {
  const role = session.store.role()
  if (role.role === 'primary') return
  const { store } = session
  const demoted = role.reason === 'demoted' ? readInstallationId(store.dir)?.demoted : undefined
  const why = demoted === undefined ? role.reason : `demoted at ${demoted.at}: ${demoted.reason}`
  const primary = knownPrimary(session, role)
  const where = primary === undefined ? '' : `, ${primary.text}`
  throw new AppError(
    'standby',
    'standby',
    `${store.dir} is a stand-by (${why}) and read-only: changes go to the primary${where}`,
    {
      hint:
        interruptedGeneration(store.dir, store.marker) === undefined
          ? `${primary === undefined ? 'to make this directory the primary' : `if ${primary.host} is lost permanently`}: brine promote --reason "…"`
          : 'to complete the interrupted recovery: brine recover',
      details: { reason: role.reason, primary: primary?.host ?? null, generation: primary?.generation ?? null },
    },
  )
}

interface KnownPrimary {
  readonly host: string
  readonly generation: number | undefined
  readonly text: string
}

/** Returns the primary of this history: the one that wrote the published tree last, or for a copy the host that wrote its original. */
function knownPrimary({ store, repoDir }: Session, role: Extract<Role, { role: 'standby' }>): KnownPrimary | undefined {
  const origin = readInstallationId(store.dir)
  const mine = origin === undefined || role.reason === 'copy' ? undefined : writerOf(origin)
  const other = otherPrimary(repoDir, store.marker.id, mine)
  if (other !== undefined) {
    const { host, generation, at } = other
    return { host, generation, text: `${host} (generation ${generation} of ${store.marker.id}, since ${at})` }
  }
  const { host } = role
  // a demoted directory names its own host
  if (host === undefined || role.reason !== 'copy') return undefined
  return { host, generation: undefined, text: `on ${host} when this was copied` }
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
  if (mine === undefined) return undefined
  const rival = rivalOf(session.repoDir, mine)
  return rival === undefined ? rolledBack(session, mine) : superseded(session.repoDir, rival, mine)
}

/** Returns the error for a history that does not hold the newest commit that it has published; undefined if it does. */
function rolledBack({ repoDir, store }: Session, mine: WritingPrimary): AppError | undefined {
  const served = commitServed(repoDir, mine)
  if (served === undefined || isCommitted(store.layout, served)) return undefined
  return servedAhead(
    `${repoDir}/.state/primary.json`,
    `says that commit ${served.commit} was published, which this history does not hold`,
  )
}

/** Returns the error for a published tree that is ahead of history. */
export function servedAhead(path: string, what: string): AppError {
  return new AppError('standby', 'served-ahead', `${path} ${what}: the data directory was rolled back`, {
    hint: 'put the newer data directory back; if it is lost: brine demote --reason …, then brine promote --reason …, which renumbers',
    details: { path },
  })
}

/** Returns the identity of this directory that is recorded in the published tree; undefined after `init --test`, where every copy is live. */
export function writingPrimary({ store }: Session): WritingPrimary | undefined {
  const { id, generation, test } = store.marker
  const origin = test === true ? undefined : readInstallationId(store.dir)
  if (origin === undefined) return undefined
  const { host, at } = origin
  return { id, generation, ...writerOf(origin), host, at }
}

function writerOf({ inode, birth, machine, at }: InstallationId): Pick<WritingPrimary, 'writer'> {
  return { writer: jsonDigest([inode, birth, machine, at]) }
}
