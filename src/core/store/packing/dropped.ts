/**
 * Rules for packed files that the archive has instead: they are left out when a segment is written again.
 * Invariant: only what the archive has released, as it releases single files: a commit names the commands, and its copy was verified.
 */
import { join } from 'node:path'
import type { Instant } from '../../base/time.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { namedArchives } from '../archive/archive-binding.js'
import { releasedObjects } from '../archive/packed-objects.js'
import { archivedRangeOf, tryReadArchivedIndex } from '../commit/archived-index.js'
import { covers } from '../commit/archiving-commit.js'
import type { StoreReader } from '../commit/store-reader.js'
import type { Layout } from '../disk/paths.js'
import type { StatusFiles } from '../disk/status-files.js'

/** Returns true for a file of a folder that is left out. */
export type IsDropped = (folder: string, name: string) => boolean

/** Returns the rule of this revision. Throws `corrupt`, `io`. */
export function droppedFiles(layout: Layout, status: StatusFiles, reader: StoreReader, now: Instant): IsDropped {
  const rules = new Map<string, (name: string) => boolean>()
  const objects = releasedObjects(status)
  if (objects.size > 0) rules.set(layout.objects, (name) => objects.has(name))
  const released = reader.roster().flatMap((id) => {
    const ranges = tryReadArchivedIndex(layout, id).filter(({ since }) => since === undefined)
    return ranges.length === 0 ? [] : [{ id, ranges }]
  })
  const { archived } = released.length === 0 ? { archived: new Map() } : namedArchives(reader, now).dayAgo
  for (const { id, ranges } of released) {
    const named = archived.get(formatAggregateId(id)) ?? []
    const known = ranges.filter(({ from, to }) => covers(named, from, to))
    const folder = layout.folder(id)
    rules.set(folder, (name) => archivedRangeOf(known, name) !== undefined)
    // what was archived to another folder left `archived/` too
    const elsewhere = known.filter(({ dir }) => dir !== null)
    rules.set(join(folder, 'archived'), (name) => archivedRangeOf(elsewhere, name) !== undefined)
  }
  return (folder, name) => rules.get(folder)?.(name) === true
}
