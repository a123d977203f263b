/**
 * Removal of unused snapshots. Invariants: a snapshot is removed one day after it stopped being the backup, when a copy begun before has
 * ended; one from which a proof by replay continues, because earlier files are lost, is never removed.
 */
import { join } from 'node:path'
import type { StoredCommand } from '../../eventsourcing/types.js'
import { isCorrupt } from '../disk/damage.js'
import { listDir, readIfExists, readStart, removeFile, statIfExists } from '../disk/fs.js'
import { commandName, parseFileName, snapshotName } from '../disk/paths.js'
import { parseObject } from '../disk/records.js'

const DAY_MS = 86_400_000n

/** Returns the versions whose snapshot may be removed, newest first. Throws `io`. */
export function unusedSnapshots(folder: string, keep: readonly number[]): readonly number[] {
  const versions = listDir(folder)
    .map(parseFileName)
    .flatMap((f) => (f?.type === 'snapshot' ? [f.n] : []))
    .sort((a, b) => b - a)
  const now = BigInt(Date.now())
  return versions.filter((version, i) => {
    if (i < 2 || keep.includes(version)) return false
    const successor = statIfExists(join(folder, snapshotName(versions[i - 2] ?? 0)))
    return successor !== undefined && now - successor.mtimeMs > DAY_MS && !isReplayBase(folder, version)
  })
}

/** Bytes of a snapshot before its state, with a handle of the greatest length. */
const SNAPSHOT_START = 1024

/** Returns true if the command that wrote a snapshot is a recovery that declared files gone. Throws `io`. */
function isReplayBase(folder: string, version: number): boolean {
  const start = readStart(join(folder, snapshotName(version)), SNAPSHOT_START)
  // in canonical order the state, which may be large, follows
  const sequence = /^\{"format":1,[^{}]*"sequence":(\d+),"state":/.exec(start ?? '')?.[1]
  if (sequence === undefined) return false
  const path = join(folder, commandName(Number(sequence)))
  try {
    const bytes = readIfExists(path)
    const effect = bytes && (parseObject(bytes, path)['effect'] as StoredCommand['effect'] | undefined)
    return effect?.result === 'recovered' && Object.values(effect.gone).some((ranges) => ranges.length > 0)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return false
  }
}

/** Removes snapshots; `dropped` is called after each. The caller syncs the folder. Throws `io`. */
export function removeSnapshots(folder: string, versions: readonly number[], dropped?: () => void): void {
  for (const version of versions) if (removeFile(join(folder, snapshotName(version)))) dropped?.()
}
