/** Segments of a folder: the hashes of what is kept, where the single files are, and what of it is intact. */
import { join, relative } from 'node:path'
import type { Sha256 } from '../../crypto/ports.js'
import { listDisk, syncDir } from '../disk/fs.js'
import { attempt } from '../disk/io-error.js'
import { entryBytes, type HeldSegment, PACKED, segmentsOf } from '../disk/packed-files.js'
import type { Layout } from '../disk/paths.js'
import { parsePackedName, type SegmentEntry } from '../disk/segment.js'
import { syncFile } from '../disk/sync-tree.js'

/** A segment with the names and hashes of what it keeps. */
export interface Hashed extends HeldSegment {
  readonly name: string
  readonly hashes: ReadonlyMap<string, Sha256>
}

/** Returns the segments of a folder. What `isDropped` names is not kept. Throws `io`. */
export function hashedSegments(
  layout: Layout,
  folder: string,
  isDropped: (name: string) => boolean,
): readonly Hashed[] {
  return segmentsOf(folder).map((segment) => {
    const kept = segment.entries.filter(({ name }) => !isDropped(name))
    const hashes = new Map(kept.map(({ name, sha256 }) => [name, sha256]))
    return { ...segment, name: relative(layout.dir, segment.path), hashes }
  })
}

/** Lists the folders that have segments. Throws `io`. */
export function packedFolders(layout: Layout, aggregates: readonly string[]): readonly string[] {
  const all = [layout.commits, ...aggregates, layout.objects].flatMap((folder) => [folder, join(folder, 'archived')])
  return all.filter((folder) => listDisk(join(folder, PACKED)).length > 0)
}

/** Returns true if another segment has all files that `own` keeps, and either more or nothing else: never both ways. */
export function holds(other: Hashed, own: Hashed): boolean {
  const more = other.hashes.size - own.hashes.size
  if (other.path === own.path || more < 0) return false
  if (more === 0 && other.entries.length >= own.entries.length) return false
  return [...own.hashes].every(([name, sha256]) => other.hashes.get(name) === sha256)
}

/** Returns the names of the single files of a folder; of objects also those in its subfolders. Throws `io`. */
export function singleNames(folder: string): ReadonlySet<string> {
  const names = listDisk(folder)
  const below = names.filter((name) => /^[0-9a-f]{2}$/.test(name)).flatMap((name) => listDisk(join(folder, name)))
  return new Set([...names, ...below])
}

/** Returns the path of a single file. */
export function pathOf(folder: string, name: string): string {
  return parsePackedName(name)?.type === 'object' ? join(folder, name.slice(0, 2), name) : join(folder, name)
}

/** Returns true if an entry has the bytes of its hash. Throws `io`. */
export function isIntact(path: string, entry: SegmentEntry): boolean {
  return attempt('read', path, () => entryBytes(path, entry)) !== undefined
}

/** Makes a segment durable before it is relied on: after a crash it may not be yet. */
export function syncSegment(folder: string, { path }: HeldSegment): void {
  syncFile(path)
  syncDir(join(folder, PACKED))
}
