/**
 * One aggregate's files, found by name and proved by hash.
 * Invariant: bytes are returned only when a commit vouches for them, wherever they lie (in place, archived, or wrongly in `surplus/`).
 */
import { join } from 'node:path'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, StoredCommand } from '../../eventsourcing/types.js'
import { archiveMissing, fileDamaged, fileMissing, isCorrupt, isNewer } from '../disk/damage.js'
import { exists, listDir, readIfExists, readOwnedFile, statIfExists } from '../disk/fs.js'
import { commandName, type Layout } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommand } from '../disk/records.js'
import { readVerified } from '../disk/verified-read.js'
import { archivedRangeOf, pathInArchive, tryReadArchivedIndex } from './archived-index.js'
import type { Revision } from './revision.js'

export interface FoundFile {
  readonly bytes: Uint8Array
  readonly path: string
  /** `surplus` wants to be put back by the next writer. */
  readonly where: 'place' | 'archived' | 'surplus'
}

/** A file of this name and hash. Throws `file-missing` or `file-damaged`. */
export function findFile(layout: Layout, name: string, sha256: Sha256, id: AggregateId): FoundFile {
  const place = join(layout.folder(id), name)
  // once more, since a file may be put back in its place between two looks
  const found = tryFindFile(layout, name, sha256, id) ?? tryFindFile(layout, name, sha256, id)
  if (found !== undefined) return found
  const went = archivedRangeOf(tryReadArchivedIndex(layout, id), name)
  const bytes = went === undefined ? undefined : readVerified(pathInArchive(layout, id, went.dir, name), sha256)
  if (went !== undefined && bytes !== undefined)
    return { bytes, path: pathInArchive(layout, id, went.dir, name), where: 'archived' }
  const there = statIfExists(place)
  if (there === undefined)
    throw went === undefined ? fileMissing(place, id) : archiveMissing(place, went.dir ?? 'archived/', id)
  throw fileDamaged(place, there.isFile() ? 'its hash is not the one that was recorded' : 'not a regular file', id)
}

/** Does anything lie under this name, in place or archived? */
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
  // an overtaken writer may have swept a file away that was committed a moment later: its hash finds it
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

/** The command record with this hash. */
export function readCommand(layout: Layout, id: AggregateId, sequence: number, sha256: Sha256): FoundCommand {
  const file = findFile(layout, commandName(sequence), sha256, id)
  return { record: parseCommand(file.bytes, file.path, id, sequence), sha256, file }
}

/** What lies under a command's name, `unread` when it is no record of it. Vouched for by nothing. */
export function peekCommand(layout: Layout, id: AggregateId, sequence: number): StoredCommand | 'unread' | undefined {
  const name = commandName(sequence)
  const place = join(layout.folder(id), name)
  for (const path of [place, ...layout.archived(id, name)]) {
    try {
      const bytes = path === place ? readOwnedFile(path, COMMAND_LIMIT) : readIfExists(path, COMMAND_LIMIT)
      if (bytes === undefined) continue
      return parseCommand(bytes, path, id, sequence)
    } catch (error) {
      // a newer format counts only in a record that a commit vouches for: in any other it is damage
      if (!isCorrupt(error) && !isNewer(error)) throw error
      return 'unread'
    }
  }
  return undefined
}

/** The command record that some commit of the cut names. Throws `file-missing` or `file-damaged`. */
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
