/**
 * Syncs files that other programs wrote: `cp`, `rsync` and `tar` sync nothing. Invariant: a failed sync is final, links are not followed.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { syncDir } from './fs.js'
import { errnoOf, ioError } from './io-error.js'

/** Syncs every file and folder below `dir` except the path `except`. Throws `io`. */
export function syncTree(dir: string, except: string): void {
  for (const entry of entriesOf(dir)) {
    const path = join(dir, entry.name)
    if (path === except) continue
    if (entry.isDirectory()) syncTree(path, except)
    else if (entry.isFile()) syncFile(path)
  }
  syncDir(dir)
}

function entriesOf(dir: string): readonly fs.Dirent[] {
  try {
    return fs.readdirSync(dir, { withFileTypes: true })
  } catch (error) {
    throw ioError('list', dir, error)
  }
}

/** Syncs a file; one that is gone is not an error. Throws `io`. */
export function syncFile(path: string): void {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    fs.fsyncSync(fd)
  } catch (error) {
    // a temporary file that was removed meanwhile: of the lock, or an unfinished one that the copy contains
    if (errnoOf(error) !== 'ENOENT') throw ioError('sync', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
