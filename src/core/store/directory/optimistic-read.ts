/**
 * Lock-free reads: detects concurrent writers and retries.
 * Invariant: an error found without a concurrent writer is reported as it is; a read writes nothing and delays no writer.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { statIfExists } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import { isOwnerDead, isSameHost, type LockOwner, readLockOwner } from './lock-owner.js'

const MAX_READS = 3
const POLL_MS = 50

/** Returns the live lock owner; undefined if the lock is free or stale. Throws `io`. */
export function liveLockOwner(layout: Layout): LockOwner | undefined {
  const owner = readLockOwner(layout.lockOwnerFile)
  return owner === undefined || isOwnerDead(owner) ? undefined : owner
}

/** Starts to watch for other lock holders; the returned function returns true if one was active since, or is active now. */
export function watchWriters(layout: Layout): () => boolean {
  // taking and releasing the lock creates and removes a file in this folder
  const modified = () => statIfExists(layout.dir)?.mtimeNs
  const wasActive = isOtherWriterActive(layout)
  const before = modified()
  return () => wasActive || before !== modified() || isOtherWriterActive(layout)
}

function isOtherWriterActive(layout: Layout): boolean {
  const owner = liveLockOwner(layout)
  return owner !== undefined && !(owner.pid === process.pid && isSameHost(owner))
}

export interface OptimisticRead<T> {
  readonly result: T
  /** True if other commands were active during every read: they may have caused the errors in the result. */
  readonly contended: boolean
}

/**
 * Reads; if the result has errors and another command was active, waits for its end and reads again, at most three times and for `seconds`
 * seconds.
 */
export async function readWithRetry<T>(
  layout: Layout,
  read: () => Promise<T>,
  hasErrors: (result: T) => boolean,
  seconds: number,
): Promise<OptimisticRead<T>> {
  let waits = Math.ceil((seconds * 1000) / POLL_MS)
  for (let reads = 1; ; reads++) {
    const wereWritersActive = watchWriters(layout)
    const result = await read()
    if (!hasErrors(result) || !wereWritersActive()) return { result, contended: false }
    if (reads === MAX_READS) return { result, contended: true }
    for (; isOtherWriterActive(layout) && waits > 0; waits--) await pause(POLL_MS)
    if (waits === 0) return { result, contended: true }
  }
}
