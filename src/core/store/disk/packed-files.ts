/**
 * Files that are packed into segments, in `packed/` of their folder (`objects/packed/` for objects). Reading, listing and stat of `fs.ts` find
 * them at their own paths, after those on disk; writing, linking, moving and removing do not.
 * Invariants: reads only; a path whose number no segment holds costs one stat, however long history is; an entry of a damaged segment is
 * found if it is intact itself.
 */
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import { fileOwnedByOther } from './damage.js'
import { attempt, errnoOf, notifyHook } from './io-error.js'
import {
  entriesOf,
  findEntry,
  indexPlace,
  mayHold,
  type PackedName,
  parsePackedName,
  parseSegmentName,
  rebuildIndex,
  type SegmentEntry,
  type SegmentRange,
  TRAILER,
} from './segment.js'

/** Folder with the segments of the folder in which it is. */
export const PACKED = 'packed'

interface Segment {
  readonly path: string
  readonly ranges: readonly SegmentRange[]
  /** Lines of the index; undefined until they are needed. */
  lines?: Buffer | undefined
  /** Names by the folder that they belong to; undefined until they are listed. */
  names?: ReadonlyMap<string, readonly string[]> | undefined
}

interface Catalog {
  readonly ino: bigint
  readonly changed: bigint
  /** False if it was listed so soon after a change that another one may have the same time. */
  readonly settled: boolean
  readonly segments: readonly Segment[]
}

/** By the path of `packed/`. */
const catalogs = new Map<string, Catalog>()
/** Milliseconds after a change in which another one may have the same time. */
const SAME_TIME = 2000
/** Bytes of indexes that are kept in memory before all are given up. */
const CACHE_LIMIT = 64 * 1024 * 1024
let cached = 0

interface Place extends PackedName {
  readonly name: string
  /** Path of `packed/`. */
  readonly folder: string
}

/** Returns where the segments of a file would be; undefined for a file that is never packed. */
function placeOf(path: string): Place | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const file = parsePackedName(name)
  if (file === undefined) return undefined
  const folder = dirname(path)
  if (file.type === 'object' && basename(folder) !== name.slice(0, 2)) return undefined
  return { ...file, name, folder: join(file.type === 'object' ? dirname(folder) : folder, PACKED) }
}

/**
 * Returns the bytes of a packed file; undefined if it is in no segment. Of a damaged entry it returns what is there, for the reader to compare
 * with the recorded hash. Throws an error of Node, and `file-foreign` (corrupt) if `owner` is not the owner of the segment.
 */
export function packedBytes(path: string, owner?: number): Uint8Array | undefined {
  return inSegments(path, (segment, entry, isLast) => {
    const bytes = readSegment(segment.path, (fd, stat) => {
      if (owner !== undefined && stat.uid !== owner) throw fileOwnedByOther(segment.path, stat.uid, owner)
      return readAt(fd, entry.offset, entry.length)
    })
    return isLast || sha256Hex(bytes) === entry.sha256 ? bytes : undefined
  })
}

/** Returns the entry of a packed file with the status of its segment; undefined if there is none. Throws an error of Node. */
export function packedEntry(path: string): (SegmentEntry & { readonly segment: string }) | undefined {
  return inSegments(path, (segment, entry) => ({ ...entry, segment: segment.path }))
}

/** Returns the status that a packed file would have on disk. Throws an error of Node. */
export function packedStat(path: string): fs.BigIntStats | undefined {
  const entry = packedEntry(path)
  if (entry === undefined) return undefined
  const segment = fs.lstatSync(entry.segment, { bigint: true })
  const modified = BigInt(entry.modified)
  const mode = parsePackedName(entry.name)?.type === 'object' ? 0o644 : 0o600
  return Object.assign(Object.create(Object.getPrototypeOf(segment)), segment, {
    mode: BigInt(fs.constants.S_IFREG | mode),
    size: BigInt(entry.length),
    mtimeMs: modified * 1000n,
    mtimeNs: modified * 1_000_000_000n,
  }) as fs.BigIntStats
}

/** Lists the names of the files of a folder that are packed; for `objects/` those of its subfolders. Throws an error of Node. */
export function packedNames(folder: string): readonly string[] {
  const name = basename(folder)
  const isPart = /^[0-9a-f]{2}$/.test(name)
  const out: string[] = []
  for (const segment of catalogOf(join(folder, PACKED)))
    out.push(...(namesIn(segment).get('') ?? []), ...[...namesIn(segment).keys()].filter((key) => key !== ''))
  if (isPart)
    for (const segment of catalogOf(join(dirname(folder), PACKED))) out.push(...(namesIn(segment).get(name) ?? []))
  return out
}

/** A segment and what it holds. */
export interface HeldSegment {
  readonly path: string
  readonly entries: readonly SegmentEntry[]
}

/** Lists the segments of a folder with their entries, for the program that packs. Throws `io`. */
export function segmentsOf(folder: string): readonly HeldSegment[] {
  const below = join(folder, PACKED)
  const segments = attempt('list', below, () => catalogOf(below))
  return segments.map((segment) => ({
    path: segment.path,
    entries: entriesOf(attempt('read', segment.path, () => linesOf(segment))),
  }))
}

/** Returns the bytes of an entry; undefined if they do not have its hash. Throws an error of Node. */
export function entryBytes(path: string, entry: SegmentEntry): Uint8Array | undefined {
  const bytes = readSegment(path, (fd) => readAt(fd, entry.offset, entry.length))
  return sha256Hex(bytes) === entry.sha256 ? bytes : undefined
}

/** Calls `use` for each segment that lists the file, until it returns a value. A segment that was replaced meanwhile is looked for again. */
function inSegments<T>(
  path: string,
  use: (segment: Segment, entry: SegmentEntry, isLast: boolean) => T | undefined,
): T | undefined {
  const place = placeOf(path)
  if (place === undefined) return undefined
  try {
    return search(place, use)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    catalogs.delete(place.folder)
    return search(place, use)
  }
}

function search<T>(
  place: Place,
  use: (segment: Segment, entry: SegmentEntry, isLast: boolean) => T | undefined,
): T | undefined {
  const found = catalogOf(place.folder).flatMap((segment) => {
    if (!mayHold(segment.ranges, place)) return []
    const entry = findEntry(linesOf(segment), place.name)
    return entry === undefined ? [] : [{ segment, entry }]
  })
  for (const [i, { segment, entry }] of found.entries()) {
    const value = use(segment, entry, i === found.length - 1)
    if (value !== undefined) return value
  }
  return undefined
}

/** Returns the segments in a folder, listed again if it changed. */
function catalogOf(folder: string): readonly Segment[] {
  const stat = fs.lstatSync(folder, { bigint: true, throwIfNoEntry: false })
  if (stat?.isDirectory() !== true) return []
  const known = catalogs.get(folder)
  if (known?.settled === true && known.ino === stat.ino && known.changed === stat.mtimeNs) return known.segments
  const settled = Date.now() - Number(stat.mtimeMs) > SAME_TIME
  const segments = fs
    .readdirSync(folder)
    .sort()
    .flatMap((name): readonly Segment[] => {
      const ranges = parseSegmentName(name)
      if (ranges === undefined) return []
      const path = join(folder, name)
      return [known?.segments.find((segment) => segment.path === path) ?? { path, ranges }]
    })
  catalogs.set(folder, { ino: stat.ino, changed: stat.mtimeNs, settled, segments })
  return segments
}

function namesIn(segment: Segment): ReadonlyMap<string, readonly string[]> {
  if (segment.names !== undefined) return segment.names
  const names = new Map<string, string[]>()
  for (const { name } of entriesOf(linesOf(segment))) {
    const key = parsePackedName(name)?.type === 'object' ? name.slice(0, 2) : ''
    const list = names.get(key)
    if (list === undefined) names.set(key, [name])
    else list.push(name)
  }
  segment.names = names
  return names
}

function linesOf(segment: Segment): Buffer {
  if (segment.lines !== undefined) return segment.lines
  const lines = readLines(segment.path)
  if (cached + lines.length > CACHE_LIMIT) {
    for (const { segments } of catalogs.values())
      for (const one of segments) [one.lines, one.names] = [undefined, undefined]
    cached = 0
  }
  cached += lines.length
  segment.lines = lines
  return lines
}

/** Reads the lines of the index, rebuilt if they are damaged. Of anything but a regular file there are none. */
function readLines(path: string): Buffer {
  if (!fs.lstatSync(path).isFile()) return Buffer.alloc(0)
  return readSegment(path, (fd, { size }) => {
    const place = indexPlace(readAt(fd, Math.max(0, size - TRAILER), Math.min(size, TRAILER)), size)
    const lines = place && readAt(fd, place.start, place.end - place.start)
    if (lines !== undefined && sha256Hex(lines) === place?.sha256) return Buffer.from(lines)
    return rebuildIndex(readAt(fd, 0, size))
  })
}

function readSegment<T>(path: string, work: (fd: number, stat: fs.Stats) => T): T {
  notifyHook('read', path)
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
  try {
    return work(fd, fs.fstatSync(fd))
  } finally {
    fs.closeSync(fd)
  }
}

/** Returns the bytes at a position; fewer where the file ends. */
function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, fs.fstatSync(fd).size - offset)))
  let at = 0
  while (at < bytes.length) {
    const read = fs.readSync(fd, bytes, at, bytes.length - at, offset + at)
    if (read === 0) return bytes.slice(0, at)
    at += read
  }
  return bytes
}
