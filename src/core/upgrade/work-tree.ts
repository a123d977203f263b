/**
 * The tree that a migration builds, in a folder that no other process reads.
 * Invariant: no file is replaced, and nothing is synced until the tree is complete (`syncTree`), before anything depends on it.
 */
import * as fs from 'node:fs'
import { ioError } from '../store/disk/io-error.js'

const BLOCK = 4096

/** Returns the bytes on disk of a file of this length. */
export function blocksOf(length: number): number {
  return Math.max(1, Math.ceil(length / BLOCK)) * BLOCK
}

/** Makes a file of mode 0600. Throws `io` with the bytes required. */
export function addFile(path: string, bytes: Uint8Array): void {
  const fd = attempt('create', path, bytes.length, () =>
    fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600),
  )
  try {
    attempt('write', path, bytes.length, () => {
      fs.fchmodSync(fd, 0o600)
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done)
    })
  } finally {
    fs.closeSync(fd)
  }
}

/** Makes a folder of this mode, independent of the umask. */
export function addFolder(path: string, mode: number): void {
  attempt('mkdir', path, BLOCK, () => {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 })
    fs.chmodSync(path, mode)
  })
}

/** Gives an immutable file a second name; no byte is copied. */
export function addLink(target: string, path: string): void {
  attempt('link', path, BLOCK, () => fs.linkSync(target, path))
}

/** Makes a symbolic link with the text of another one. */
export function addSymlink(model: string, path: string): void {
  attempt('link', path, BLOCK, () => fs.symlinkSync(fs.readlinkSync(model), path))
}

/** Removes a tree that nothing depends on. */
export function dropTree(path: string): void {
  attempt('unlink', path, 0, () => fs.rmSync(path, { recursive: true, force: true }))
}

function attempt<T>(operation: Parameters<typeof ioError>[0], path: string, bytes: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw ioError(operation, path, error, bytes === 0 ? {} : { bytes })
  }
}
