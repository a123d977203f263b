/**
 * Which commands of an aggregate may leave for the archive, and the note of those that have.
 * Invariant: pure; nothing that a replay from the backup snapshot reads is ever due, nor what a copy that is being taken may read.
 */
import { addSeconds, type Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import type { SnapshotRef } from '../disk/caches.js'

/** What a commit says of one command. */
export interface HistoryEntry {
  readonly sequence: number
  readonly commit: number
  readonly at: Instant
  /** Its events are those from here, */
  readonly fromVersion: number
  /** up to and without this one. */
  readonly toVersion: number
  readonly command: Sha256
}

/** How long what was archived stays in its place as well: the longest a copy may take. */
export const OVERLAP_SECONDS = 86400

/** Commands older than this may be archived: `threshold` seconds, and never what the newest day of history holds. */
export function cutoffOf(now: Instant, newest: Instant, threshold: number): Instant {
  const [byAge, byCopy] = [addSeconds(now, -threshold), addSeconds(newest, -OVERLAP_SECONDS)]
  return byAge < byCopy ? byAge : byCopy
}

/** Is it older than the threshold and wholly before the backup snapshot? Without one nothing is. */
export function isArchivable(entry: HistoryEntry, backup: SnapshotRef | null, cutoff: Instant | undefined): boolean {
  return backup !== null && cutoff !== undefined && entry.sequence < backup.sequence && entry.at < cutoff
}

/** How many commands. */
export function countCommands(ranges: readonly ArchivedRange[]): number {
  return ranges.reduce((sum, r) => sum + r.to - r.from + 1, 0)
}

/** May the first files go? */
export function isReleasable(range: ArchivedRange, now: Instant, generation: number): boolean {
  if (range.since === undefined || range.generation !== generation) return false
  return addSeconds(range.since, OVERLAP_SECONDS) <= now
}

/** A range in parts of up to `size` commands: a hold of the lock stays short. */
export function splitRange(
  range: ArchivedRange,
  entries: readonly HistoryEntry[],
  size: number,
): readonly { readonly range: ArchivedRange; readonly entries: readonly HistoryEntry[] }[] {
  const own = entries.filter((e) => e.sequence >= range.from && e.sequence <= range.to)
  const out: { range: ArchivedRange; entries: readonly HistoryEntry[] }[] = []
  for (let at = 0; at < own.length; at += size) {
    const part = own.slice(at, at + size)
    const [first, last] = [part[0], part.at(-1)]
    if (first === undefined || last === undefined) break
    const ends = { from: first.sequence, to: last.sequence }
    out.push({
      range: { ...range, ...ends, fromVersion: first.fromVersion, toVersion: last.toVersion },
      entries: part,
    })
  }
  return out
}

/** The note with these in place of what it said of the same commands; neighbours that went the same way are one. */
export function mergeRanges(
  ranges: readonly ArchivedRange[],
  news: readonly ArchivedRange[],
): readonly ArchivedRange[] {
  let kept = ranges
  for (const one of news) kept = kept.flatMap((range) => without(range, one))
  const out: ArchivedRange[] = []
  for (const range of [...kept, ...news].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1)
    if (last === undefined || !follows(last, range)) out.push(range)
    else out[out.length - 1] = { ...last, to: range.to, toVersion: range.toVersion }
  }
  return out
}

/** What is left of a range beside another one. */
function without(range: ArchivedRange, other: ArchivedRange): readonly ArchivedRange[] {
  if (other.to < range.from || range.to < other.from) return [range]
  const before = { ...range, to: other.from - 1, toVersion: other.fromVersion }
  const after = { ...range, from: other.to + 1, fromVersion: other.toVersion }
  return [before, after].filter((r) => r.from <= r.to)
}

function follows(a: ArchivedRange, b: ArchivedRange): boolean {
  const isSame =
    a.type === b.type && a.actor === b.actor && a.dir === b.dir && a.since === b.since && a.generation === b.generation
  return isSame && a.to + 1 === b.from && a.toVersion === b.fromVersion
}
