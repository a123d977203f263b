/**
 * Everything that belongs to one commit of a data directory, and nothing else: not `status/`, `repo/`, `tmp/`, `surplus/`, `corrupt/`, and never the
 * key pool. Invariants: what a commit names is proved by its hash as it is read; what can change after the cut was read with it.
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
import type { StoreReader } from '../store/commit/store-reader.js'
import { commitMissing, fileDamaged, fileMissing, isCorrupt } from '../store/disk/damage.js'
import { exists, listDir, readIfExists, statIfExists } from '../store/disk/fs.js'
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
  /** What can change or go away later: marker, configuration, keys, HTTPS pair. */
  readonly small: readonly BackupFile[]
  /** Objects by the folder that they lie in, below the data directory. */
  readonly objects: ReadonlyMap<string, readonly string[]>
}

export interface CaptureOptions {
  readonly onNotice: (text: string) => void
}

/** Takes the cut that `reader` reads; the caller holds the lock, or knows that nobody writes. Throws `corrupt`, `backup-link`. */
export function takeCapture(layout: Layout, reader: StoreReader, { onNotice }: CaptureOptions): BackupCapture {
  const commit = reader.head
  for (const folder of [layout.commits, layout.objects, layout.keys]) refuseLink(folder)
  const top = listDir(layout.dir).filter((name) => !name.includes('/') && isBackupPath(name))
  const small = [
    ...top.flatMap((name) => smallFile(layout, name, onNotice)),
    ...listDir(join(layout.dir, 'ssl')).flatMap((name) => smallFile(layout, `ssl/${name}`, onNotice)),
    ...listDir(layout.keys).flatMap((name) => (name === 'pool' ? [] : smallFile(layout, `keys/${name}`, onNotice))),
  ]
  // what was archived may lie elsewhere: without the note a restored directory could not tell that from loss
  for (const id of reader.roster())
    small.push(...smallFile(layout, relative(layout.dir, archivedIndexPath(layout, id)), onNotice))
  if (!small.some(({ path }) => path === 'brine.json')) throw fileDamaged(layout.marker, 'it is gone')
  const head = commit === 0 ? null : reader.commitAt(commit).sha256
  return { layout, reader, commit, head, small, objects: listObjects(layout) }
}

function refuseLink(path: string): void {
  const there = statIfExists(path)
  if (there === undefined || there.isDirectory()) return
  throw new AppError('corrupt', 'backup-link', `${path}: not a folder; links are not followed`, {
    hint: 'put the folder itself there',
    details: { path },
  })
}

/** None where a link or an odd name lies: said, and not followed. */
function smallFile(layout: Layout, path: string, onNotice: (text: string) => void): readonly BackupFile[] {
  const full = join(layout.dir, path)
  const stat = statIfExists(full)
  if (stat === undefined) return []
  if (!isBackupPath(path) || !stat.isFile()) {
    const passing = path.split('/').at(-1)?.startsWith('.') === true
    if (!passing)
      onNotice(`${full} is left out: ${stat.isFile() ? 'no name that a backup knows' : 'not a regular file'}`)
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
      refuseLink(join(layout.dir, folder))
      found.set(
        folder,
        listDir(join(layout.dir, folder)).filter((file) => isBackupPath(`${folder}/${file}`)),
      )
    }
  }
  return found
}

/** No more files and bytes than these are in the cut. Reads names and sizes; no lock is needed. */
export function measureCapture(capture: BackupCapture): { readonly maxFiles: number; readonly maxBytes: number } {
  let [maxFiles, maxBytes] = [capture.small.length, capture.small.reduce((sum, { bytes }) => sum + bytes.length, 0)]
  const count = (path: string): void => {
    const stat = statIfExists(path)
    if (stat?.isFile() !== true) return
    maxFiles += 1
    maxBytes += Number(stat.size)
  }
  const { layout, reader } = capture
  for (let n = 1; n <= capture.commit; n++) count(layout.commit(n))
  for (const id of reader.roster()) {
    refuseLink(layout.folder(id))
    for (const folder of ['', 'archived', 'surplus'].map((below) => join(layout.folder(id), below)))
      for (const name of listDir(folder)) count(join(folder, name))
    // the cache is written anew
    maxFiles += 1
    maxBytes += infoFile(capture, id).bytes.length
  }
  for (const [folder, names] of capture.objects) for (const name of names) count(join(layout.dir, folder, name))
  return { maxFiles, maxBytes }
}

/** The files of the cut, each read as it is asked for. Throws `file-damaged`, `file-missing`, `commit-missing` (corrupt). */
export function* filesOf(capture: BackupCapture, { onNotice }: CaptureOptions): Generator<BackupFile> {
  yield* capture.small
  for (const id of capture.reader.roster()) yield infoFile(capture, id)
  const elsewhere = new Set<string>()
  const taken = new Set<string>()
  let expected = capture.head
  for (let n = capture.commit; n >= 1; n--) {
    const path = capture.layout.commit(n)
    const bytes = readIfExists(path)
    if (bytes === undefined) throw commitMissing(path)
    if (sha256Hex(bytes) !== expected) throw fileDamaged(path, 'its hash is not the one that was recorded')
    const record = parseCommit(bytes, path, n)
    expected = record.previous
    const modified = epochOf(record.at)
    yield { path: `commits/${n}.json`, bytes, modified }
    for (const entry of record.aggregates) yield* commandFiles(capture, entry, { modified, elsewhere, taken, onNotice })
  }
  yield* objectFiles(capture)
}

function infoFile({ layout, reader }: BackupCapture, id: AggregateId): BackupFile {
  const bytes = encodeRecord({ format: 1, ...reader.infoOf(id) })
  const modified = reader.at === undefined ? 0 : epochOf(reader.at)
  return { path: `${relative(layout.dir, layout.folder(id))}/info.json`, bytes, modified }
}

interface Walk {
  readonly modified: number
  /** Aggregates whose older history lies in another place. */
  readonly elsewhere: Set<string>
  /** Aggregates whose newest command was met: what is older may be archived elsewhere. */
  readonly taken: Set<string>
  readonly onNotice: (text: string) => void
}

/** A command of a commit, its events and its snapshot. */
function* commandFiles(
  capture: BackupCapture,
  entry: StoredCommit['aggregates'][number],
  { modified, elsewhere, taken, onNotice }: Walk,
): Generator<BackupFile> {
  const { layout } = capture
  const id: AggregateId = { kind: entry.kind, handle: entry.handle }
  const who = formatAggregateId(id)
  const file = (name: string, sha256: Sha256): BackupFile | undefined => {
    const found = findHere(layout, id, name, sha256)
    if (found === undefined) return undefined
    const below = found.where === 'archived' ? 'archived/' : ''
    return { path: `${relative(layout.dir, layout.folder(id))}/${below}${name}`, bytes: found.bytes, sha256, modified }
  }
  const command = file(commandName(entry.sequence), entry.command)
  // the newest is never archived
  if (command === undefined && !taken.has(who))
    throw fileMissing(join(layout.folder(id), commandName(entry.sequence)), id)
  if (command === undefined && !elsewhere.has(who))
    onNotice(`${who}: commands up to ${entry.sequence} lie in another place, and not in this backup`)
  taken.add(who)
  if (command === undefined) {
    elsewhere.add(who)
    return
  }
  yield command
  const { effect, version } = parseCommand(command.bytes, command.path, id, entry.sequence)
  if (effect.result !== 'accepted') return
  for (const [i, sha256] of effect.events.entries()) {
    const event = file(eventName(version + i), sha256)
    if (event !== undefined) yield event
  }
  const { snapshot } = effect
  if (snapshot === null || !exists(join(layout.folder(id), snapshotName(snapshot.version)))) return
  const kept = attempt(
    () => file(snapshotName(snapshot.version), snapshot.sha256),
    (error) =>
      // the events make the same state
      onNotice(`${error.message}; left out`),
  )
  if (kept !== undefined) yield kept
}

/** A file in this directory; undefined for one that was archived to another place. Throws `file-missing`, `file-damaged`. */
function findHere(layout: Layout, id: AggregateId, name: string, sha256: Sha256): FoundFile | undefined {
  try {
    const found = findFile(layout, name, sha256, id)
    return found.path.startsWith(layout.folder(id) + sep) ? found : undefined
  } catch (error) {
    if (isCorrupt(error) && isAway(error)) return undefined
    throw error
  }
}

/** Is it a file that the note of the archive knows to be elsewhere? */
function isAway(error: AppError): boolean {
  return (error.details as { readonly archivedTo?: string }).archivedTo !== undefined
}

function attempt<T>(read: () => T, refuse: (error: AppError) => void): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isCorrupt(error)) throw error
    refuse(error)
    return undefined
  }
}

function* objectFiles({ layout, objects }: BackupCapture): Generator<BackupFile> {
  for (const [folder, names] of objects) {
    for (const name of names) {
      const path = `${folder}/${name}`
      // archiving makes the second name before it takes the first away
      const first = join(layout.dir, path)
      const second = join(layout.objects, 'archived', name.slice(0, 2), name)
      const found = readDated(first) ?? readDated(second)
      if (found === undefined) throw fileDamaged(first, 'it went away while the backup ran')
      if (sha256Hex(found.bytes) !== name) throw fileDamaged(first, 'its bytes do not have this hash')
      yield { path, sha256: name as Sha256, ...found }
    }
  }
}

interface Dated {
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
}

/** A file that is named by its hash, with its time: four calls, since a repository has very many. Undefined where there is none. */
function readDated(path: string): Dated | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile() || stat.size > FILE_LIMIT) throw fileDamaged(path, 'not a regular file')
    const bytes = Buffer.allocUnsafeSlow(stat.size)
    const length = fs.readSync(fd, bytes, 0, stat.size, 0)
    return { bytes: bytes.subarray(0, length), modified: Math.floor(stat.mtimeMs / 1000) }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    if (errnoOf(error) === 'ELOOP') throw fileDamaged(path, 'a symbolic link')
    throw isCorrupt(error) ? error : ioError('read', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
