/** The served tree after a commit: derived from the publication server's state, rebuilt from it at any time. */
import { resolve } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { PubdState } from '../../pubd/state.js'
import { isTreeCurrent, type TrustAnchorFiles, type WriteReport, writeTree } from '../../publication/writer.js'
import { taLocator } from '../../ta/certificate.js'
import { pubdState, type TransactionContext, taState } from './context.js'
import { writingPrimary } from './role.js'
import type { Session } from './session.js'

export interface PublishedTree {
  readonly serial: number
  readonly session: string
  readonly report: WriteReport
}

/** Brings `repo/` up to the state of this desk. Throws `publish-pending` (exit 17) when the commit is durable and the tree could not be written. */
export function publishTree(
  session: Session,
  tx: TransactionContext,
  at: Instant,
  committed: boolean,
  rebuild = false,
): PublishedTree | undefined {
  try {
    return write(session, tx, at, rebuild)
  } catch (error) {
    if (!committed || !(error instanceof AppError)) throw error
    throw rewrap(error, {
      kind: 'pending',
      code: 'publish-pending',
      message: `the change is durable, but the served tree is not up to date: ${error.message}`,
      hint: 'brine tick publishes it as soon as the cause is gone',
      changed: 'yes',
      retry: false,
    })
  }
}

function write(session: Session, tx: TransactionContext, at: Instant, rebuild: boolean): PublishedTree | undefined {
  const state = pubdState(tx.work)
  const there = publicationTarget(session, tx, state)
  if (state.serial === 0 && there.ta?.length === 0) return undefined
  const primary = writingPrimary(session)
  const report = writeTree({
    ...there,
    ...(primary === undefined ? {} : { primary }),
    now: at,
    oldFilesSeconds: session.config.rrdpOldFilesSeconds,
    rebuild,
  })
  return { serial: report.serial, session: report.session, report }
}

/** Is `repo/` what the state says? A few stat calls, no lock. */
export function isTreePublished(session: Session, tx: Pick<TransactionContext, 'work'>): boolean {
  const state = pubdState(tx.work)
  return state.serial === 0 || isTreeCurrent(publicationTarget(session, tx, state))
}

export function publicationTarget(session: Session, tx: Pick<TransactionContext, 'work'>, state: PubdState) {
  const ta = readableAnchors(tx)
  return {
    repoDir: session.repoDir,
    state,
    objectPath: (sha256: string) => resolve(session.store.dir, 'objects', sha256.slice(0, 2), sha256),
    ...(ta === undefined ? {} : { ta }),
  }
}

/** Certificate and locator of each trust anchor. */
export function trustAnchors(tx: Pick<TransactionContext, 'work'>): readonly TrustAnchorFiles[] {
  return tx.work.handles('ta').flatMap((handle) => {
    const state = taState(tx.work, handle)
    if (state.certificate === null) return []
    return [{ handle, certificate: tx.work.object(state.certificate.sha256), tal: taLocator(state) }]
  })
}

/** Undefined when a trust anchor cannot be read: what is served of it stays as it is, the rest goes on. */
function readableAnchors(tx: Pick<TransactionContext, 'work'>): readonly TrustAnchorFiles[] | undefined {
  try {
    return trustAnchors(tx)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}
