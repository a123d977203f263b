/**
 * Writes packed files back to their places, for a directory whose configuration ends packing, and removes the segments a day later.
 * Invariants: only under the lock; a file on disk is never replaced; a segment goes only if each of its files was read on disk once more.
 */
import { dirname } from 'node:path'
import { instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { makeDir, readIfExists, syncDir } from '../disk/fs.js'
import { attempt } from '../disk/io-error.js'
import { entryBytes } from '../disk/packed-files.js'
import type { Layout } from '../disk/paths.js'
import { parsePackedName, type SegmentEntry } from '../disk/segment.js'
import { writeNew } from '../disk/write-file.js'
import { type Hashed, hashedSegments, pathOf, singleNames } from './held-segments.js'
import { BATCH } from './pack-rules.js'

export interface Unpacked {
  /** Number of files that were written. */
  readonly files: number
  /** True if a later call may write more. */
  readonly hasMore: boolean
}

/** Writes a batch of packed files to their places. What is damaged or on disk already is passed over. Throws `io`. */
export function unpackFiles(
  layout: Layout,
  folder: string,
  touched: () => void,
  isDropped: (name: string) => boolean,
): Unpacked {
  const onDisk = singleNames(folder)
  const places = new Set<string>()
  let [files, bytes] = [0, 0]
  for (const { path: segment, entry } of entriesWithOneHash(hashedSegments(layout, folder, isDropped))) {
    if (onDisk.has(entry.name)) continue
    if (files >= BATCH.files || bytes >= BATCH.bytes) return synced(places, { files, hasMore: true })
    const content = attempt('read', segment, () => entryBytes(segment, entry))
    if (content === undefined) continue
    const path = pathOf(folder, entry.name)
    makeDir(dirname(path))
    const mode = parsePackedName(entry.name)?.type === 'object' ? 0o644 : 0o600
    const isNew = writeNew(path, content, { mode, dated: instantOf(entry.modified), temp: layout.temp })
    if (isNew) touched()
    places.add(dirname(path))
    files += isNew ? 1 : 0
    bytes += content.length
  }
  return synced(places, { files, hasMore: false })
}

function synced(places: ReadonlySet<string>, unpacked: Unpacked): Unpacked {
  for (const place of places) syncDir(place)
  return unpacked
}

/** Returns the entries of all segments, without names under which they hold different files: which of them belongs there is for `recover`. */
function* entriesWithOneHash(
  segments: readonly Hashed[],
): Generator<{ readonly path: string; readonly entry: SegmentEntry }> {
  const known = new Map<string, Set<Sha256>>()
  for (const [name, sha256] of segments.flatMap(({ hashes }) => [...hashes]))
    known.set(name, (known.get(name) ?? new Set()).add(sha256))
  for (const { path, entries, hashes } of segments)
    for (const entry of entries) if (hashes.has(entry.name) && known.get(entry.name)?.size === 1) yield { path, entry }
}

/** Returns true if a single file has the name of each file that the segment keeps. */
export function hasAllNames({ hashes }: Hashed, single: ReadonlySet<string>): boolean {
  return [...hashes.keys()].every((name) => single.has(name))
}

/** Returns true if each file that the segment keeps is on disk with the same bytes, and durable. Throws `io`. */
export function isUnpacked(folder: string, own: Hashed): boolean {
  // a packed file would be found at the path of a missing one
  if (!hasAllNames(own, singleNames(folder))) return false
  const paths = [...own.hashes].map(([name, sha256]) => ({ path: pathOf(folder, name), sha256 }))
  for (const place of new Set(paths.map(({ path }) => dirname(path)))) syncDir(place)
  return paths.every(({ path, sha256 }) => sha256Hex(readIfExists(path) ?? '') === sha256)
}
