/** The published tree (`repo/`) after a commit. It is derived from the publication server's state and can be rebuilt from it at any time. */
import { resolve } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { PubdState } from '../../pubd/state.js'
import { isOpen, openFolder } from '../../publication/served-modes.js'
import type { PublicationTarget } from '../../publication/target.js'
import {
  isTreeCurrent,
  type ModesCheck,
  type TrustAnchorFiles,
  type WriteReport,
  writeTree,
} from '../../publication/writer.js'
import type { WritingPrimary } from '../../publication/writer-records.js'
import { CommitLog, findHead } from '../../store/commit/commit-log.js'
import { taLocator } from '../../ta/locator.js'
import { pubdState, type TransactionContext, taState } from '../session/context.js'
import { writingPrimary } from '../session/role.js'
import type { Session } from '../session/session.js'

export interface PublishedTree {
  readonly serial: number
  readonly session: string
  readonly report: WriteReport
}

export interface PublishOptions {
  /** The change is durable: a tree that cannot be written is then `publish-pending`, which `tick` completes. */
  readonly isCommitted: boolean
  /** Writes every file again, without comparing it with the present one. */
  readonly rebuild?: boolean
}

/**
 * Brings the published tree up to the state of this transaction. Returns undefined where nothing is published here. Throws `publish-pending`
 * (pending) if the change is committed and the tree could not be written, else the error as it is.
 */
export function publishTree(
  session: Session,
  tx: TransactionContext,
  at: Instant,
  { isCommitted, rebuild = false }: PublishOptions,
): PublishedTree | undefined {
  try {
    return write(session, tx, at, rebuild)
  } catch (error) {
    if (!isCommitted || !(error instanceof AppError)) throw error
    throw rewrap(error, {
      kind: 'pending',
      code: 'publish-pending',
      message: `the change is durable, but the published tree is not up to date: ${error.message}`,
      hint: 'brine tick publishes it as soon as the cause is gone',
      changed: 'yes',
      retry: false,
    })
  }
}

function write(session: Session, tx: TransactionContext, at: Instant, rebuild: boolean): PublishedTree | undefined {
  const state = pubdState(tx.work)
  const target = publicationTarget(session, tx, state)
  if (state.serial === 0 && target.ta?.length === 0) return undefined
  const primary = writingPrimary(session)
  if (isInside(session)) openFolder(session.store.dir)
  const report = writeTree({
    ...target,
    ...(primary === undefined ? {} : { primary: { ...primary, ...lastCommit(session) } }),
    now: at,
    oldFilesSeconds: session.config.rrdpOldFilesSeconds,
    rebuild,
  })
  return { serial: report.serial, session: report.session, report }
}

/** Returns the newest commit, which the published tree records: a rolled back data directory is recognised by it. */
export function lastCommit({ store: { layout } }: Session): Pick<WritingPrimary, 'last'> {
  const { n, cache } = findHead(layout)
  return n === 0 ? {} : { last: { commit: n, sha256: new CommitLog(layout, cache).at(n).sha256 } }
}

/**
 * Returns true if the published tree is what the publication server's state says, and with `modes` readable. Takes a few stat calls and no
 * lock; the modes take one stat for each file.
 */
export function isTreePublished(session: Session, tx: Pick<TransactionContext, 'work'>, modes: ModesCheck): boolean {
  const state = pubdState(tx.work)
  if (state.serial === 0) return true
  return (
    isTreeCurrent(publicationTarget(session, tx, state), modes) && (!isInside(session) || isOpen(session.store.dir))
  )
}

/** Returns true if the published tree is in the data directory, which then has to let the server's user pass. */
function isInside({ repoDir, store }: Session): boolean {
  return repoDir.startsWith(`${store.dir}/`)
}

/** Returns where the tree of `state` is published, and where its objects are read from. */
export function publicationTarget(
  session: Session,
  tx: Pick<TransactionContext, 'work'>,
  state: PubdState,
): PublicationTarget {
  const ta = readableAnchors(tx)
  return {
    repoDir: session.repoDir,
    state,
    objectPath: (sha256) => resolve(session.store.dir, 'objects', sha256.slice(0, 2), sha256),
    ...(ta === undefined ? {} : { ta }),
  }
}

/** Returns certificate and TAL of each trust anchor. */
export function trustAnchors(tx: Pick<TransactionContext, 'work'>): readonly TrustAnchorFiles[] {
  return tx.work.handles('ta').flatMap((handle) => {
    const state = taState(tx.work, handle)
    if (state.certificate === null) return []
    return [{ handle, certificate: tx.work.object(state.certificate.sha256), tal: taLocator(state) }]
  })
}

/** Returns undefined if a trust anchor is damaged: its published files then stay as they are, and everything else is published. */
function readableAnchors(tx: Pick<TransactionContext, 'work'>): readonly TrustAnchorFiles[] | undefined {
  try {
    return trustAnchors(tx)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}
