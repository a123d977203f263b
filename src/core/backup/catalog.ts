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

const NAME =
  /^brine-([0-9a-f]{8})-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z(?:-[1-9]\d{0,5})?\.tar(?:\.gz|\.zst)?(\.age)?$/

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
  return Number(/-(\d+)\.tar(?:\.gz|\.zst)?(?:\.age)?$/.exec(file)?.[1] ?? 1)
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

/** Numbers of backups to keep, as restic has them; 0: none by this rule. */
export interface RetentionPolicy {
  /** Newest backups. */
  readonly last: number
  /** Most recent hours with a backup, of which the newest one is kept. */
  readonly hourly: number
  readonly daily: number
  /** Weeks of ISO 8601. */
  readonly weekly: number
  readonly monthly: number
  readonly yearly: number
}

/** Returns the name of the slot that a backup takes; `n` is its position from the newest. */
const SLOTS: Readonly<Record<keyof RetentionPolicy, (cutAt: Instant, n: number) => string>> = {
  last: (_, n) => String(n),
  hourly: (cutAt) => cutAt.slice(0, 13),
  daily: (cutAt) => cutAt.slice(0, 10),
  weekly: weekOf,
  monthly: (cutAt) => cutAt.slice(0, 7),
  yearly: (cutAt) => cutAt.slice(0, 4),
}

/** Returns year and week of ISO 8601, of the Thursday of that week. */
function weekOf(cutAt: Instant): string {
  const day = new Date(`${cutAt.slice(0, 10)}T00:00:00Z`)
  day.setUTCDate(day.getUTCDate() + 4 - (day.getUTCDay() || 7))
  const week = Math.ceil((day.getTime() - Date.UTC(day.getUTCFullYear(), 0, 1)) / 86_400_000 / 7 + 1 / 7)
  return `${day.getUTCFullYear()}-W${week}`
}

/**
 * Returns the backups that expire; `backups` are sorted, newest first. Of each instance these are kept: the newest, and by each rule the newest of
 * each of the last so many slots that have a backup. As in restic a rule that is not used up keeps the oldest backup too, so that history grows.
 */
export function selectExpired(backups: readonly CatalogEntry[], policy: RetentionPolicy): readonly CatalogEntry[] {
  const kept = new Set<string>()
  for (const instance of new Set(backups.map((b) => b.instance))) {
    const own = backups.filter((b) => b.instance === instance)
    const [newest] = own
    if (newest !== undefined) kept.add(newest.file)
    for (const [rule, slotOf] of Object.entries(SLOTS) as [keyof RetentionPolicy, (typeof SLOTS)['last']][]) {
      let [left, last] = [policy[rule], '']
      for (const [n, { file, cutAt }] of own.entries()) {
        const slot = slotOf(cutAt, n)
        if (left === 0 || (slot === last && n < own.length - 1)) continue
        kept.add(file)
        last = slot
        left -= 1
      }
    }
  }
  return backups.filter(({ file }) => !kept.has(file))
}

/** Removes files from a folder. Throws `io` at the first that cannot be removed. */
export function removeBackups(folder: string, files: readonly string[]): void {
  for (const file of files) removeFile(file)
  if (files.length > 0) syncDir(folder)
}
