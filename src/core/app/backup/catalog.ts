/** `backup list` and `backup prune`: lists and removes the backups in a folder. */
import { completeFault, quickFault } from '../../backup/backup-check.js'
import {
  type CatalogEntry,
  isBackupName,
  listCatalog,
  type RetentionPolicy,
  removeBackups,
  selectExpired,
} from '../../backup/catalog.js'
import type { DecryptionKeys } from '../../backup/encryption.js'
import { abandonedPartials, type PartialFile } from '../../backup/partial-files.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { type ChangeRow, removed as removedRow } from '../changes/change-row.js'

export interface BackupListReport {
  readonly folder: string
  /** Newest first. */
  readonly backups: readonly CatalogEntry[]
}

export interface PruneReport {
  readonly folder: string
  readonly removed: readonly CatalogEntry[]
  readonly kept: readonly CatalogEntry[]
  /** Files with the name of a backup that take no slot and are not removed: not a backup, or dated after now. */
  readonly ignored: readonly (CatalogEntry & { readonly why: string })[]
  /** Unfinished files of dead processes, which are removed too. */
  readonly unfinished: readonly PartialFile[]
  /** Total size of `removed` and `unfinished`. */
  readonly bytes: number
  readonly changed: boolean
  readonly dryRun: boolean
  readonly changes: readonly ChangeRow[]
}

export interface PruneOptions {
  readonly keep: { readonly [rule in keyof RetentionPolicy]?: number | undefined }
  readonly now: Instant
  /** Keys with which encrypted backups are read completely; without them by header and size. */
  readonly keys?: DecryptionKeys
  readonly dryRun?: boolean
}

const NOTHING: RetentionPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }

/** Lists the backups in a folder. Throws `folder-missing` (usage). */
export function listBackups(folder: string): BackupListReport {
  return { folder, backups: listCatalog(folder) }
}

/**
 * Removes the backups that no rule keeps, and unfinished files of dead processes. Never removes the newest backup of an instance, nor a file that
 * is no backup or is dated after now. Throws `prune-no-rule`, `folder-missing` (usage), `io`.
 */
export async function pruneBackups(folder: string, options: PruneOptions): Promise<PruneReport> {
  if (Object.values(options.keep).every((count) => count === undefined))
    throw new AppError('usage', 'prune-no-rule', 'no rule says which backups to keep', {
      hint: 'give one or more of --keep-last, --keep-hourly, --keep-daily, --keep-weekly, --keep-monthly, --keep-yearly',
    })
  const { removed, kept, ignored } = await selected(listCatalog(folder), options)
  const unfinished = abandonedPartials(folder, isBackupName)
  const dryRun = options.dryRun === true
  if (!dryRun)
    removeBackups(
      folder,
      [...removed, ...unfinished].map(({ file }) => file),
    )
  const bytes = [...removed, ...unfinished].reduce((sum, b) => sum + b.bytes, 0)
  const changed = removed.length + unfinished.length > 0
  const changes = changesOf({ removed, unfinished })
  return { folder, removed, kept, ignored, unfinished, bytes, changed, dryRun, changes }
}

/** Selects among the files that are backups. Those that would be kept are read completely: a damaged one must not take the slot of a good one. */
async function selected(
  all: readonly CatalogEntry[],
  { keep, now, keys = {} }: PruneOptions,
): Promise<Pick<PruneReport, 'removed' | 'kept' | 'ignored'>> {
  const given = Object.entries(keep).filter(([, count]) => count !== undefined)
  const policy: RetentionPolicy = { ...NOTHING, ...Object.fromEntries(given) }
  const faults = new Map<string, string | undefined>()
  for (const entry of all) {
    const why = entry.cutAt > now ? `is dated ${entry.cutAt}, after now` : quickFault(entry)
    if (why !== undefined) faults.set(entry.file, why)
  }
  for (;;) {
    const backups = all.filter(({ file }) => faults.get(file) === undefined)
    const removed = selectExpired(backups, policy)
    const kept = backups.filter((backup) => !removed.includes(backup))
    const unread = kept.filter(({ file }) => !faults.has(file))
    for (const entry of unread) faults.set(entry.file, await completeFault(entry, keys))
    if (unread.some(({ file }) => faults.get(file) !== undefined)) continue
    const ignored = all.flatMap((entry) => {
      const why = faults.get(entry.file)
      return why === undefined ? [] : [{ ...entry, why }]
    })
    return { removed, kept, ignored }
  }
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
