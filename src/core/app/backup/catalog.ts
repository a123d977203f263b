/** `backup list` and `backup prune`: the backups of a folder. */

import { type CatalogEntry, expiredOf, isBackupName, listCatalog, removeFrom } from '../../backup/catalog.js'
import { deadPartials, type Partial } from '../../backup/partial-files.js'

export interface ShelfReport {
  readonly folder: string
  /** The newest first. */
  readonly backups: readonly CatalogEntry[]
}

export interface PruneReport {
  readonly folder: string
  readonly removed: readonly CatalogEntry[]
  readonly kept: readonly CatalogEntry[]
  /** Unfinished ones whose process is dead: they go too. */
  readonly unfinished: readonly Partial[]
  /** That `removed` and `unfinished` took. */
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
  return { folder, backups: listCatalog(folder) }
}

/** Removes what neither a day nor a month keeps; never the newest of an instance; and what a dead `backup create` left there. Throws `folder-missing` (usage), `io`. */
export function pruneBackups(folder: string, options: PruneOptions): PruneReport {
  const all = listCatalog(folder)
  const removed = expiredOf(all, { daily: options.keepDaily, monthly: options.keepMonthly })
  const unfinished = deadPartials(folder, isBackupName)
  const dryRun = options.dryRun === true
  if (!dryRun)
    removeFrom(
      folder,
      [...removed, ...unfinished].map(({ file }) => file),
    )
  const kept = all.filter((backup) => !removed.includes(backup))
  const bytes = [...removed, ...unfinished].reduce((sum, b) => sum + b.bytes, 0)
  const changed = removed.length + unfinished.length > 0
  return { folder, removed, kept, unfinished, bytes, changed, dryRun }
}
