/** `backup list` and `backup prune`: the backups of a folder. */
import { listShelf, removeFrom, type ShelvedBackup, surplusOf } from '../backup/shelf.js'

export interface ShelfReport {
  readonly folder: string
  /** The newest first. */
  readonly backups: readonly ShelvedBackup[]
}

export interface PruneReport {
  readonly folder: string
  readonly removed: readonly ShelvedBackup[]
  readonly kept: readonly ShelvedBackup[]
  /** That `removed` took. */
  readonly bytes: number
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface PruneOptions {
  readonly keepDaily: number
  readonly keepMonthly: number
  readonly dryRun?: boolean
}

/** Throws `folder-missing` (usage). */
export function listBackups(folder: string): ShelfReport {
  return { folder, backups: listShelf(folder) }
}

/** Removes what neither a day nor a month keeps; never the newest of an instance. Throws `folder-missing` (usage), `io`. */
export function pruneBackups(folder: string, options: PruneOptions): PruneReport {
  const all = listShelf(folder)
  const removed = surplusOf(all, { daily: options.keepDaily, monthly: options.keepMonthly })
  const dryRun = options.dryRun === true
  if (!dryRun)
    removeFrom(
      folder,
      removed.map(({ file }) => file),
    )
  const kept = all.filter((backup) => !removed.includes(backup))
  const bytes = removed.reduce((sum, b) => sum + b.bytes, 0)
  return { folder, removed, kept, bytes, changed: removed.length > 0, dryRun }
}
