/**
 * Lists the backups in a folder and selects those that a retention policy expires. Invariants: only names that `backup create` gives are
 * considered, each instance separately; the newest backup of an instance never expires.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { type Instant, parseInstant } from '../base/time.js'
import { removeFile, statIfExists, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'

export interface CatalogEntry {
  readonly file: string
  /** First eight digits of the instance id. */
  readonly instance: string
  readonly cutAt: Instant
  readonly encrypted: boolean
  readonly bytes: number
}

const NAME = /^brine-([0-9a-f]{8})-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z(?:-[1-9]\d{0,5})?\.tar\.gz(\.age)?$/

/** Returns true for a name that `backup create` gives to a file in a folder. */
export function isBackupName(name: string): boolean {
  return NAME.test(name)
}

/** Returns the backups in a folder, newest first. Throws `folder-missing` (usage), `io`. */
export function listCatalog(folder: string): readonly CatalogEntry[] {
  return namesIn(folder)
    .flatMap((name) => entryOf(folder, name) ?? [])
    .sort((a, b) => compare(b.cutAt, a.cutAt) || suffixNumber(b.file) - suffixNumber(a.file) || compare(b.file, a.file))
}

/** Returns the number at the end of the name: of several backups of one second, the later one has the higher number. */
function suffixNumber(file: string): number {
  return Number(/-(\d+)\.tar\.gz(?:\.age)?$/.exec(file)?.[1] ?? 1)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw ioError('list', folder, error)
    throw new AppError('usage', 'folder-missing', `folder ${folder} does not exist`)
  }
}

function entryOf(folder: string, name: string): CatalogEntry | undefined {
  const m = NAME.exec(name)
  const [year, month, day, hour, minute, second] = m?.slice(2, 8) ?? []
  const cutAt = parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  const file = join(folder, name)
  const stat = statIfExists(file)
  if (m?.[1] === undefined || cutAt === undefined || stat?.isFile() !== true) return undefined
  return { file, instance: m[1], cutAt, encrypted: m[8] !== undefined, bytes: Number(stat.size) }
}

export interface RetentionPolicy {
  /** Number of most recent days with a backup whose newest backup is kept. */
  readonly daily: number
  /** The same for months. */
  readonly monthly: number
}

/**
 * Returns the backups that expire. Of each instance these are kept: the newest, the newest of each of the last `daily` days that have a
 * backup, and the newest of each of the last `monthly` months that have one.
 */
export function selectExpired(
  backups: readonly CatalogEntry[],
  { daily, monthly }: RetentionPolicy,
): readonly CatalogEntry[] {
  const kept = new Set<string>()
  const slots = new Map<string, Set<string>>()
  const keep = (backup: CatalogEntry, slot: 'day' | 'month', count: number): void => {
    const name = backup.cutAt.slice(0, slot === 'day' ? 10 : 7)
    const taken = slots.get(`${slot} ${backup.instance}`) ?? new Set()
    slots.set(`${slot} ${backup.instance}`, taken)
    if (taken.has(name) || taken.size >= count) return
    taken.add(name)
    kept.add(backup.file)
  }
  const newest = new Set<string>()
  for (const backup of backups) {
    if (!newest.has(backup.instance)) kept.add(backup.file)
    newest.add(backup.instance)
    keep(backup, 'day', daily)
    keep(backup, 'month', monthly)
  }
  return backups.filter(({ file }) => !kept.has(file))
}

/** Removes files from a folder. Throws `io` at the first that cannot be removed. */
export function removeBackups(folder: string, files: readonly string[]): void {
  for (const file of files) removeFile(file)
  if (files.length > 0) syncDir(folder)
}
