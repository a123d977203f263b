/**
 * Rules of the archive: which commands may be archived, and arithmetic of archived ranges.
 * Invariant: pure; a command that a replay from the backup snapshot reads is never archived, nor one that a copy being taken may read.
 */
import { addSeconds, type Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import type { SnapshotRef } from '../disk/caches.js'

/** One command as listed by its commit. */
export interface HistoryEntry {
  readonly sequence: number
  readonly commit: number
  readonly at: Instant
  /** Version of its first event. */
  readonly fromVersion: number
  /** Version after its last event. */
  readonly toVersion: number
  readonly command: Sha256
}

/** Seconds for which archived files also stay in their original place: the longest time that a copy may take. */
export const OVERLAP_SECONDS = 86400

/** Returns the instant before which commands may be archived: `threshold` seconds ago, but never within the newest day of history. */
export function cutoffOf(now: Instant, newest: Instant, threshold: number): Instant {
  const [byAge, byCopy] = [addSeconds(now, -threshold), addSeconds(newest, -OVERLAP_SECONDS)]
  return byAge < byCopy ? byAge : byCopy
}

/** Returns true if a command is older than the cutoff and precedes the backup snapshot; false without one. */
export function isArchivable(entry: HistoryEntry, backup: SnapshotRef | null, cutoff: Instant | undefined): boolean {
  return backup !== null && cutoff !== undefined && entry.sequence < backup.sequence && entry.at < cutoff
}

/** Counts the commands in the ranges. */
export function countCommands(ranges: readonly ArchivedRange[]): number {
  return ranges.reduce((sum, r) => sum + r.to - r.from + 1, 0)
}

/** Returns true if the original files of an archived range may be removed. */
export function isReleasable(range: ArchivedRange, now: Instant, generation: number): boolean {
  if (range.since === undefined || range.generation !== generation) return false
  return addSeconds(range.since, OVERLAP_SECONDS) <= now
}

/** Splits a range into parts of up to `size` commands, so that the lock is held only briefly. */
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

/** Returns the ranges with `added` replacing the same commands; adjacent ranges with equal members are joined. */
export function mergeRanges(
  ranges: readonly ArchivedRange[],
  added: readonly ArchivedRange[],
): readonly ArchivedRange[] {
  let kept = ranges
  for (const one of added) kept = kept.flatMap((range) => without(range, one))
  const out: ArchivedRange[] = []
  for (const range of [...kept, ...added].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1)
    if (last === undefined || !follows(last, range)) out.push(range)
    else out[out.length - 1] = { ...last, to: range.to, toVersion: range.toVersion }
  }
  return out
}

/** Returns what remains of a range without another one. */
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
