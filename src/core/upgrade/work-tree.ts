/**
 * The tree that a migration builds: plain files in a folder that nobody else reads.
 * Invariant: nothing is replaced, and nothing is synced until the whole tree is (`syncTree`), before anything counts on it.
 */
import * as fs from 'node:fs'
import { ioError } from '../store/disk/io-error.js'

const BLOCK = 4096

/** Bytes on disk of a file of this length. */
export function blocksOf(length: number): number {
  return Math.max(1, Math.ceil(length / BLOCK)) * BLOCK
}

/** A new file; 0600 unless given. Throws `io` with the bytes that it wanted. */
export function addFile(path: string, bytes: Uint8Array, mode = 0o600): void {
  const fd = attempt('create', path, bytes.length, () =>
    fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, mode),
  )
  try {
    attempt('write', path, bytes.length, () => {
      fs.fchmodSync(fd, mode)
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done)
    })
  } finally {
    fs.closeSync(fd)
  }
}

/** A folder of 0700; nothing where it is there. */
export function addFolder(path: string): void {
  attempt('mkdir', path, BLOCK, () => {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 })
    fs.chmodSync(path, 0o700)
  })
}

/** A second name for a file that never changes: no byte of it is copied. */
export function addLink(target: string, path: string): void {
  attempt('link', path, BLOCK, () => fs.linkSync(target, path))
}

/** Removes a tree that nothing counts on. */
export function dropTree(path: string): void {
  attempt('unlink', path, 0, () => fs.rmSync(path, { recursive: true, force: true }))
}

export function sizeOf(path: string): number {
  return attempt('stat', path, 0, () => fs.statSync(path).size)
}

function attempt<T>(operation: Parameters<typeof ioError>[0], path: string, bytes: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw ioError(operation, path, error, bytes === 0 ? {} : { bytes })
  }
}
