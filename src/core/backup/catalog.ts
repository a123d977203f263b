/**
 * A folder of backups: which are there, which may go. Invariants: only names that `backup create` gives count, each instance by itself; the newest
 * of each instance never goes.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { type Instant, parseInstant } from '../base/time.js'
import { removeFile, statIfExists, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'

export interface CatalogEntry {
  readonly file: string
  /** The first eight digits of the instance's id. */
  readonly instance: string
  readonly cutAt: Instant
  readonly encrypted: boolean
  readonly bytes: number
}

const NAME = /^brine-([0-9a-f]{8})-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z(?:-[1-9]\d{0,5})?\.tar\.gz(\.age)?$/

/** A name that `backup create` gives in a folder. */
export function isBackupName(name: string): boolean {
  return NAME.test(name)
}

/** Backups in a folder, the newest first. Throws `folder-missing` (usage), `io`. */
export function listCatalog(folder: string): readonly CatalogEntry[] {
  return namesIn(folder)
    .flatMap((name) => shelved(folder, name) ?? [])
    .sort((a, b) => compare(b.cutAt, a.cutAt) || numberOf(b.file) - numberOf(a.file) || compare(b.file, a.file))
}

/** Of several in one second, the later one has the higher number. */
function numberOf(file: string): number {
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
    throw new AppError('usage', 'folder-missing', `there is no folder ${folder}`)
  }
}

function shelved(folder: string, name: string): CatalogEntry | undefined {
  const m = NAME.exec(name)
  const [year, month, day, hour, minute, second] = m?.slice(2, 8) ?? []
  const cutAt = parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  const file = join(folder, name)
  const stat = statIfExists(file)
  if (m?.[1] === undefined || cutAt === undefined || stat?.isFile() !== true) return undefined
  return { file, instance: m[1], cutAt, encrypted: m[8] !== undefined, bytes: Number(stat.size) }
}

export interface Keep {
  /** Days, and months, that keep their newest backup. */
  readonly daily: number
  readonly monthly: number
}

/** Which of them go: in each instance all but the newest, the newest of each of the last days and of each of the last months that have one. */
export function expiredOf(backups: readonly CatalogEntry[], { daily, monthly }: Keep): readonly CatalogEntry[] {
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

/** Removes files. Throws `io` at the first that stays. */
export function removeFrom(folder: string, files: readonly string[]): void {
  for (const file of files) removeFile(file)
  if (files.length > 0) syncDir(folder)
}
