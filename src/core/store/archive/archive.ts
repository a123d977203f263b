/**
 * Archives files in two steps, one day apart: copies them to the archive, then removes them from their original place.
 * Invariant: only under the lock; at every instant each file has at least one durable copy, so either step may be interrupted and run
 * again. The record of a command is also kept in the aggregate's folder, for ever, before the index lists the command.
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
import { isKept, keepRecords } from '../commit/kept-records.js'
import { removeSnapshots } from '../commit/snapshot-retention.js'
import { fileDamaged } from '../disk/damage.js'
import { exists, isOnDisk, makeDir, moveFile, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { commandName, eventName, type Layout } from '../disk/paths.js'
import { linkFile, replaceFile } from '../disk/write-file.js'
import { type HistoryEntry, mergeRanges, type splitRange } from './archive-plan.js'
import type { DueCommand } from './archive-survey.js'

/** A file to archive: its path, its path in the archive, and its hash. */
export interface ArchiveMove {
  readonly from: string
  readonly to: string
  readonly sha256: Sha256
  readonly mode: number
  readonly dated: Instant
  /** Returns the verified bytes, also if `from` was moved. */
  readonly bytes: () => Uint8Array
}

/** Called after a file was created, moved or removed: an error after that must not report that nothing changed. */
export type OnTouched = () => void

/**
 * Copies commands to their archive and then adds them to the index; removes the unused snapshots that kept some of them. Throws `io`,
 * `corrupt`.
 */
export function archiveCommands(
  layout: Layout,
  id: AggregateId,
  due: readonly DueCommand[],
  unusedSnapshots: readonly number[],
  touched: OnTouched,
): void {
  const [first] = due
  if (first === undefined) return
  removeSnapshots(layout.folder(id), unusedSnapshots, touched)
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
  keepRecords(
    layout,
    id,
    due.flatMap(({ files }) => files.slice(-1).map(({ name, sha256 }) => findFile(layout, name, sha256, id).bytes)),
  )
  touched()
  const added = due.map((d) => d.range)
  writeArchivedIndex(layout, id, mergeRanges(readArchivedIndex(layout, id), added))
}

/** Keeps the records of archived commands that were archived without them. Throws `io`, `corrupt`. */
export function keepArchivedRecords(
  layout: Layout,
  id: AggregateId,
  entries: readonly HistoryEntry[],
  touched: OnTouched,
): void {
  keepRecords(
    layout,
    id,
    entries.map(({ sequence, command }) => readCommand(layout, id, sequence, command).file.bytes),
  )
  touched()
}

/** Archives one file: a hard link on the same volume, otherwise a verified copy. The caller syncs the folder. Throws `io`, `corrupt`. */
export function archiveFile(file: ArchiveMove, dir: string | null, touched: OnTouched): void {
  const made = dir === null && isOnDisk(file.from) ? linkFile(file.from, file.to) : 'refused'
  if (made === 'made') touched()
  if (made === 'made' || isIntact(file)) return
  // an existing file of this name may be the only copy of a record of another history
  if (statIfExists(file.to) !== undefined) moveFile(file.to, `${file.to}.${randomBytes(6).toString('hex')}`)
  const { mode, dated } = file
  replaceFile(file.to, file.bytes(), { mode, dated })
  touched()
  if (!isIntact(file)) throw fileDamaged(file.to, 'content read back differs from what was written')
}

function isIntact({ to, sha256 }: ArchiveMove): boolean {
  if (statIfExists(to)?.isFile() !== true) return false
  return sha256Hex(readIfExists(to) ?? '') === sha256
}

/** Creates the folders from `below` down to `folder`, durable on return. Throws `io`. */
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
 * Removes the original files of archived commands: one range or a part of one. A file that is missing from the archive was moved by the
 * operator (a cron job that moves or deletes it) and does not block the removal. One that is damaged there is archived again, and its
 * original stays. Throws `io`, `corrupt`.
 */
export function releaseCommands(
  layout: Layout,
  id: AggregateId,
  { range, entries }: ReturnType<typeof splitRange>[number],
  now: Instant,
  touched: OnTouched,
): Released {
  let [files, bytes] = [0, 0]
  let isComplete = true
  for (const entry of entries) {
    const leaving = leavingFiles(layout, id, range, entry)
    if (leaving.length > 0 && !isKept(layout, id, entry.command)) keepArchivedRecords(layout, id, [entry], touched)
    // all files of a command are checked before the first one is removed
    const intact = leaving.map((file) => verifyArchived(file, range.dir, touched)).every((is) => is)
    isComplete &&= intact
    if (!intact) continue
    for (const { from } of leaving) {
      const size = Number(statIfExists(from)?.size ?? 0)
      if (!removeFile(from)) continue
      touched()
      ;[files, bytes] = [files + 1, bytes + size]
    }
  }
  if (files > 0) syncDir(layout.folder(id))
  if (files > 0 && range.dir !== null) syncIfThere(join(layout.folder(id), 'archived'))
  const { since: _since, generation: _generation, ...released } = range
  writeArchivedIndex(
    layout,
    id,
    mergeRanges(readArchivedIndex(layout, id), [isComplete ? released : { ...range, since: now }]),
  )
  return { files, bytes }
}

/** Lists the files of a command outside the archive, its record last, so that an interrupted removal is found again by the record. */
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

/**
 * Returns true if the archived file is intact or no longer there; archives a damaged one again and returns false. Throws `io`, `corrupt`.
 */
export function verifyArchived(file: ArchiveMove, dir: string | null, touched: OnTouched): boolean {
  const [here, there] = [statIfExists(file.from), statIfExists(file.to)]
  if (here === undefined || there === undefined) return true
  if ((here.ino === there.ino && here.dev === there.dev) || isIntact(file)) return true
  archiveFile(file, dir, touched)
  syncDir(dirname(file.to))
  return false
}

function syncIfThere(folder: string): void {
  if (exists(folder)) syncDir(folder)
}
