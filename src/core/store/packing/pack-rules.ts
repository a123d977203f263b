/**
 * Rules of packing: which files are old enough, how large a segment becomes, and when single files may go.
 * Invariant: pure.
 */
import { addSeconds, type Instant } from '../../base/time.js'

/** Seconds for which packed files also stay single: the longest time that a copy may take, and readers that began before. */
const OVERLAP_SECONDS = 86400
/** Fewest files that are packed at once; fewer wait until there are more. */
export const FEWEST_FILES = 32
/** Most files that one run adds to the segments of one folder. */
export const MOST_FILES = 8192
/** A file larger than this, in bytes, stays single. */
export const LARGE_FILE = 1024 * 1024

/** Files and bytes that are added to a segment while the lock is held once. */
export const BATCH = { files: 1024, bytes: 8 * 1024 * 1024 }
/** A segment with as many files or bytes is complete; a smaller one is taken over by the next. */
const COMPLETE = { files: 2048, bytes: 8 * 1024 * 1024 }

/** Returns true if the next segment takes over this one, so that their number follows the files and not the runs. */
export function isOpen(files: number, bytes: number): boolean {
  return files < COMPLETE.files && bytes < COMPLETE.bytes
}

/** STORED in `status/packing.json`. Since when a segment is known to hold files that are also single, or to be held by another one. */
export interface Overlap {
  /** Path of the segment in the data directory. */
  readonly segment: string
  /** Path of the segment that has all files of this one and more. */
  readonly holder?: string
  readonly since: Instant
}

/** Returns true if a copy that was begun before the overlap has ended. A time after `now` says nothing: the clock was ahead. */
export function isOver(since: Instant, now: Instant): boolean {
  return addSeconds(since, OVERLAP_SECONDS) <= now
}
