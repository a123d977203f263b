/**
 * Writes segments.
 * Invariants: only under the lock; a segment is complete, synced and read back before anything else; nothing is removed.
 */
import { join } from 'node:path'
import { fileDamaged } from '../disk/damage.js'
import { makeDir, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { attempt } from '../disk/io-error.js'
import { entryBytes, type HeldSegment, PACKED, segmentsOf } from '../disk/packed-files.js'
import type { Layout } from '../disk/paths.js'
import { encodeSegment, type SegmentEntry, type SegmentFile } from '../disk/segment.js'
import { readVerified } from '../disk/verified-read.js'
import { replaceFile, writeNew } from '../disk/write-file.js'
import { hashedSegments, holds, isIntact } from './held-segments.js'
import { BATCH, FEWEST_FILES, isOpen } from './pack-rules.js'
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
