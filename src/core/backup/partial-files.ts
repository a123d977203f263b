/**
 * Temporary names of backups that are being written. The name identifies the writing process, so that files abandoned by a dead process can be
 * removed. Invariant: a file that a live process may still be writing is never removed.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isRunning, thisBoot, thisProcess } from '../store/directory/lock-owner.js'
import { removeFile, statIfExists, syncDir } from '../store/disk/fs.js'

/** Process id and start time of the writer, boot id of its machine, random digits. Older versions wrote only the random digits. */
const PARTIAL = /^\.(.+)\.partial-(?:(\d+)-(\d+)-([0-9a-f]{12})-)?[0-9a-f]{12}$/

/**
 * Seconds without growth after which a file of a process that is not running on this machine counts as abandoned. The process may still live
 * in another container, and its file grows then.
 */
const QUIET_SECONDS = 3600
/** The same for a process of another machine, or of before a restart, whose existence cannot be checked. */
const FOREIGN_SECONDS = 86_400

export interface PartialFile {
  readonly file: string
  readonly bytes: number
}

/** Returns the temporary name of a backup that this process writes. */
export function partialName(file: string): string {
  const { pid, start } = thisProcess()
  const random = randomBytes(6).toString('hex')
  return join(dirname(file), `.${basename(file)}.partial-${pid}-${start || 0}-${thisBoot()}-${random}`)
}

/** Returns the files in a folder that dead writers abandoned, of backups whose names `isOurs` accepts. `now` in milliseconds. */
export function abandonedPartials(
  folder: string,
  isOurs: (name: string) => boolean,
  now: number = Date.now(),
): readonly PartialFile[] {
  return fs.readdirSync(folder).flatMap((name) => {
    const [, of, pid, start, boot] = PARTIAL.exec(name) ?? []
    const file = join(folder, name)
    const stat = of !== undefined && isOurs(of) ? statIfExists(file) : undefined
    if (stat?.isFile() !== true) return []
    const secondsQuiet = now / 1000 - Number(stat.mtimeMs) / 1000
    const isLocal = pid !== undefined && boot === thisBoot()
    if (isLocal && isRunning(Number(pid), start ?? '')) return []
    return secondsQuiet >= (isLocal ? QUIET_SECONDS : FOREIGN_SECONDS) ? [{ file, bytes: Number(stat.size) }] : []
  })
}

/** Removes abandoned files where permitted. A failure is ignored: an old unfinished file must not prevent a new backup. */
export function removeAbandonedPartials(folder: string, isOurs: (name: string) => boolean): void {
  try {
    const abandoned = abandonedPartials(folder, isOurs)
    for (const { file } of abandoned) removeFile(file)
    if (abandoned.length > 0) syncDir(folder)
  } catch {
    // in a shared folder the files of other users cannot be removed
  }
}
