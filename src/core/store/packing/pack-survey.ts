/**
 * Finds the files that may be packed: commits, commands with their events, and objects that are old, in place or archived. Reads one revision
 * without a lock, changes nothing.
 * Invariant: a file is listed only with the hash that a commit holds of it, and none that loading the newest snapshot reads.
 */
import { join } from 'node:path'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, StoredCommand } from '../../eventsourcing/types.js'
import { hashesIn, objectsBelow } from '../archive/archive-objects.js'
import type { StoreReader } from '../commit/store-reader.js'
import { readInfo } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { listDisk, readIfExists, readOwnedFile, sizeIfFile } from '../disk/fs.js'
import { segmentsOf } from '../disk/packed-files.js'
import { commandName, eventName, type Layout, parseFileName } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommand } from '../disk/records.js'
import { FEWEST_FILES, LARGE_FILE, MOST_FILES } from './pack-rules.js'

export interface DueFile {
  readonly name: string
  readonly path: string
  readonly sha256: Sha256
  readonly size: number
}

/** A folder with segments in `packed/`, and the files that may join them. */
export interface PackingHome {
  readonly folder: string
  readonly due: readonly DueFile[]
}

export interface PackingSurvey {
  readonly homes: readonly PackingHome[]
  /** Number of old objects on disk that are in use. */
  readonly liveObjects: number
}

export interface PackingRules {
  /** Files older than this. */
  readonly cutoff: Instant
  readonly fewest?: number
  /** `liveObjects` of the survey before, which saves reading all snapshots where there is nothing to pack. */
  readonly liveObjects: number
  /** Packed objects that the archive has released: they stay out of segments. */
  readonly released?: ReadonlySet<string>
}

/** Lists the folders in which enough files may be packed. What is damaged or missing is left to others to report. Throws `io`. */
export function surveyPacking(layout: Layout, reader: StoreReader, rules: PackingRules): PackingSurvey {
  const fewest = rules.fewest ?? FEWEST_FILES
  const homes: PackingHome[] = []
  const add = (folder: string, due: readonly DueFile[]): void => {
    const small = due.filter((file) => file.size <= LARGE_FILE)
    if (small.length >= fewest) homes.push({ folder, due: small })
  }
  add(layout.commits, dueCommits(layout, reader, rules))
  for (const id of reader.roster())
    for (const folder of [layout.folder(id), join(layout.folder(id), 'archived')])
      add(folder, dueRecords(layout, reader, id, folder, rules))
  const objects = dueObjects(layout, reader, rules, homes)
  for (const { folder, due } of objects.homes) add(folder, due)
  return { homes, liveObjects: objects.live }
}

/** Returns the names of all files in the segments of a folder. Throws `io`. */
export function packedNames(folder: string): ReadonlySet<string> {
  return new Set(segmentsOf(folder).flatMap(({ entries }) => entries.map(({ name }) => name)))
}

function dueCommits(layout: Layout, reader: StoreReader, { cutoff }: PackingRules): readonly DueFile[] {
  if (reader.head === 0) return []
  const packed = packedNames(layout.commits)
  const { roster } = reader.commitAt(reader.head).record
  const due: DueFile[] = []
  const numbers = listDisk(layout.commits).flatMap((name) => {
    const n = /^([1-9]\d{0,14})\.json$/.exec(name)?.[1]
    // the list of all aggregates is read by each command
    return n === undefined || packed.has(name) || Number(n) === roster ? [] : [Number(n)]
  })
  for (const n of numbers.sort((a, b) => a - b)) {
    if (n >= reader.head || due.length >= MOST_FILES) break
    const path = layout.commit(n)
    const file = verifiedCommit(reader, n)
    if (file !== undefined && file.record.at < cutoff)
      due.push({ name: `${n}.json`, path, sha256: file.sha256, size: sizeIfFile(path) ?? 0 })
  }
  return due
}

/** Returns a commit before the head with the hash that the next one holds of it; undefined if either is damaged. */
function verifiedCommit(reader: StoreReader, n: number): ReturnType<StoreReader['commitAt']> | undefined {
  if (n >= reader.head) return undefined
  return unlessDamaged(() => {
    const file = reader.commitAt(n)
    return reader.commitAt(n + 1).record.previous === file.sha256 ? file : undefined
  })
}

/** Lists the old commands before the newest snapshot, each with its events. In `archived/` there is no snapshot. */
function dueRecords(
  layout: Layout,
  reader: StoreReader,
  id: AggregateId,
  folder: string,
  { cutoff, fewest = FEWEST_FILES }: PackingRules,
): readonly DueFile[] {
  const onDisk = new Set(listDisk(folder))
  const isPlace = folder === layout.folder(id)
  const info = isPlace ? readInfo(folder) : undefined
  // the cache is verified once there is something to pack
  const limit = isPlace ? (typeof info === 'object' ? (info.snapshot?.sequence ?? 0) : 0) : Number.POSITIVE_INFINITY
  const numbers = [...onDisk].flatMap((name) => {
    const file = parseFileName(name)
    return file?.type === 'command' && file.n < limit ? [file.n] : []
  })
  if (numbers.length === 0 || onDisk.size < fewest) return []
  const packed = packedNames(folder)
  const before = isPlace ? unlessDamaged(() => reader.infoOf(id).snapshot?.sequence ?? 0) : limit
  const due: DueFile[] = []
  for (const n of numbers.sort((a, b) => a - b)) {
    if (n >= (before ?? 0) || due.length >= MOST_FILES) break
    const path = join(folder, commandName(n))
    if (packed.has(commandName(n))) continue
    const bytes = unlessDamaged(() => readOwnedFile(path, COMMAND_LIMIT))
    const record = bytes && unlessDamaged(() => parseCommand(bytes, path, id, n))
    if (bytes === undefined || record === undefined) continue
    const sha256 = sha256Hex(bytes)
    if (!(record.at < cutoff) || !isNamed(reader, id, record, sha256)) continue
    due.push(...filesOf(folder, record, sha256).filter(({ name }) => onDisk.has(name) && !packed.has(name)))
  }
  return due
}

function isNamed(reader: StoreReader, id: AggregateId, record: StoredCommand, sha256: Sha256): boolean {
  const named = verifiedCommit(reader, record.commit)?.record.aggregates.find(
    ({ kind, handle }) => kind === id.kind && handle === id.handle,
  )
  return named?.sequence === record.sequence && named.command === sha256
}

/** Returns the events of a command and its record, which is the last. */
function filesOf(folder: string, record: StoredCommand, sha256: Sha256): readonly DueFile[] {
  const events = record.effect.result === 'accepted' ? record.effect.events : []
  return [
    ...events.map((hash, i) => [eventName(record.version + i), hash] as const),
    [commandName(record.sequence), sha256] as const,
  ].map(([name, hash]) => {
    const path = join(folder, name)
    return { name, path, sha256: hash, size: sizeIfFile(path) ?? 0 }
  })
}

/** Lists the old objects that nothing outside of segments references. */
function dueObjects(
  layout: Layout,
  reader: StoreReader,
  { cutoff, fewest = FEWEST_FILES, liveObjects, released }: PackingRules,
  homes: readonly PackingHome[],
): { readonly homes: readonly PackingHome[]; readonly live: number } {
  const folders = [layout.objects, join(layout.objects, 'archived')]
  const old = folders.map((folder) => {
    const packed = packedNames(folder)
    return [...objectsBelow(folder)].filter(
      ({ sha256, dated }) => dated < cutoff && !packed.has(sha256) && released?.has(sha256) !== true,
    )
  })
  if (old.reduce((sum, { length }) => sum + length, 0) < liveObjects + fewest) return { homes: [], live: liveObjects }
  const used = unlessDamaged(() => objectsInUse(layout, reader, homes))
  // what a damaged aggregate references is unknown
  if (used === undefined) return { homes: [], live: 0 }
  const due = folders.map((folder, i) => ({
    folder,
    due: (old[i] ?? [])
      .filter(({ sha256 }) => !used.has(sha256))
      .slice(0, MOST_FILES)
      .map(({ sha256, size }) => ({ name: sha256, path: join(folder, sha256.slice(0, 2), sha256), sha256, size })),
  }))
  return { homes: due, live: old.flat().filter(({ sha256 }) => used.has(sha256)).length }
}

/** Returns the objects in the snapshots on disk and in the events that stay there. Throws `corrupt` if an aggregate cannot be loaded. */
function objectsInUse(layout: Layout, reader: StoreReader, homes: readonly PackingHome[]): ReadonlySet<Sha256> {
  const used = new Set<Sha256>()
  for (const id of reader.roster()) {
    reader.infoOf(id)
    const folder = layout.folder(id)
    const leaving = new Set(homes.find((home) => home.folder === folder)?.due.map(({ name }) => name))
    const packed = packedNames(folder)
    for (const name of listDisk(folder)) {
      const type = parseFileName(name)?.type
      if ((type !== 'snapshot' && type !== 'event') || leaving.has(name) || packed.has(name)) continue
      for (const sha256 of hashesIn(readIfExists(join(folder, name)) ?? new Uint8Array())) used.add(sha256)
    }
  }
  return used
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}
