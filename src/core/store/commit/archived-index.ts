/**
 * `archived.json` in an aggregate's folder: the index of commands that were archived, and where to.
 * Invariant: a command is listed only after it is durable in the archive; only listed commands may be missing from history.
 */
import { join } from 'node:path'
import { isCount, isOne, isText, isTime, listOf, objectOf } from '../../base/shape.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { isCorrupt } from '../disk/damage.js'
import { readIfExists, syncDir } from '../disk/fs.js'
import { folderName, type Layout, parseFileName } from '../disk/paths.js'
import { encodeRecord, parseShape } from '../disk/records.js'
import { replaceFile } from '../disk/write-file.js'
import type { ArchivedRange } from './archived-ranges.js'
import { rangeOf, rangeOfEvent } from './archived-ranges.js'

const RANGE = {
  from: isCount,
  to: isCount,
  fromVersion: isCount,
  toVersion: isCount,
  type: isText,
  actor: isText,
  dir: (v: unknown) => v === null || typeof v === 'string',
  'since?': isTime,
  'generation?': isCount,
}
const NOTE = { format: isOne, ranges: listOf(objectOf(RANGE)) }

export function archivedIndexPath(layout: Layout, id: AggregateId): string {
  return join(layout.folder(id), 'archived.json')
}

/** Reads the archived ranges of an aggregate, by sequence; an empty list without an index. Throws `file-damaged` (corrupt), `io`. */
export function readArchivedIndex(layout: Layout, id: AggregateId): readonly ArchivedRange[] {
  const path = archivedIndexPath(layout, id)
  const bytes = readIfExists(path)
  if (bytes === undefined) return []
  return (parseShape(bytes, path, NOTE, id) as unknown as { readonly ranges: readonly ArchivedRange[] }).ranges
}

/** Reads the archived ranges; an empty list if the index is damaged, where that must not hide other damage. Throws `io`. */
export function tryReadArchivedIndex(layout: Layout, id: AggregateId): readonly ArchivedRange[] {
  try {
    return readArchivedIndex(layout, id)
  } catch (error) {
    if (isCorrupt(error)) return []
    throw error
  }
}

/** Writes the index, durable on return. Throws `io`. */
export function writeArchivedIndex(layout: Layout, id: AggregateId, ranges: readonly ArchivedRange[]): void {
  replaceFile(archivedIndexPath(layout, id), encodeRecord({ format: 1, ranges }), { temp: layout.temp })
  syncDir(layout.folder(id))
}

/** Returns the archived range that holds the event or command file of this name; undefined if it was not archived. */
export function archivedRangeOf(ranges: readonly ArchivedRange[], name: string): ArchivedRange | undefined {
  const file = parseFileName(name)
  if (file?.type === 'command') return rangeOf(ranges, file.n)
  return file?.type === 'event' ? rangeOfEvent(ranges, file.n) : undefined
}

/** Returns the path of an archived file in `dir`; null: `archived/` in the aggregate's folder. */
export function pathInArchive(layout: Layout, id: AggregateId, dir: string | null, name: string): string {
  return dir === null ? join(layout.folder(id), 'archived', name) : join(dir, folderName(id), name)
}
