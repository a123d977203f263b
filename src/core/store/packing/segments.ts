/**
 * Writes segments and removes what they make superfluous: the single files, and segments that a larger one holds as well.
 * Invariants: only under the lock; a segment is complete, synced and read back before anything else; nothing is removed unless the same bytes
 * have been elsewhere for a day and are read there once more.
 */
import { dirname, join, relative } from 'node:path'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { fileDamaged } from '../disk/damage.js'
import { listDisk, makeDir, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { attempt } from '../disk/io-error.js'
import { entryBytes, type HeldSegment, PACKED, segmentsOf } from '../disk/packed-files.js'
import type { Layout } from '../disk/paths.js'
import { encodeSegment, parsePackedName, type SegmentEntry, type SegmentFile } from '../disk/segment.js'
import { syncFile } from '../disk/sync-tree.js'
import { readVerified } from '../disk/verified-read.js'
import { replaceFile, writeNew } from '../disk/write-file.js'
import { BATCH, FEWEST_FILES, isOpen, isOver, type Overlap } from './pack-rules.js'
import type { DueFile } from './pack-survey.js'

/** Called after a file was created or removed. */
export type OnTouched = () => void

export interface Packed {
  /** Number of files that were added to a segment. */
  readonly files: number
  /** Due files that were left for a later call. */
  readonly rest: readonly DueFile[]
}

export interface PackOptions {
  readonly fewest?: number
  /** Returns true for a file that the archive has instead: it does not come into another segment. */
  readonly isDropped?: (name: string) => boolean
}

const keepAll = (_name: string): boolean => false

/** Adds a batch of files to a segment, which takes over the one that is not complete yet. Throws `io`, `corrupt`. */
export function packFiles(
  layout: Layout,
  folder: string,
  due: readonly DueFile[],
  touched: OnTouched,
  { fewest = FEWEST_FILES, isDropped = keepAll }: PackOptions = {},
): Packed {
  const taken = openFiles(folder, isDropped)
  const known = new Set(taken.map(({ name }) => name))
  const files: SegmentFile[] = []
  let [bytes, at] = [0, 0]
  for (; at < due.length && files.length < BATCH.files && bytes < BATCH.bytes; at++) {
    const file = due[at]
    if (file === undefined || known.has(file.name)) continue
    const content = readVerified(file.path, file.sha256)
    const stat = statIfExists(file.path)
    // archived, moved or damaged since it was found
    if (content === undefined || stat === undefined) continue
    files.push({ name: file.name, bytes: content, modified: Number(stat.mtimeMs / 1000n) })
    bytes += content.length
  }
  if (files.length >= fewest) writeSegment(layout, folder, [...taken, ...files], touched)
  return { files: files.length >= fewest ? files.length : 0, rest: due.slice(at) }
}

/** Returns the files of the segment that is not complete yet; none if there is none, or if it is damaged. */
function openFiles(folder: string, isDropped: (name: string) => boolean): readonly SegmentFile[] {
  const open = segmentsOf(folder)
    .filter(({ entries }) => isOpen(entries.length, sizeOf(entries)))
    .sort((a, b) => b.entries.length - a.entries.length)[0]
  return open === undefined ? [] : (filesIn(open, isDropped) ?? [])
}

/** Reads the files of a segment that are kept; undefined if one of them is damaged. */
function filesIn(
  { path, entries }: HeldSegment,
  isDropped: (name: string) => boolean,
): readonly SegmentFile[] | undefined {
  const kept = entries.filter(({ name }) => !isDropped(name))
  const files = kept.flatMap((entry) => {
    const bytes = attempt('read', path, () => entryBytes(path, entry))
    return bytes === undefined ? [] : [{ name: entry.name, bytes, modified: entry.modified }]
  })
  return files.length < kept.length ? undefined : files
}

/** Writes the rest of each segment again from which many files are dropped. Throws `io`, `corrupt`. */
export function leaveOutDropped(
  layout: Layout,
  folder: string,
  touched: OnTouched,
  { fewest = FEWEST_FILES, isDropped = keepAll }: PackOptions,
): void {
  const segments = hashedSegments(layout, folder, isDropped)
  for (const own of segments) {
    const dropped = own.entries.length - own.hashes.size
    if (dropped < fewest || own.hashes.size === 0 || segments.some((other) => holds(other, own))) continue
    const rest = filesIn(own, isDropped)
    if (rest !== undefined) writeSegment(layout, folder, rest, touched)
  }
}

function sizeOf(entries: readonly SegmentEntry[]): number {
  return entries.reduce((sum, { length }) => sum + length, 0)
}

function writeSegment(layout: Layout, folder: string, files: readonly SegmentFile[], touched: OnTouched): void {
  const segment = encodeSegment(files)
  const below = join(folder, PACKED)
  const path = join(below, segment.name)
  makeDir(below)
  // one of this name was not completed, or is damaged
  if (!writeNew(path, segment.bytes, { temp: layout.temp })) replaceFile(path, segment.bytes, { temp: layout.temp })
  touched()
  try {
    syncDir(below)
    const written = segmentsOf(folder).find((one) => one.path === path)
    if (written?.entries.length !== files.length || !written.entries.every((entry) => isIntact(path, entry)))
      throw fileDamaged(path, 'content read back differs from what was written')
  } catch (error) {
    // a name that may not be durable must not count tomorrow
    removeFile(path)
    throw error
  }
}

function isIntact(path: string, entry: SegmentEntry): boolean {
  return attempt('read', path, () => entryBytes(path, entry)) !== undefined
}

/** A segment that holds single files, or that another one holds, and since when. */
export interface Superfluous extends Overlap {
  readonly folder: string
}

/** A segment with the names and hashes of what it keeps. */
interface Hashed extends HeldSegment {
  readonly name: string
  readonly hashes: ReadonlyMap<string, Sha256>
}

function hashedSegments(layout: Layout, folder: string, isDropped: (name: string) => boolean): readonly Hashed[] {
  return segmentsOf(folder).map((segment) => {
    const kept = segment.entries.filter(({ name }) => !isDropped(name))
    const hashes = new Map(kept.map(({ name, sha256 }) => [name, sha256]))
    return { ...segment, name: relative(layout.dir, segment.path), hashes }
  })
}

/** Lists the folders that have segments: `packed/` is in them. Throws `io`. */
export function packedFolders(layout: Layout, aggregates: readonly string[]): readonly string[] {
  const all = [layout.commits, ...aggregates, layout.objects].flatMap((folder) => [folder, join(folder, 'archived')])
  return all.filter((folder) => statIfExists(join(folder, PACKED))?.isDirectory() === true)
}

/** Returns what is superfluous in a folder. `known` is what earlier runs found. Throws `io`. */
export function findSuperfluous(
  layout: Layout,
  folder: string,
  known: readonly Overlap[],
  now: Instant,
  isDropped = keepAll,
): readonly Superfluous[] {
  const segments = hashedSegments(layout, folder, isDropped)
  if (segments.length === 0) return []
  const single = singleNames(folder)
  const since = (segment: string, holder?: string): Instant | undefined =>
    known.find((k) => k.segment === segment && k.holder === holder && k.since <= now)?.since
  return segments.flatMap((own): readonly Superfluous[] => {
    const { name: segment } = own
    const hasSingles = own.entries.some(({ name }) => single.has(name))
    const holders = own.hashes.size === 0 ? [ARCHIVE] : segments.filter((other) => holds(other, own)).map(nameOf)
    const holder = holders.find((name) => since(segment, name) !== undefined) ?? holders[0]
    return [
      ...(hasSingles ? [{ folder, segment, since: since(segment) ?? now }] : []),
      ...(holder === undefined ? [] : [{ folder, segment, holder, since: since(segment, holder) ?? now }]),
    ]
  })
}

/** Stands for the path of the larger segment if all files of this one are archived. */
const ARCHIVE = 'archive'
const nameOf = ({ name }: Hashed): string => name

/** Returns true if another segment has all files that `own` keeps, and either more or nothing else: never both ways. */
function holds(other: Hashed, own: Hashed): boolean {
  const more = other.hashes.size - own.hashes.size
  if (other.path === own.path || more < 0) return false
  if (more === 0 && other.entries.length >= own.entries.length) return false
  return [...own.hashes].every(([name, sha256]) => other.hashes.get(name) === sha256)
}

function singleNames(folder: string): ReadonlySet<string> {
  const names = listDisk(folder)
  const below = names.filter((name) => /^[0-9a-f]{2}$/.test(name)).flatMap((name) => listDisk(join(folder, name)))
  return new Set([...names, ...below])
}

/**
 * Removes the single files that a segment has held for a day, or the segment that another one has held for a day. Returns the number of files
 * removed. Throws `io`.
 */
export function removeSuperfluous(
  layout: Layout,
  found: Superfluous,
  now: Instant,
  touched: OnTouched,
  isDropped = keepAll,
): number {
  if (!isOver(found.since, now)) return 0
  const { folder, holder } = found
  const segments = hashedSegments(layout, folder, isDropped)
  const own = segments.find(({ name }) => name === found.segment)
  if (own === undefined) return 0
  if (holder === undefined) {
    syncSegment(folder, own)
    return removeSingles(folder, own, touched)
  }
  if (own.hashes.size > 0 || holder !== ARCHIVE) {
    const other = segments.find(({ name }) => name === holder)
    if (other === undefined || !holds(other, own)) return 0
    syncSegment(folder, other)
    const kept = other.entries.filter(({ name }) => own.hashes.has(name))
    if (!kept.every((entry) => isIntact(other.path, entry))) return 0
  }
  if (!removeFile(own.path)) return 0
  touched()
  syncDir(join(folder, PACKED))
  return 1
}

/** Makes a segment durable before it is relied on: after a crash it may not be yet. */
function syncSegment(folder: string, { path }: HeldSegment): void {
  syncFile(path)
  syncDir(join(folder, PACKED))
}

function removeSingles(folder: string, { path: segment, entries }: HeldSegment, touched: OnTouched): number {
  const single = singleNames(folder)
  const folders = new Set<string>()
  let removed = 0
  for (const entry of entries) {
    if (!single.has(entry.name)) continue
    const path = pathOf(folder, entry.name)
    // a file stays if it was restored because its entry is damaged, or if it belongs to another history
    if (!isIntact(segment, entry) || sha256Hex(readIfExists(path) ?? '') !== entry.sha256) continue
    if (!removeFile(path)) continue
    touched()
    removed += 1
    folders.add(dirname(path))
  }
  for (const at of folders) syncDir(at)
  return removed
}

function pathOf(folder: string, name: string): string {
  return parsePackedName(name)?.type === 'object' ? join(folder, name.slice(0, 2), name) : join(folder, name)
}
