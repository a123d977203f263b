/**
 * Where an audit takes its bytes from, as a port: a data directory here, an exported file beside it.
 * Invariant: `file` returns bytes only when they have the hash that was asked for; everything else is vouched for by nobody.
 */
import { join, relative } from 'node:path'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../eventsourcing/types.js'
import { type FoundFile, findFile, hasFile } from '../store/commit/aggregate-files.js'
import { archivedRangeOf, pathInArchive, tryReadArchivedIndex } from '../store/commit/archived-index.js'
import { type ArchivedRange, rangeOf } from '../store/commit/archived-ranges.js'
import { parseBelow } from '../store/commit/commit-log.js'
import type { StoreReader } from '../store/commit/store-reader.js'
import { commitMissing } from '../store/disk/damage.js'
import { exists, listDir, readOwnedFile } from '../store/disk/fs.js'
import type { Layout } from '../store/disk/paths.js'
import { COMMAND_LIMIT } from '../store/disk/records.js'

export interface SourcedCommit {
  readonly record: StoredCommit
  readonly sha256: Sha256
  /** What a checkpoint has as its leaf. */
  readonly bytes: Uint8Array
}

export interface HistorySource {
  /** Number of the newest commit; 0 when nothing was committed. */
  readonly head: number
  /** What problems call a file of an aggregate; relative to DATA_DIR. */
  nameOf(id: AggregateId, name: string): string
  /** Throws `commit-missing`, `file-damaged` (corrupt). */
  commit(n: number): SourcedCommit
  /** The file of this name and hash, wherever it lies. Throws `file-missing`, `file-damaged` (corrupt). */
  file(id: AggregateId, name: string, sha256: Sha256): FoundFile
  /** Is a file of this name there, in place or archived? */
  has(id: AggregateId, name: string): boolean
  /** Was this command archived, so that its files may lie elsewhere? */
  isArchived(id: AggregateId, sequence: number): boolean
  /** What lies in place under a name, undefined when nothing does. Throws `file-damaged` for what is no file. */
  peek(id: AggregateId, name: string): Uint8Array | undefined
  /** Names of everything in place. */
  names(id: AggregateId): readonly string[]
  /** Throws `object-missing`, `object-damaged` (corrupt). */
  object(sha256: Sha256): Uint8Array
}

/** Is it in the folder that the note names? */
function isAway(layout: Layout, id: AggregateId, note: readonly ArchivedRange[], name: string): boolean {
  const range = archivedRangeOf(note, name)
  return range !== undefined && exists(pathInArchive(layout, id, range.dir, name))
}

/** A data directory at one cut. */
export function directorySource(layout: Layout, reader: StoreReader): HistorySource {
  const { head } = reader
  const folder = (id: AggregateId): string => layout.folder(id)
  const notes = new Map<string, readonly ArchivedRange[]>()
  const noteOf = (id: AggregateId): readonly ArchivedRange[] => {
    const name = formatAggregateId(id)
    const note = notes.get(name) ?? tryReadArchivedIndex(layout, id)
    notes.set(name, note)
    return note
  }
  return {
    head,
    nameOf: (id, name) => join(relative(layout.dir, folder(id)), name),
    commit(n) {
      const path = layout.commit(n)
      const bytes = readOwnedFile(path, COMMAND_LIMIT)
      if (bytes === undefined) throw commitMissing(path)
      // the cut knows the newest by its cache as well
      if (n === head) reader.commitAt(n)
      return { record: parseBelow(bytes, path, n, head), sha256: sha256Hex(bytes), bytes }
    },
    file: (id, name, sha256) => findFile(layout, name, sha256, id),
    has: (id, name) => hasFile(layout, name, id) || isAway(layout, id, noteOf(id), name),
    isArchived: (id, sequence) => rangeOf(noteOf(id), sequence) !== undefined,
    peek: (id, name) => readOwnedFile(join(folder(id), name)),
    names: (id) => listDir(folder(id)),
    object: (sha256) => reader.object(sha256),
  }
}
