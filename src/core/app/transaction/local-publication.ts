/** Local publication: what each CA wants served, told to the publication server in the same commit, by desired state (RFC 8181 without the wire). */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { publishedFiles } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type PublisherChange, publicationDelta } from '../../pubd/content.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, pubdState, runPubd, type TransactionContext, taState } from './context.js'

/** Publishes every difference between what the CAs want and what the server has. Returns the publishers that changed. */
export async function publishLocal(tx: TransactionContext, handles?: readonly Handle[]): Promise<readonly Handle[]> {
  const state = pubdState(tx.work)
  if (state.serial === 0) return []
  const changes: PublisherChange[] = []
  for (const publisher of handles ?? (Object.keys(state.publishers).sort() as Handle[])) {
    if (entry(state.publishers, publisher) === undefined) continue
    const change = publicationDelta(state, publisher, wanted(tx, publisher))
    if (change.put.length > 0 || change.drop.length > 0) changes.push(change)
  }
  if (changes.length === 0) return []
  await runPubd(tx, { type: 'publish', changes })
  return changes.map((change) => change.publisher)
}

function wanted(
  tx: Pick<TransactionContext, 'work'>,
  publisher: Handle,
): readonly { name: string; sha256: Sha256; size: number }[] {
  if (tx.work.exists('ta', publisher)) return taPublishedFiles(taState(tx.work, publisher))
  if (!tx.work.exists('ca', publisher)) return []
  return publishedFiles(caState(tx.work, publisher))
}

/** Does a CA want other content than the server serves for it? Reads the server and that CA alone. */
export function isUnpublished(tx: Pick<TransactionContext, 'work'>, publisher: Handle): boolean {
  const state = pubdState(tx.work)
  if (entry(state.publishers, publisher) === undefined) return false
  const { put, drop } = publicationDelta(state, publisher, wanted(tx, publisher))
  return put.length > 0 || drop.length > 0
}
