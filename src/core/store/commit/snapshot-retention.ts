/**
 * Removal of unused snapshots. Invariant: a snapshot is removed one day after it stopped being the backup, when a copy begun before has
 * ended.
 */
import { join } from 'node:path'
import { listDir, removeFile, statIfExists } from '../disk/fs.js'
import { parseFileName, snapshotName } from '../disk/paths.js'

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
    return successor !== undefined && now - successor.mtimeMs > DAY_MS
  })
}

/** Removes snapshots; `dropped` is called after each. The caller syncs the folder. Throws `io`. */
export function removeSnapshots(folder: string, versions: readonly number[], dropped?: () => void): void {
  for (const version of versions) if (removeFile(join(folder, snapshotName(version)))) dropped?.()
}
