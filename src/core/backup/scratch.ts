/** Temporary folders, removed when the operation ends and when a signal ends the program. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { ioError } from '../store/disk/io-error.js'

/** Makes a private folder (0700) with a unique name below `parent`, and returns its real path, by which the store opens it. Throws `io`. */
export function makeScratchFolder(parent: string): string {
  try {
    return fs.realpathSync(fs.mkdtempSync(join(parent, 'brine-backup-')))
  } catch (error) {
    throw ioError('mkdir', parent, error)
  }
}

/** Removes a tree. Never throws, since it runs while another failure is being handled. */
export function removeTree(dir: string): void {
  try {
    fs.rmSync(dir, { recursive: true, force: true })
  } catch {
    // what remains has no marker, and the next restore removes it
  }
}

/** Removes a tree when the program exits, also by a signal: it may hold private keys. Returns a function that cancels this. */
export function removeTreeOnExit(dir: string): () => void {
  return onExit(() => removeTree(dir))
}

/** Runs a function when the program exits, also by a signal. Returns a function that cancels this. */
export function onExit(run: () => void): () => void {
  // before those of the operations around this one, whose folders it may be in
  process.prependOnceListener('exit', run)
  return () => void process.removeListener('exit', run)
}
