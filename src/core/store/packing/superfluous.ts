/**
 * Finds and removes what segments make superfluous: the single files, segments that a larger one holds as well, and segments whose files are back
 * at their places.
 * Invariant: only under the lock; nothing is removed unless the same bytes have been elsewhere for a day and are read there once more.
 */
import { dirname, join } from 'node:path'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { readIfExists, removeFile, syncDir } from '../disk/fs.js'
import { type HeldSegment, PACKED } from '../disk/packed-files.js'
import type { Layout } from '../disk/paths.js'
import { type Hashed, hashedSegments, holds, isIntact, pathOf, singleNames, syncSegment } from './held-segments.js'
import { isOver, type Overlap } from './pack-rules.js'
import type { OnTouched } from './segments.js'
import { hasAllNames, isUnpacked } from './unpack.js'

/** A segment that holds single files, or that another one holds, and since when. */
export interface Superfluous extends Overlap {
  readonly folder: string
}

export interface SuperfluousRules {
  /** Returns true for a file that the archive has instead. */
  readonly isDropped?: (name: string) => boolean
  /** True: segments go where single files are back; else single files go where segments have them. */
  readonly unpacks?: boolean
}

const keepAll = (_name: string): boolean => false

/** Returns what is superfluous in a folder. `known` is what earlier runs found. Throws `io`. */
export function findSuperfluous(
  layout: Layout,
  folder: string,
  known: readonly Overlap[],
  now: Instant,
  { isDropped = keepAll, unpacks = false }: SuperfluousRules = {},
): readonly Superfluous[] {
  const segments = hashedSegments(layout, folder, isDropped)
  if (segments.length === 0) return []
  const single = singleNames(folder)
  const since = (segment: string, holder?: string): Instant | undefined =>
    known.find((k) => k.segment === segment && k.holder === holder && k.since <= now)?.since
  return segments.flatMap((own): readonly Superfluous[] => {
    const { name: segment } = own
    const hasSingles = !unpacks && own.entries.some(({ name }) => single.has(name))
    const larger = segments.filter((other) => holds(other, own)).map(nameOf)
    const inPlace = unpacks && hasAllNames(own, single) ? [SINGLE] : []
    const holders = own.hashes.size === 0 ? [ARCHIVE] : [...inPlace, ...larger]
    const holder = holders.find((name) => since(segment, name) !== undefined) ?? holders[0]
    return [
      ...(hasSingles ? [{ folder, segment, since: since(segment) ?? now }] : []),
      ...(holder === undefined ? [] : [{ folder, segment, holder, since: since(segment, holder) ?? now }]),
    ]
  })
}

/** Stand for the path of the larger segment if all files of this one are archived, or back at their places. */
const [ARCHIVE, SINGLE] = ['archive', 'single files']
const nameOf = ({ name }: Hashed): string => name

/**
 * Removes the single files that a segment has held for a day, or the segment whose files have been elsewhere for a day. Returns the number of
 * files removed. Throws `io`.
 */
export function removeSuperfluous(
  layout: Layout,
  found: Superfluous,
  now: Instant,
  touched: OnTouched,
  { isDropped = keepAll, unpacks = false }: SuperfluousRules = {},
): number {
  if (!isOver(found.since, now)) return 0
  const { folder, holder } = found
  const segments = hashedSegments(layout, folder, isDropped)
  const own = segments.find(({ name }) => name === found.segment)
  if (own === undefined) return 0
  if (holder === undefined) {
    if (unpacks) return 0
    syncSegment(folder, own)
    return removeSingles(folder, own, touched)
  }
  if (!isElsewhere(folder, own, holder, segments) || !removeFile(own.path)) return 0
  touched()
  syncDir(join(folder, PACKED))
  return 1
}

/** Returns true if all that the segment keeps is in its holder too, durable and intact. Throws `io`. */
function isElsewhere(folder: string, own: Hashed, holder: string, segments: readonly Hashed[]): boolean {
  if (holder === ARCHIVE) return own.hashes.size === 0
  if (holder === SINGLE) return isUnpacked(folder, own)
  const other = segments.find(({ name }) => name === holder)
  if (other === undefined || !holds(other, own)) return false
  syncSegment(folder, other)
  return other.entries.filter(({ name }) => own.hashes.has(name)).every((entry) => isIntact(other.path, entry))
}

function removeSingles(folder: string, { path: segment, entries }: HeldSegment, touched: OnTouched): number {
  const single = singleNames(folder)
  const folders = new Set<string>()
  let removed = 0
  for (const entry of entries) {
    if (!single.has(entry.name)) continue
    const path = pathOf(folder, entry.name)
    // a file stays if it was restored because its entry is damaged, or if it belongs to another history
    if (!isIntact(segment, entry) || sha256Hex(readIfExists(path) ?? '') !== entry.sha256) continue
    if (!removeFile(path)) continue
    touched()
    removed += 1
    folders.add(dirname(path))
  }
  for (const at of folders) syncDir(at)
  return removed
}
