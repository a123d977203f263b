/**
 * `archived.json` in an aggregate's folder: which commands went to the archive, and where to.
 * Invariant: what stands in it was durable in the archive before it was written down; only what stands in it may be missing from history.
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

/** What was archived of an aggregate, by sequence; nothing where there is no note. Throws `file-damaged` (corrupt). */
export function readArchivedIndex(layout: Layout, id: AggregateId): readonly ArchivedRange[] {
  const path = archivedIndexPath(layout, id)
  const bytes = readIfExists(path)
  if (bytes === undefined) return []
  return (parseShape(bytes, path, NOTE, id) as unknown as { readonly ranges: readonly ArchivedRange[] }).ranges
}

/** The same where damage to the note must not hide what is wrong beside it. */
export function tryReadArchivedIndex(layout: Layout, id: AggregateId): readonly ArchivedRange[] {
  try {
    return readArchivedIndex(layout, id)
  } catch (error) {
    if (isCorrupt(error)) return []
    throw error
  }
}

/** Durable when it returns. */
export function writeArchivedIndex(layout: Layout, id: AggregateId, ranges: readonly ArchivedRange[]): void {
  replaceFile(archivedIndexPath(layout, id), encodeRecord({ format: 1, ranges }), { temp: layout.temp })
  syncDir(layout.folder(id))
}

/** Where a file of this name in an aggregate's folder went, by the note. */
export function archivedRangeOf(ranges: readonly ArchivedRange[], name: string): ArchivedRange | undefined {
  const file = parseFileName(name)
  if (file?.type === 'command') return rangeOf(ranges, file.n)
  return file?.type === 'event' ? rangeOfEvent(ranges, file.n) : undefined
}

/** The path of a file in the folder that its aggregate was archived to. */
export function pathInArchive(layout: Layout, id: AggregateId, dir: string | null, name: string): string {
  return dir === null ? join(layout.folder(id), 'archived', name) : join(dir, folderName(id), name)
}
