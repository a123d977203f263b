/** `backup list` and `backup prune`: lists and removes the backups in a folder. */
import { type CatalogEntry, isBackupName, listCatalog, removeBackups, selectExpired } from '../../backup/catalog.js'
import { abandonedPartials, type PartialFile } from '../../backup/partial-files.js'
import { type ChangeRow, removed as removedRow } from '../transaction/change-row.js'

export interface BackupListReport {
  readonly folder: string
  /** Newest first. */
  readonly backups: readonly CatalogEntry[]
}

export interface PruneReport {
  readonly folder: string
  readonly removed: readonly CatalogEntry[]
  readonly kept: readonly CatalogEntry[]
  /** Unfinished files of dead processes, which are removed too. */
  readonly unfinished: readonly PartialFile[]
  /** Total size of `removed` and `unfinished`. */
  readonly bytes: number
  readonly changed: boolean
  readonly dryRun: boolean
  readonly changes: readonly ChangeRow[]
}

export interface PruneOptions {
  readonly keepDaily: number
  readonly keepMonthly: number
  readonly dryRun?: boolean
}

/** Lists the backups in a folder. Throws `folder-missing` (usage). */
export function listBackups(folder: string): BackupListReport {
  return { folder, backups: listCatalog(folder) }
}

/**
 * Removes the backups that neither the daily nor the monthly rule keeps, and unfinished files of dead processes. Never removes the newest
 * backup of an instance. Throws `folder-missing` (usage), `io`.
 */
export function pruneBackups(folder: string, options: PruneOptions): PruneReport {
  const all = listCatalog(folder)
  const removed = selectExpired(all, { daily: options.keepDaily, monthly: options.keepMonthly })
  const unfinished = abandonedPartials(folder, isBackupName)
  const dryRun = options.dryRun === true
  if (!dryRun)
    removeBackups(
      folder,
      [...removed, ...unfinished].map(({ file }) => file),
    )
  const kept = all.filter((backup) => !removed.includes(backup))
  const bytes = [...removed, ...unfinished].reduce((sum, b) => sum + b.bytes, 0)
  const changed = removed.length + unfinished.length > 0
  const changes = changesOf({ removed, unfinished })
  return { folder, removed, kept, unfinished, bytes, changed, dryRun, changes }
}

function changesOf({ removed, unfinished }: Pick<PruneReport, 'removed' | 'unfinished'>): readonly ChangeRow[] {
  return [
    ...removed.map(({ file, instance, cutAt, bytes }) =>
      removedRow({ item: 'backup', of: instance, name: file }, `of ${cutAt}, ${bytes} bytes`),
    ),
    ...unfinished.map(({ file, bytes }) =>
      removedRow({ item: 'file', of: null, name: file, note: 'unfinished' }, `${bytes} bytes`),
    ),
  ]
}
