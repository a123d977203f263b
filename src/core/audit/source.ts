/**
 * The source of an audit's data, as a port: a data directory or an exported file.
 * Invariant: `file` returns only bytes with the given hash; other methods return unverified data.
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
  /** Bytes of the commit, the leaf of a checkpoint's tree. */
  readonly bytes: Uint8Array
}

export interface HistorySource {
  /** Number of the newest commit; 0 if there is none. */
  readonly head: number
  /** Returns the path of an aggregate's file for findings, relative to DATA_DIR. */
  nameOf(id: AggregateId, name: string): string
  /** Reads a commit. Throws `commit-missing`, `file-damaged` (corrupt). */
  commit(n: number): SourcedCommit
  /** Reads the file of this name and hash, in place or archived. Throws `file-missing`, `file-damaged` (corrupt). */
  file(id: AggregateId, name: string, sha256: Sha256): FoundFile
  /** Returns true if a file of this name exists, in place or archived. */
  has(id: AggregateId, name: string): boolean
  /** Returns true if this command was archived, so that its files may be elsewhere. */
  isArchived(id: AggregateId, sequence: number): boolean
  /** Reads the file in place without verifying it; undefined if it is missing. Throws `file-damaged` unless it is a regular file. */
  peek(id: AggregateId, name: string): Uint8Array | undefined
  /** Returns the names of all files in place. */
  names(id: AggregateId): readonly string[]
  /** Reads an object. Throws `object-missing`, `object-damaged` (corrupt). */
  object(sha256: Sha256): Uint8Array
}

/** Returns true if it is in the folder that `archived.json` names. */
function isInArchive(layout: Layout, id: AggregateId, note: readonly ArchivedRange[], name: string): boolean {
  const range = archivedRangeOf(note, name)
  return range !== undefined && exists(pathInArchive(layout, id, range.dir, name))
}

/** Returns a data directory at one revision as a source. */
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
      // the revision may know the newest from its cache as well
      if (n === head) reader.commitAt(n)
      return { record: parseBelow(bytes, path, n, head), sha256: sha256Hex(bytes), bytes }
    },
    file: (id, name, sha256) => findFile(layout, name, sha256, id),
    has: (id, name) => hasFile(layout, name, id) || isInArchive(layout, id, noteOf(id), name),
    isArchived: (id, sequence) => rangeOf(noteOf(id), sequence) !== undefined,
    peek: (id, name) => readOwnedFile(join(folder(id), name)),
    names: (id) => listDir(folder(id)),
    object: (sha256) => reader.object(sha256),
  }
}
