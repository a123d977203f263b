/** Local publication: what each CA wants served, told to the publication server in the same commit, by desired state (RFC 8181 without the wire). */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { publishedFiles } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { PublisherChange } from '../../pubd/commands.js'
import { publicationDelta } from '../../pubd/content.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, type Desk, pubdState, runPubd, taState } from './context.js'

/** Publishes every difference between what the CAs want and what the server has. Returns the publishers that changed. */
export async function publishLocal(desk: Desk, handles?: readonly Handle[]): Promise<readonly Handle[]> {
  const state = pubdState(desk.work)
  if (state.serial === 0) return []
  const changes: PublisherChange[] = []
  for (const publisher of handles ?? (Object.keys(state.publishers).sort() as Handle[])) {
    if (entry(state.publishers, publisher) === undefined) continue
    const change = publicationDelta(state, publisher, wanted(desk, publisher))
    if (change.put.length > 0 || change.drop.length > 0) changes.push(change)
  }
  if (changes.length === 0) return []
  await runPubd(desk, { type: 'publish', changes })
  return changes.map((change) => change.publisher)
}

function wanted(
  desk: Pick<Desk, 'work'>,
  publisher: Handle,
): readonly { name: string; sha256: Sha256; size: number }[] {
  if (desk.work.exists('ta', publisher)) return taPublishedFiles(taState(desk.work, publisher))
  if (!desk.work.exists('ca', publisher)) return []
  return publishedFiles(caState(desk.work, publisher))
}

/** Does a CA want other content than the server serves for it? Reads the server and that CA alone. */
export function isUnpublished(desk: Pick<Desk, 'work'>, publisher: Handle): boolean {
  const state = pubdState(desk.work)
  if (entry(state.publishers, publisher) === undefined) return false
  const { put, drop } = publicationDelta(state, publisher, wanted(desk, publisher))
  return put.length > 0 || drop.length > 0
}
