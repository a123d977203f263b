/**
 * Local publication: brings the publication server of this data directory to the content that each CA wants, in the same commit, as one delta
 * between desired and present state (what RFC 8181 does over the network).
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { filesAt, isHeldBack, isLeft, localPlace } from '../../ca/state/places.js'
import { isKeyMoved } from '../../ca/state/roll-state.js'
import type { CaState } from '../../ca/state/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type PublisherChange, publicationDelta } from '../../pubd/content.js'
import { stagedPublishers } from '../../pubd/staged.js'
import { taPublishedFiles } from '../../ta/state.js'
import { CA, caState, pubdState, runCa, runPubd, type TransactionContext, taState } from '../session/context.js'

/**
 * Returns true if what the work changes waits for the next run, as the last RRDP delta is too young. A staged key and one that takes over do not wait:
 * parents then revoke the old key, and an old repository is emptied.
 */
export function isHeld({ work, ports }: TransactionContext): boolean {
  if (ports.holdsPublication !== true) return false
  return !work.touched('ca').some((handle) => isKeyMoved(work.before(CA, handle), caState(work, handle)))
}

/** Publishes every difference between what the publishers want and what the server has; all of them without `handles`. Returns those that changed. */
export async function publishLocal(tx: TransactionContext, handles?: readonly Handle[]): Promise<readonly Handle[]> {
  const state = pubdState(tx.work)
  if (state.serial === 0) return []
  const changes: PublisherChange[] = []
  for (const publisher of handles ?? (Object.keys(state.publishers).sort() as Handle[])) {
    const known = entry(state.publishers, publisher)
    const desired = desiredFiles(tx, publisher)
    if (known === undefined || known.remote !== undefined || desired === undefined) continue
    const change = publicationDelta(state, publisher, desired)
    if (change.put.length > 0 || change.drop.length > 0) changes.push(change)
  }
  // the next delta has what publishers elsewhere have staged, whatever causes it
  if (handles === undefined || handles.length > 0)
    for (const publisher of stagedPublishers(state)) changes.push({ publisher, put: [], drop: [] })
  if (changes.length === 0) return []
  await runPubd(tx, { type: 'publish', changes })
  return changes.map((change) => change.publisher)
}

/** Returns what a publisher of this data directory wants published; undefined if the server has to keep what it has for now. */
function desiredFiles(
  tx: Pick<TransactionContext, 'work'>,
  publisher: Handle,
): readonly { name: string; sha256: Sha256; size: number }[] | undefined {
  if (tx.work.exists('ta', publisher)) return taPublishedFiles(taState(tx.work, publisher))
  if (!tx.work.exists('ca', publisher)) return []
  return filesHere(caState(tx.work, publisher))
}

function filesHere(state: CaState): ReturnType<typeof desiredFiles> {
  const place = localPlace(state)
  if (place === undefined) return []
  return place === 'leaving' && isHeldBack(state) ? undefined : filesAt(state, place)
}

const isLeftHere = (state: CaState): boolean => isLeft(state) && state.leaving?.repository.transport === 'local'

/** Drops the repository that a CA leaves once nothing of the CA is left in it; a publisher of this data directory is removed with it. */
export async function leaveRepositories(tx: TransactionContext, cas: readonly Handle[]): Promise<void> {
  for (const ca of cas) {
    const state = caState(tx.work, ca)
    if (state.status !== 'active' || !isLeft(state)) continue
    const isHere = isLeftHere(state)
    // the server withdraws with it, which waits for the next run as every publication does
    if (isHere && isHeld(tx)) continue
    await runCa(tx, ca, { type: 'repository.leave' })
    if (isHere && entry(pubdState(tx.work).publishers, ca) !== undefined)
      await runPubd(tx, { type: 'publisher.remove', publisher: ca })
  }
}

/** Returns true if a CA wants other content than the server has for it. Reads the server and that CA only. */
export function isUnpublished(tx: Pick<TransactionContext, 'work'>, publisher: Handle): boolean {
  const state = pubdState(tx.work)
  const known = entry(state.publishers, publisher)
  if (known === undefined || known.remote !== undefined) return false
  const desired = desiredFiles(tx, publisher)
  if (desired === undefined) return false
  if (tx.work.exists('ca', publisher) && isLeftHere(caState(tx.work, publisher))) return true
  const { put, drop } = publicationDelta(state, publisher, desired)
  return put.length > 0 || drop.length > 0
}
