/** Completeness of a revision in a copied directory: the objects and keys that its states reference must exist, or an older revision is used. */
import { publishedFiles } from '../../ca/state/files.js'
import type { KeyId } from '../../crypto/ports.js'
import { est } from '../../est/aggregate.js'
import { estObjects } from '../../est/objects.js'
import { Work } from '../../eventsourcing/work.js'
import { objectsInUse } from '../../pubd/content.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { KeyFiles } from '../../store/disk/key-files.js'
import { taPublishedFiles } from '../../ta/state.js'
import { caState, pubdState, taState } from './context.js'

interface StoredKeys {
  readonly keys: Pick<KeyFiles, 'has'>
}

/** Returns true if every object and key that the aggregates of this revision reference is in the directory. */
export function hasAllReferences(reader: StoreReader, store: StoredKeys): boolean {
  const work = new Work(reader)
  for (const handle of work.handles('ca')) {
    const state = caState(work, handle)
    if (!publishedFiles(state).every((f) => reader.hasObject(f.sha256))) return false
    const keys = Object.values(state.classes).flatMap((c) => c.keys.map((k) => k.ski))
    if (!hasKeys(store, keys)) return false
  }
  for (const handle of work.handles('ta')) {
    const state = taState(work, handle)
    if (!taPublishedFiles(state).every((f) => reader.hasObject(f.sha256))) return false
    if (state.certificate !== null && !reader.hasObject(state.certificate.sha256)) return false
    if (state.key !== null && !hasKeys(store, [state.key.ski])) return false
  }
  for (const handle of work.handles('est'))
    for (const [sha256] of estObjects(work.state(est, handle))) if (!reader.hasObject(sha256)) return false
  // RRDP deltas also reference objects that no CA publishes any more, such as those replaced while the copy was taken
  return [...objectsInUse(pubdState(work))].every((sha256) => reader.hasObject(sha256))
}

function hasKeys(store: StoredKeys, keys: readonly KeyId[]): boolean {
  return keys.every((id) => store.keys.has(id))
}
