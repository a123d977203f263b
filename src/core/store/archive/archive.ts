/**
 * Files go to the archive in two steps, a day apart: first they are there as well, then they leave their place.
 * Invariant: under the lock alone; at every instant each file has at least one durable home, so either step may be cut short and run again.
 */

import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { findFile, readCommand } from '../commit/aggregate-files.js'
import { pathInArchive, readArchivedIndex, writeArchivedIndex } from '../commit/archived-index.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import { removeSnapshots } from '../commit/snapshot-retention.js'
import { fileDamaged } from '../disk/damage.js'
import { exists, makeDir, moveFile, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { commandName, eventName, type Layout } from '../disk/paths.js'
import { linkFile, replaceFile } from '../disk/write-file.js'
import { type HistoryEntry, mergeRanges, type splitRange } from './archive-plan.js'
import type { DueCommand } from './archive-survey.js'

/** A file on its way: where it lies, where it goes, and what it must hold. */
export interface ArchiveMove {
  readonly from: string
  readonly to: string
  readonly sha256: Sha256
  readonly mode: number
  readonly dated: Instant
  /** Where `from` may have gone. */
  readonly bytes: () => Uint8Array
}

/** Called when a file was made, moved or removed: what fails after it did not leave everything as it was. */
export type OnTouched = () => void

/** Puts these commands into their archive and then into the note; `outdated` snapshots go, which kept some of them. */
export function archiveCommands(
  layout: Layout,
  id: AggregateId,
  due: readonly DueCommand[],
  outdated: readonly number[],
  touched: OnTouched,
): void {
  const [first] = due
  if (first === undefined) return
  removeSnapshots(layout.folder(id), outdated, touched)
  const { dir } = first.range
  const folder = dirname(pathInArchive(layout, id, dir, 'x'))
  makeDirs(folder, dir ?? layout.folder(id))
  for (const { files, at } of due)
    for (const { name, sha256 } of files)
      archiveFile(
        {
          from: join(layout.folder(id), name),
          to: join(folder, name),
          sha256,
          mode: 0o600,
          dated: at,
          bytes: () => findFile(layout, name, sha256, id).bytes,
        },
        dir,
        touched,
      )
  syncDir(folder)
  const news = due.map((d) => d.range)
  writeArchivedIndex(layout, id, mergeRanges(readArchivedIndex(layout, id), news))
}

/** One file into the archive: a second name where it stays on this volume, a verified copy where not. The caller syncs the folder. */
export function archiveFile(file: ArchiveMove, dir: string | null, touched: OnTouched): void {
  const made = dir === null && exists(file.from) ? linkFile(file.from, file.to) : 'refused'
  if (made === 'made') touched()
  if (made === 'made' || isRight(file)) return
  // what lies there under this name may be all that is left of another history
  if (statIfExists(file.to) !== undefined) moveFile(file.to, `${file.to}.${randomBytes(6).toString('hex')}`)
  const { mode, dated } = file
  replaceFile(file.to, file.bytes(), { mode, dated })
  touched()
  if (!isRight(file)) throw fileDamaged(file.to, 'what was read back is not what was written')
}

function isRight({ to, sha256 }: ArchiveMove): boolean {
  if (statIfExists(to)?.isFile() !== true) return false
  return sha256Hex(readIfExists(to) ?? '') === sha256
}

/** Folders from `below` down to `folder`, durable. */
export function makeDirs(folder: string, below: string): void {
  if (folder === below) return
  makeDirs(dirname(folder), below)
  makeDir(folder)
}

export interface Released {
  readonly files: number
  readonly bytes: number
}

/**
 * Takes the first files of these commands, one range or a part of one, out of their place. One that the archive no longer has was taken from
 * there by others (a cron job that moves or deletes it): then it is their affair. One that is damaged there is put there again and stays.
 */
export function releaseCommands(
  layout: Layout,
  id: AggregateId,
  { range, entries }: ReturnType<typeof splitRange>[number],
  now: Instant,
  touched: OnTouched,
): Released {
  let [files, bytes] = [0, 0]
  let isSound = true
  for (const entry of entries) {
    const leaving = leavingFiles(layout, id, range, entry)
    // all of a command are looked at before the first one goes
    const sound = leaving.map((file) => verifyArchived(file, range.dir, touched)).every((is) => is)
    isSound &&= sound
    if (!sound) continue
    for (const { from } of leaving) {
      const size = Number(statIfExists(from)?.size ?? 0)
      if (!removeFile(from)) continue
      touched()
      ;[files, bytes] = [files + 1, bytes + size]
    }
  }
  if (files > 0) syncDir(layout.folder(id))
  if (files > 0 && range.dir !== null) syncIfThere(join(layout.folder(id), 'archived'))
  const { since: _since, generation: _generation, ...settled } = range
  writeArchivedIndex(
    layout,
    id,
    mergeRanges(readArchivedIndex(layout, id), [isSound ? settled : { ...range, since: now }]),
  )
  return { files, bytes }
}

/** Every place that the files of a command have beside the archive, its record last: what is cut short is found again by it. */
function leavingFiles(
  layout: Layout,
  id: AggregateId,
  range: ArchivedRange,
  entry: HistoryEntry,
): readonly ArchiveMove[] {
  const folder = layout.folder(id)
  const places = range.dir === null ? [folder] : [folder, join(folder, 'archived')]
  const own = commandName(entry.sequence)
  if (!places.some((place) => exists(join(place, own)))) return []
  const { record } = readCommand(layout, id, entry.sequence, entry.command)
  const events = record.effect.result === 'accepted' ? record.effect.events : []
  const named = [...events.map((sha256, i) => [eventName(record.version + i), sha256] as const)]
  return [...named, [own, entry.command] as const].flatMap(([name, sha256]) =>
    places.map((place) => ({
      from: join(place, name),
      to: pathInArchive(layout, id, range.dir, name),
      sha256,
      mode: 0o600,
      dated: entry.at,
      bytes: () => findFile(layout, name, sha256, id).bytes,
    })),
  )
}

/** Is the archive's file sound, or gone on? One that is damaged is put there again: false. */
export function verifyArchived(file: ArchiveMove, dir: string | null, touched: OnTouched): boolean {
  const [here, there] = [statIfExists(file.from), statIfExists(file.to)]
  if (here === undefined || there === undefined) return true
  if ((here.ino === there.ino && here.dev === there.dev) || isRight(file)) return true
  archiveFile(file, dir, touched)
  syncDir(dirname(file.to))
  return false
}

function syncIfThere(folder: string): void {
  if (exists(folder)) syncDir(folder)
}
