/**
 * A backup that grows has a passing name, which tells the process that writes it: what a dead one left can be taken away.
 * Invariant: one that a living process may be writing stays, whatever its name says.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isRunning, thisBoot, thisProcess } from '../store/directory/lock-owner.js'
import { removeFile, statIfExists, syncDir } from '../store/disk/fs.js'

/** Writer, boot of its machine, and chance; without the first two it is of an older version. */
const PARTIAL = /^\.(.+)\.partial-(?:(\d+)-(\d+)-([0-9a-f]{12})-)?[0-9a-f]{12}$/

/** A writer that this machine can ask for, and does not find, may still live in another container: its file grows then. */
const QUIET_SECONDS = 3600
/** Nobody here can ask for a process of another machine, or of before a restart. */
const FOREIGN_SECONDS = 86_400

export interface Partial {
  readonly file: string
  readonly bytes: number
}

/** The passing name of a backup that this process writes. */
export function partialOf(file: string): string {
  const { pid, start } = thisProcess()
  const chance = randomBytes(6).toString('hex')
  return join(dirname(file), `.${basename(file)}.partial-${pid}-${start || 0}-${thisBoot()}-${chance}`)
}

/** What dead writers left in a folder, of backups whose names are `ours`. `now` in milliseconds. */
export function deadPartials(
  folder: string,
  ours: (name: string) => boolean,
  now: number = Date.now(),
): readonly Partial[] {
  return fs.readdirSync(folder).flatMap((name) => {
    const [, of, pid, start, boot] = PARTIAL.exec(name) ?? []
    const file = join(folder, name)
    const stat = of !== undefined && ours(of) ? statIfExists(file) : undefined
    if (stat?.isFile() !== true) return []
    const quiet = now / 1000 - Number(stat.mtimeMs) / 1000
    const isOfHere = pid !== undefined && boot === thisBoot()
    if (isOfHere && isRunning(Number(pid), start ?? '')) return []
    return quiet >= (isOfHere ? QUIET_SECONDS : FOREIGN_SECONDS) ? [{ file, bytes: Number(stat.size) }] : []
  })
}

/** Takes away what a dead writer left, where that may be: an unfinished file of long ago is no reason to make no backup. */
export function sweepPartials(folder: string, ours: (name: string) => boolean): void {
  try {
    const dead = deadPartials(folder, ours)
    for (const { file } of dead) removeFile(file)
    if (dead.length > 0) syncDir(folder)
  } catch {
    // the folder may be one in which others' files stay
  }
}
