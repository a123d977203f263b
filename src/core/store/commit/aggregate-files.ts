/**
 * Files of one aggregate, found by name and verified by hash.
 * Invariant: bytes are returned only if a commit references them, wherever the file is (in place, archived, or misplaced in `surplus/`).
 */
import { join } from 'node:path'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, StoredCommand } from '../../eventsourcing/types.js'
import { archiveMissing, fileDamaged, fileMissing, isCorrupt, isNewer } from '../disk/damage.js'
import { exists, listDir, readIfExists, readOwnedFile, statIfExists } from '../disk/fs.js'
import { commandName, type Layout, parseFileName } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommand } from '../disk/records.js'
import { readVerified } from '../disk/verified-read.js'
import { archivedRangeOf, pathInArchive, tryReadArchivedIndex } from './archived-index.js'
import type { Revision } from './commit-log.js'
import { keptRecord, keptRecordsPath } from './kept-records.js'

export interface FoundFile {
  readonly bytes: Uint8Array
  readonly path: string
  /** `kept`: a line of the kept records. `surplus`: the next writer moves it back. */
  readonly where: 'place' | 'archived' | 'kept' | 'surplus'
}

/** Finds the file of this name and hash. Throws `file-missing`, `file-damaged`, `io`. */
export function findFile(layout: Layout, name: string, sha256: Sha256, id: AggregateId): FoundFile {
  const place = join(layout.folder(id), name)
  // a second try, since a file may be moved back while the places are read
  const found = tryFindFile(layout, name, sha256, id) ?? tryFindFile(layout, name, sha256, id)
  if (found !== undefined) return found
  const went = archivedRangeOf(tryReadArchivedIndex(layout, id), name)
  const bytes = went === undefined ? undefined : readVerified(pathInArchive(layout, id, went.dir, name), sha256)
  if (went !== undefined && bytes !== undefined)
    return { bytes, path: pathInArchive(layout, id, went.dir, name), where: 'archived' }
  const kept = findKept(layout, name, sha256, id)
  if (kept !== undefined) return kept
  const there = statIfExists(place)
  if (there === undefined)
    throw went === undefined ? fileMissing(place, id) : archiveMissing(place, went.dir ?? 'archived/', id)
  throw fileDamaged(place, there.isFile() ? 'content does not match its recorded hash' : 'not a regular file', id)
}

/** Finds the record of an archived command among those that are kept. Throws `io`. */
function findKept(layout: Layout, name: string, sha256: Sha256, id: AggregateId): FoundFile | undefined {
  if (parseFileName(name)?.type !== 'command') return undefined
  const bytes = keptRecord(layout, id, sha256)
  return bytes && { bytes, path: keptRecordsPath(layout, id), where: 'kept' }
}

/** Returns true if a file of this name exists, in place or archived. */
export function hasFile(layout: Layout, name: string, id: AggregateId): boolean {
  return [join(layout.folder(id), name), ...layout.archived(id, name)].some(exists)
}

function tryFindFile(layout: Layout, name: string, sha256: Sha256, id: AggregateId): FoundFile | undefined {
  const folder = layout.folder(id)
  const place = join(folder, name)
  const there = readVerified(place, sha256, readOwnedFile)
  if (there !== undefined) return { bytes: there, path: place, where: 'place' }
  for (const path of layout.archived(id, name)) {
    const bytes = readVerified(path, sha256)
    if (bytes !== undefined) return { bytes, path, where: 'archived' }
  }
  // a writer that lost a race may have moved a file away that was committed a moment later: its hash finds it
  for (const other of listDir(join(folder, 'surplus'))) {
    if (!other.startsWith(`${name}.`)) continue
    const path = join(folder, 'surplus', other)
    const bytes = readVerified(path, sha256)
    if (bytes !== undefined) return { bytes, path, where: 'surplus' }
  }
  return undefined
}

export interface FoundCommand {
  readonly record: StoredCommand
  readonly sha256: Sha256
  readonly file: FoundFile
}

/** Reads the command record with this hash. Throws `file-missing`, `file-damaged`, `io`. */
export function readCommand(layout: Layout, id: AggregateId, sequence: number, sha256: Sha256): FoundCommand {
  const file = findFile(layout, commandName(sequence), sha256, id)
  return { record: parseCommand(file.bytes, file.path, id, sequence), sha256, file }
}

/** Reads a command record without verifying its hash; `unread` if the file does not contain it, undefined for a missing file. */
export function peekCommand(layout: Layout, id: AggregateId, sequence: number): StoredCommand | 'unread' | undefined {
  const name = commandName(sequence)
  const place = join(layout.folder(id), name)
  for (const path of [place, ...layout.archived(id, name)]) {
    try {
      const bytes = path === place ? readOwnedFile(path, COMMAND_LIMIT) : readIfExists(path, COMMAND_LIMIT)
      if (bytes === undefined) continue
      return parseCommand(bytes, path, id, sequence)
    } catch (error) {
      // a newer format is meaningful only in a record that a commit references: in any other it is damage
      if (!isCorrupt(error) && !isNewer(error)) throw error
      return 'unread'
    }
  }
  return undefined
}

/** Finds the command record that a commit of the revision references. Throws `file-missing`, `file-damaged`, `io`. */
export function findCommand(
  revision: Pick<Revision, 'layout' | 'log' | 'head'>,
  id: AggregateId,
  sequence: number,
): FoundCommand {
  const { layout } = revision
  const peek = peekCommand(layout, id, sequence)
  if (peek !== undefined && peek !== 'unread' && peek.commit <= revision.head) {
    const entry = revision.log.entry(peek.commit, id)
    if (entry?.sequence === sequence) return readCommand(layout, id, sequence, entry.command)
  }
  for (let n = revision.head; n >= 1; n--) {
    const entry = revision.log.entry(n, id)
    if (entry === undefined || entry.sequence > sequence) continue
    if (entry.sequence === sequence) return readCommand(layout, id, sequence, entry.command)
    break
  }
  throw fileMissing(join(layout.folder(id), commandName(sequence)), id)
}
