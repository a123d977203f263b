/**
 * Looks without the lock at what a command at work changes: its traces, and looking again when it came between.
 * Invariant: what is wrong while nobody else works is told as it was seen; a look writes nothing and holds nobody up.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { statIfExists } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import { isOwnerDead, isSameHost, type LockOwner, readLockOwner } from './lock-owner.js'

const LOOKS = 3
const POLL_MS = 50

/** Whose lock it is now; undefined when it is nobody's, or a dead process's, which costs the next command nothing. */
export function liveLockOwner(layout: Layout): LockOwner | undefined {
  const owner = readLockOwner(layout.lockOwnerFile)
  return owner === undefined || isOwnerDead(owner) ? undefined : owner
}

/** Was another process at work with the lock since, or is it now? The first call says since when, the second asks. */
export function watchWriters(layout: Layout): () => boolean {
  // whoever takes the lock makes a file in this folder, and removes it
  const changed = () => statIfExists(layout.dir)?.mtimeNs
  const was = isAnotherAtWork(layout)
  const before = changed()
  return () => was || before !== changed() || isAnotherAtWork(layout)
}

function isAnotherAtWork(layout: Layout): boolean {
  const owner = liveLockOwner(layout)
  return owner !== undefined && !(owner.pid === process.pid && isSameHost(owner))
}

export interface OptimisticRead<T> {
  readonly result: T
  /** Other commands were at work each time: what is wrong may be their doing. */
  readonly contended: boolean
}

/** Looks; where something is wrong and another command was at work, looks again after its end, three times and for so many seconds at most. */
export async function readWithRetry<T>(
  layout: Layout,
  look: () => Promise<T>,
  isWrong: (found: T) => boolean,
  seconds: number,
): Promise<OptimisticRead<T>> {
  let waits = Math.ceil((seconds * 1000) / POLL_MS)
  for (let looks = 1; ; looks++) {
    const wereAtWork = watchWriters(layout)
    const found = await look()
    if (!isWrong(found) || !wereAtWork()) return { result: found, contended: false }
    if (looks === LOOKS) return { result: found, contended: true }
    for (; isAnotherAtWork(layout) && waits > 0; waits--) await pause(POLL_MS)
    if (waits === 0) return { result: found, contended: true }
  }
}
