/** Snapshots that nobody starts from any more. Invariant: one goes a day after it stopped being the backup, when a copy that began before then has ended. */
import { join } from 'node:path'
import { listDir, removeFile, statIfExists } from '../disk/fs.js'
import { parseFileName, snapshotName } from '../disk/paths.js'

const DAY_MS = 86_400_000n

/** Versions whose snapshot may go, the newest first. */
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

/** The caller syncs the folder. `dropped` is called after each. */
export function removeSnapshots(folder: string, versions: readonly number[], dropped?: () => void): void {
  for (const version of versions) if (removeFile(join(folder, snapshotName(version)))) dropped?.()
}
