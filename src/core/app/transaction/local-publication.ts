/**
 * Local publication: brings the publication server of this data directory to the content that each CA wants, in the same commit, as one delta
 * between desired and present state (what RFC 8181 does over the network).
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { publishedFiles } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type PublisherChange, publicationDelta } from '../../pubd/content.js'
import { stagedPublishers } from '../../pubd/staged.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, pubdState, runPubd, type TransactionContext, taState } from '../session/context.js'

/** Publishes every difference between what the publishers want and what the server has; all of them without `handles`. Returns those that changed. */
export async function publishLocal(tx: TransactionContext, handles?: readonly Handle[]): Promise<readonly Handle[]> {
  const state = pubdState(tx.work)
  if (state.serial === 0) return []
  const changes: PublisherChange[] = []
  for (const publisher of handles ?? (Object.keys(state.publishers).sort() as Handle[])) {
    const known = entry(state.publishers, publisher)
    if (known === undefined || known.remote !== undefined) continue
    const change = publicationDelta(state, publisher, desiredFiles(tx, publisher))
    if (change.put.length > 0 || change.drop.length > 0) changes.push(change)
  }
  // the next delta has what publishers elsewhere have staged, whatever causes it
  if (handles === undefined || handles.length > 0)
    for (const publisher of stagedPublishers(state)) changes.push({ publisher, put: [], drop: [] })
  if (changes.length === 0) return []
  await runPubd(tx, { type: 'publish', changes })
  return changes.map((change) => change.publisher)
}

function desiredFiles(
  tx: Pick<TransactionContext, 'work'>,
  publisher: Handle,
): readonly { name: string; sha256: Sha256; size: number }[] {
  if (tx.work.exists('ta', publisher)) return taPublishedFiles(taState(tx.work, publisher))
  if (!tx.work.exists('ca', publisher)) return []
  return publishedFiles(caState(tx.work, publisher))
}

/** Returns true if a CA wants other content than the server has for it. Reads the server and that CA only. */
export function isUnpublished(tx: Pick<TransactionContext, 'work'>, publisher: Handle): boolean {
  const state = pubdState(tx.work)
  const known = entry(state.publishers, publisher)
  if (known === undefined || known.remote !== undefined) return false
  const { put, drop } = publicationDelta(state, publisher, desiredFiles(tx, publisher))
  return put.length > 0 || drop.length > 0
}
