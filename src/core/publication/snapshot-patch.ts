/**
 * Incremental rewrite of an RRDP snapshot: unchanged parts are copied in ranges from the last one instead of read object by object.
 * Invariant: the last snapshot is hashed while it is read; if it is not the recorded file, the result is discarded.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { utf8 } from '../base/bytes.js'
import { sortedEntries } from '../base/record.js'
import type { Sha256 } from '../crypto/ports.js'
import { publishElement, publishLength, SNAPSHOT_TAIL, snapshotFrameLength, snapshotHead } from '../protocols/rrdp.js'
import { type PathChange, type PublishedPart, partLength, publishedParts } from '../pubd/content.js'
import type { ObjectRef, PubdState } from '../pubd/state.js'
import type { KnownFile } from './writer-records.js'

type Step =
  | { readonly take: 'copy' | 'skip'; readonly length: number }
  | { readonly take: 'publish'; readonly uri: string; readonly object: ObjectRef }

const BLOCK = 1 << 20

/** The last RRDP snapshot is not the recorded file. */
export class NotPatchable extends Error {}

/** Returns how the RRDP snapshot of `state` is derived from that of `serial`; undefined if the lengths do not add up to `from.bytes`. */
export function planPatch(
  state: PubdState,
  serial: number,
  from: KnownFile,
  changes: ReadonlyMap<string, PathChange>,
): readonly Step[] | undefined {
  const steps: Step[] = [{ take: 'skip', length: snapshotHead(state.sessionId, serial).length }]
  let old = snapshotFrameLength(state.sessionId, serial)
  let copy = 0
  for (const item of merged(state, changes)) {
    if ('part' in item) {
      const length = partLength(item.part)
      old += length
      copy += length
      continue
    }
    const { path, object } = item
    const uri = state.rsyncBase + path
    const change = changes.get(path)
    const before = change === undefined ? object : change.before
    const length = before === undefined ? 0 : publishLength(uri, before.size)
    old += length
    if (change === undefined) {
      copy += length
      continue
    }
    if (copy > 0) steps.push({ take: 'copy', length: copy })
    copy = 0
    if (length > 0) steps.push({ take: 'skip', length })
    if (object !== undefined) steps.push({ take: 'publish', uri, object })
  }
  if (copy > 0) steps.push({ take: 'copy', length: copy })
  steps.push({ take: 'skip', length: SNAPSHOT_TAIL.length })
  return old === from.bytes ? steps : undefined
}

/** Yields the chunks of the new RRDP snapshot; each must be consumed before the next. Throws `NotPatchable` after the last one if the old file is not `from`. */
export function* splice(
  state: PubdState,
  oldPath: string,
  from: KnownFile,
  steps: readonly Step[],
  read: (object: ObjectRef) => Uint8Array,
): Generator<Uint8Array, void> {
  const fd = fs.openSync(oldPath, 'r')
  try {
    const hash = createHash('sha256')
    const block = Buffer.allocUnsafe(BLOCK)
    yield utf8(snapshotHead(state.sessionId, state.serial))
    for (const step of steps) {
      if (step.take === 'publish') {
        yield utf8(publishElement(step.uri, read(step.object)))
        continue
      }
      for (let left = step.length; left > 0; ) {
        const got = fs.readSync(fd, block, 0, Math.min(left, BLOCK), null)
        if (got === 0) throw new NotPatchable(oldPath)
        left -= got
        const part = block.subarray(0, got)
        hash.update(part)
        if (step.take === 'copy') yield part
      }
    }
    yield utf8(SNAPSHOT_TAIL)
    if (hash.digest('hex') !== (from.sha256 satisfies Sha256)) throw new NotPatchable(oldPath)
  } finally {
    fs.closeSync(fd)
  }
}

/** Next part of the file: all of a publisher without changes, or one object, which is undefined for a removed path. */
type Item = { readonly part: PublishedPart } | { readonly path: string; readonly object: ObjectRef | undefined }

/** Yields what is published and what was removed, in the order of the file. Only publishers with changes are taken apart. */
function* merged(state: PubdState, changes: ReadonlyMap<string, PathChange>): Generator<Item> {
  const changed = [...changes.keys()].sort()
  let next = 0
  for (const part of publishedParts(state)) {
    const folder = part.base.slice(state.rsyncBase.length)
    const gone: string[] = []
    // of publishers that are no more
    for (let path = changed[next]; path !== undefined && path < folder; path = changed[++next])
      yield { path, object: undefined }
    const first = next
    for (let path = changed[next]; path?.startsWith(folder) === true; path = changed[++next])
      if (changes.get(path)?.after === undefined) gone.push(path)
    if (next === first) yield { part }
    else yield* objectsOf(part, folder, gone)
  }
  for (const path of changed.slice(next)) yield { path, object: undefined }
}

function* objectsOf({ objects }: PublishedPart, folder: string, gone: readonly string[]): Generator<Item> {
  let next = 0
  for (const [name, object] of sortedEntries(objects)) {
    for (let path = gone[next]; path !== undefined && path < folder + name; path = gone[++next])
      yield { path, object: undefined }
    yield { path: folder + name, object }
  }
  for (const path of gone.slice(next)) yield { path, object: undefined }
}
