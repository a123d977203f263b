/**
 * Selects and reads the files of one revision of a data directory for a backup: no `status/`, `repo/`, `tmp/`, `surplus/`, `corrupt/`, and never
 * the key pool. Invariants: a file that a commit references is verified by its hash as it is read; files that can change after the capture are
 * read with it.
 */
import * as fs from 'node:fs'
import { join, relative, sep } from 'node:path'
import { AppError } from '../base/errors.js'
import { epochOf } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../eventsourcing/types.js'
import { type FoundFile, findFile } from '../store/commit/aggregate-files.js'
import { archivedIndexPath } from '../store/commit/archived-index.js'
import { keptRecordsPath } from '../store/commit/kept-records.js'
import { followBranch, inRanges, isOffBranch, type LiveBranch, newBranch } from '../store/commit/live-branch.js'
import type { StoreReader } from '../store/commit/store-reader.js'
import { commitMissing, fileDamaged, fileMissing, isCorrupt, unlessCorrupt } from '../store/disk/damage.js'
import { exists, listDir, readIfExists, sizeIfFile, statIfExists } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { commandName, eventName, type Layout, snapshotName } from '../store/disk/paths.js'
import { encodeRecord, parseCommand, parseCommit } from '../store/disk/records.js'
import { FILE_LIMIT, isBackupPath } from './format.js'
import type { BackupFile } from './pack.js'

export interface BackupCapture {
  readonly layout: Layout
  readonly reader: StoreReader
  readonly commit: number
  readonly head: Sha256 | null
  /** Files that can change or disappear later: marker, configuration, keys, HTTPS key and certificate. */
  readonly mutableFiles: readonly BackupFile[]
  /** Names of objects by folder, relative to the data directory. */
  readonly objects: ReadonlyMap<string, readonly string[]>
}

export interface CaptureOptions {
  readonly onWarning: (text: string) => void
}

export interface ReadOptions extends CaptureOptions {
  /** Objects that fit are read into this memory, so that their bytes are valid only until the next file is taken. */
  readonly into?: Uint8Array
}

/** Captures the revision that `reader` reads. The caller holds the write lock, or knows that there is no writer. Throws `corrupt`, `backup-link`. */
export function captureRevision(layout: Layout, reader: StoreReader, { onWarning }: CaptureOptions): BackupCapture {
  const commit = reader.head
  for (const folder of [layout.commits, layout.objects, layout.keys]) assertNotLink(folder)
  const top = listDir(layout.dir).filter((name) => !name.includes('/') && isBackupPath(name))
  const read = (path: string): readonly BackupFile[] => readMutableFile(layout, path, onWarning)
  const mutableFiles = [
    ...top.flatMap(read),
    ...listDir(join(layout.dir, 'ssl')).flatMap((name) => read(`ssl/${name}`)),
    ...listDir(layout.keys).flatMap((name) => (name === 'pool' ? [] : read(`keys/${name}`))),
  ]
  // archived files may be on another volume: without this index a restored directory could not distinguish that from loss
  for (const id of reader.roster())
    for (const path of [archivedIndexPath(layout, id), keptRecordsPath(layout, id)])
      mutableFiles.push(...read(relative(layout.dir, path)))
  if (!mutableFiles.some(({ path }) => path === 'brine.json')) throw fileDamaged(layout.marker, 'the file is missing')
  const head = commit === 0 ? null : reader.commitAt(commit).sha256
  return { layout, reader, commit, head, mutableFiles, objects: listObjects(layout) }
}

function assertNotLink(path: string): void {
  const stat = statIfExists(path)
  if (stat === undefined || stat.isDirectory()) return
  throw new AppError('corrupt', 'backup-link', `${path} is not a folder, and links are not followed`, {
    hint: 'replace the link by the folder itself',
    details: { path },
  })
}

/** Reads a file. Returns nothing, with a warning, for a link (which is not followed) and for an unknown name. */
function readMutableFile(layout: Layout, path: string, onWarning: (text: string) => void): readonly BackupFile[] {
  const full = join(layout.dir, path)
  const stat = statIfExists(full)
  if (stat === undefined) return []
  if (!isBackupPath(path) || !stat.isFile()) {
    const isHidden = path.split('/').at(-1)?.startsWith('.') === true
    if (!isHidden)
      onWarning(`${full} is not backed up: ${stat.isFile() ? 'not a file of a data directory' : 'not a regular file'}`)
    if (path === 'brine.json' || path === 'brine.toml') throw fileDamaged(full, 'not a regular file')
    return []
  }
  const bytes = readIfExists(full)
  return bytes === undefined ? [] : [{ path, bytes, modified: seconds(stat.mtimeMs) }]
}

function seconds(ms: bigint): number {
  return Math.max(0, Number(ms / 1000n))
}

function listObjects(layout: Layout): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const below of ['objects', 'objects/archived']) {
    for (const name of listDir(join(layout.dir, below))) {
      if (!/^[0-9a-f]{2}$/.test(name)) continue
      const folder = `${below}/${name}`
      assertNotLink(join(layout.dir, folder))
      found.set(
        folder,
        listDir(join(layout.dir, folder)).filter((file) => isBackupPath(`${folder}/${file}`)),
      )
    }
  }
  return found
}

/** Returns upper bounds of the files and bytes in the backup, from names and sizes. Needs no lock. */
export function measureCapture(capture: BackupCapture): { readonly maxFiles: number; readonly maxBytes: number } {
  const { layout, reader, mutableFiles } = capture
  let [maxFiles, maxBytes] = [mutableFiles.length, mutableFiles.reduce((sum, { bytes }) => sum + bytes.length, 0)]
  const count = (path: string): void => {
    const size = sizeIfFile(path)
    if (size === undefined) return
    maxFiles += 1
    maxBytes += size
  }
  for (let n = 1; n <= capture.commit; n++) count(layout.commit(n))
  for (const id of reader.roster()) {
    assertNotLink(layout.folder(id))
    for (const folder of ['', 'archived', 'surplus'].map((below) => join(layout.folder(id), below)))
      for (const name of listDir(folder)) count(join(folder, name))
    // `info.json` is a cache and is generated for the backup
    maxFiles += 1
    maxBytes += infoFile(capture, id).bytes.length
  }
  for (const [folder, names] of capture.objects) for (const name of names) count(`${layout.dir}/${folder}/${name}`)
  return { maxFiles, maxBytes }
}

/** Yields the files of the revision, each read on demand. Throws `file-damaged`, `file-missing`, `commit-missing` (corrupt). */
export function* readCapturedFiles(capture: BackupCapture, { onWarning, into }: ReadOptions): Generator<BackupFile> {
  yield* capture.mutableFiles
  for (const id of capture.reader.roster()) yield infoFile(capture, id)
  const archivedElsewhere = new Set<string>()
  const newestFound = new Set<string>()
  const branches = new Map<string, LiveBranch>()
  let expected = capture.head
  for (let n = capture.commit; n >= 1; n--) {
    const path = capture.layout.commit(n)
    const bytes = readIfExists(path)
    if (bytes === undefined) throw commitMissing(path)
    if (sha256Hex(bytes) !== expected) throw fileDamaged(path, 'content does not match its recorded hash')
    const record = parseCommit(bytes, path, n)
    expected = record.previous
    const modified = epochOf(record.at)
    yield { path: `commits/${n}.json`, bytes, modified }
    for (const entry of record.aggregates)
      yield* commandFiles(capture, entry, { modified, archivedElsewhere, newestFound, branches, onWarning })
  }
  yield* objectFiles(capture, into)
}

function infoFile({ layout, reader }: BackupCapture, id: AggregateId): BackupFile {
  const bytes = encodeRecord({ format: 1, ...reader.infoOf(id) })
  const modified = reader.at === undefined ? 0 : epochOf(reader.at)
  return { path: `${relative(layout.dir, layout.folder(id))}/info.json`, bytes, modified }
}

interface WalkState {
  readonly modified: number
  /** Aggregates whose older history is archived outside the data directory. */
  readonly archivedElsewhere: Set<string>
  /** Aggregates whose newest command was found: only older ones may be archived elsewhere. */
  readonly newestFound: Set<string>
  /** By aggregate: the commands and events that newer recoveries discarded or declared gone, which may be missing. */
  readonly branches: Map<string, LiveBranch>
  readonly onWarning: (text: string) => void
}

/** Yields a command of a commit, its events and its snapshot. */
function* commandFiles(
  capture: BackupCapture,
  entry: StoredCommit['aggregates'][number],
  { modified, archivedElsewhere, newestFound, branches, onWarning }: WalkState,
): Generator<BackupFile> {
  const { layout } = capture
  const id: AggregateId = { kind: entry.kind, handle: entry.handle }
  const name = formatAggregateId(id)
  const file = (base: string, sha256: Sha256): BackupFile | undefined => {
    const found = findInDirectory(layout, id, base, sha256)
    if (found === undefined) return undefined
    if (found.where === 'kept') return { path: relative(layout.dir, found.path), bytes: found.bytes, sha256, modified }
    const below = found.where === 'archived' ? 'archived/' : ''
    return { path: `${relative(layout.dir, layout.folder(id))}/${below}${base}`, bytes: found.bytes, sha256, modified }
  }
  const branch = branches.get(name) ?? newBranch()
  branches.set(name, branch)
  const isOff = isOffBranch(branch, entry.sequence)
  const ifThere = (base: string, sha256: Sha256): BackupFile | undefined =>
    unlessCorrupt(
      () => file(base, sha256),
      () => undefined,
    )
  const command = (isOff ? ifThere : file)(commandName(entry.sequence), entry.command)
  if (isOff && command === undefined) return
  const isKept = command !== undefined && command.path === relative(layout.dir, keptRecordsPath(layout, id))
  // the newest command is never archived
  if (command === undefined && !newestFound.has(name))
    throw fileMissing(join(layout.folder(id), commandName(entry.sequence)), id)
  if ((command === undefined || isKept) && !archivedElsewhere.has(name))
    onWarning(`${name}: commands up to ${entry.sequence} are archived elsewhere and are not in this backup`)
  newestFound.add(name)
  if (command === undefined || isKept) archivedElsewhere.add(name)
  if (command === undefined) return
  // kept records are in the backup as the file that they are lines of
  if (!isKept) yield command
  const record = parseCommand(command.bytes, command.path, id, entry.sequence)
  const { effect, version } = record
  if (effect.result === 'rejected') return
  for (const [i, sha256] of (effect.result === 'accepted' ? effect.events : []).entries()) {
    const mayBeGone = isOff || inRanges(branch.events, version + i)
    const event = (mayBeGone ? ifThere : file)(eventName(version + i), sha256)
    if (event !== undefined) yield event
  }
  followBranch(branch, record)
  const { snapshot } = effect
  if (snapshot === null || !exists(join(layout.folder(id), snapshotName(snapshot.version)))) return
  const kept = unlessCorrupt(
    () => file(snapshotName(snapshot.version), snapshot.sha256),
    (error) =>
      // replay of the events gives the same state
      onWarning(`${error.message}; it is not backed up`),
  )
  if (kept !== undefined) yield kept
}

/** Returns a file in this data directory; undefined if it was archived elsewhere. Throws `file-missing`, `file-damaged`. */
function findInDirectory(layout: Layout, id: AggregateId, name: string, sha256: Sha256): FoundFile | undefined {
  try {
    const found = findFile(layout, name, sha256, id)
    return found.path.startsWith(layout.folder(id) + sep) ? found : undefined
  } catch (error) {
    if (isCorrupt(error) && isArchivedElsewhere(error)) return undefined
    throw error
  }
}

/** Returns true for the error of a file that is recorded as archived elsewhere. */
function isArchivedElsewhere(error: AppError): boolean {
  return (error.details as { readonly archivedTo?: string }).archivedTo !== undefined
}

function* objectFiles({ layout, objects }: BackupCapture, into: Uint8Array | undefined): Generator<BackupFile> {
  for (const [folder, names] of objects) {
    for (const name of names) {
      const path = `${folder}/${name}`
      const listed = `${layout.dir}/${path}`
      // `archive` links the archived name before it removes this one
      const found =
        readWithTime(listed, into) ?? readWithTime(join(layout.objects, 'archived', name.slice(0, 2), name), into)
      if (found === undefined) throw fileDamaged(listed, 'the file disappeared during the backup')
      if (sha256Hex(found.bytes) !== name) throw fileDamaged(listed, 'content does not match the hash in its name')
      yield { path, sha256: name as Sha256, ...found }
    }
  }
}

interface TimedFile {
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
}

/**
 * Reads a file together with its modification time; undefined if there is none. Makes only four system calls, since a repository can have very
 * many objects.
 */
function readWithTime(path: string, into?: Uint8Array): TimedFile | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile() || stat.size > FILE_LIMIT) throw fileDamaged(path, 'not a regular file')
    const bytes = into !== undefined && stat.size <= into.length ? into : Buffer.allocUnsafeSlow(stat.size)
    const length = fs.readSync(fd, bytes, 0, stat.size, 0)
    return { bytes: bytes.subarray(0, length), modified: Math.max(0, Math.floor(stat.mtimeMs / 1000)) }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return readPacked(path)
    if (errnoOf(error) === 'ELOOP') throw fileDamaged(path, 'a symbolic link')
    throw isCorrupt(error) ? error : ioError('read', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Reads a packed object with its modification time. */
function readPacked(path: string): TimedFile | undefined {
  const [bytes, stat] = [readIfExists(path), statIfExists(path)]
  return bytes === undefined || stat === undefined ? undefined : { bytes, modified: seconds(stat.mtimeMs) }
}
