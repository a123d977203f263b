/**
 * File system operations: reading, listing, folders, renames. Synchronous, so that the order of operations is the order of the code. What is
 * read, listed or asked for its status is looked for on disk, then among the held files, then in segments (`packed-files.ts`).
 * Invariants: only ENOENT (ENOTDIR for a path below a file) means absent; a failed fsync is final and never retried; modes do not depend
 * on the umask.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { fileDamaged, fileOwnedByOther, isCorrupt } from './damage.js'
import { heldBytes, heldNames, heldStat } from './held-files.js'
import { attempt, errnoOf, ioError, notifyHook } from './io-error.js'
import { packedBytes, packedEntry, packedNames, packedStat } from './packed-files.js'

/** Bytes of the largest file that is read. */
export const READ_LIMIT = 256 * 1024 * 1024

/**
 * Returns the bytes of a regular file; undefined only if it does not exist. Throws `file-damaged` for a symbolic link, for anything else
 * that is not a regular file, and above `limit` bytes (the disk works, so none of these is an `io` error). Throws `io` if the read fails.
 */
export function readIfExists(path: string, limit = READ_LIMIT): Uint8Array | undefined {
  return readFile(path, limit, undefined)
}

/**
 * Reads like `readIfExists` a file that only this program writes, and refuses one that another user owns, who could change it at any time.
 * Throws `file-foreign` (corrupt) as well.
 */
export function readOwnedFile(path: string, limit = READ_LIMIT): Uint8Array | undefined {
  return readFile(path, limit, process.getuid?.())
}

function readFile(path: string, limit: number, owner: number | undefined): Uint8Array | undefined {
  let fd: number | undefined
  try {
    notifyHook('read', path)
    const held = heldBytes(path)
    if (held !== undefined) {
      if (held.length > limit) throw fileDamaged(path, `larger than ${limit} bytes`)
      return held
    }
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) throw fileDamaged(path, 'not a regular file')
    if (owner !== undefined && stat.uid !== owner) throw fileOwnedByOther(path, stat.uid, owner)
    if (stat.size > limit) throw fileDamaged(path, `larger than ${limit} bytes`)
    return readAll(fd, stat.size)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return readPacked(path, limit, owner)
    if (errnoOf(error) === 'ELOOP') throw fileDamaged(path, 'a symbolic link')
    // open(2) of a socket
    if (errnoOf(error) === 'ENXIO') throw fileDamaged(path, 'not a regular file')
    throw isCorrupt(error) ? error : ioError('read', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function readPacked(path: string, limit: number, owner: number | undefined): Uint8Array | undefined {
  try {
    const bytes = packedBytes(path, owner)
    if (bytes !== undefined && bytes.length > limit) throw fileDamaged(path, `larger than ${limit} bytes`)
    return bytes
  } catch (error) {
    throw isCorrupt(error) ? error : ioError('read', path, error)
  }
}

/** Returns the first `size` bytes of an open file, or all if it has fewer. The bytes have memory of their own. */
function readAll(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  while (at < size) {
    const read = fs.readSync(fd, bytes, at, size - at, null)
    if (read === 0) return bytes.slice(0, at)
    at += read
  }
  return bytes
}

/** Returns the first bytes of a regular file as text; undefined if it does not exist or is not a regular file. Throws `io`. */
export function readStart(path: string, length: number): string | undefined {
  if (statIfExists(path)?.isFile() !== true) return undefined
  return attempt('read', path, () => {
    const held = heldBytes(path)
    const bytes = held ?? (isOnDisk(path) ? undefined : packedBytes(path))
    if (bytes !== undefined) return Buffer.from(bytes.subarray(0, length)).toString('latin1')
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    try {
      const bytes = Buffer.alloc(length)
      return bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, length, 0))
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Returns the status of the path itself without following a link; undefined if it does not exist. Throws `io`. */
export function statIfExists(path: string): fs.BigIntStats | undefined {
  try {
    notifyHook('stat', path)
    return heldStat(path) ?? fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }) ?? packedStat(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw ioError('stat', path, error)
  }
}

/** Returns the size of a regular file in bytes; undefined if there is none. Cheaper than `statIfExists`, for very many files. Throws `io`. */
export function sizeIfFile(path: string): number | undefined {
  try {
    notifyHook('stat', path)
    const held = heldBytes(path)
    if (held !== undefined) return held.length
    const stat = fs.lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return packedEntry(path)?.length
    return stat.isFile() ? stat.size : undefined
  } catch (error) {
    throw ioError('stat', path, error)
  }
}

/** Returns true if the path exists, even as a dangling link. Throws `io`. */
export function exists(path: string): boolean {
  return statIfExists(path) !== undefined
}

/** Returns true if the path exists on disk: a file that is only held or packed cannot be moved, linked or removed. Throws `io`. */
export function isOnDisk(path: string): boolean {
  return attempt('stat', path, () => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined)
}

/** Lists the names in a folder, sorted; an empty list if the folder does not exist. Throws `io`. */
export function listDir(path: string): readonly string[] {
  try {
    notifyHook('list', path)
    const packed = packedNames(path)
    const names = [...namesOnDisk(path), ...heldNames(path), ...packed]
    return (packed.length === 0 ? names : [...new Set(names)]).sort()
  } catch (error) {
    throw ioError('list', path, error)
  }
}

/** Lists like `listDir` only what is on disk: the files that can be moved, linked or removed. Throws `io`. */
export function listDisk(path: string): readonly string[] {
  return attempt('list', path, () => namesOnDisk(path)).sort()
}

function namesOnDisk(path: string): string[] {
  try {
    return fs.readdirSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Returns the bytes that this process may still write on the file system of `path`; undefined if the file system does not report it. */
export function freeBytes(path: string): number | undefined {
  try {
    const { bsize, blocks, bavail, bfree } = fs.statfsSync(path)
    if (blocks === 0) return undefined
    return bsize * (process.getuid?.() === 0 ? bfree : bavail)
  } catch {
    return undefined
  }
}

/** Syncs a folder, which makes the names in it durable. Throws `io`. */
export function syncDir(path: string): void {
  attempt('syncDir', path, () => {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  })
}

/** Creates one folder with exactly this mode and makes its name durable; false if it already exists. Throws `io`. */
export function makeDir(path: string, mode = 0o700): boolean {
  const created = makeDirUnsynced(path, mode)
  if (created) syncDir(dirname(path))
  return created
}

/** Creates one folder whose name the caller syncs, so that several in one parent cost one sync; false if it already exists. Throws `io`. */
export function makeDirUnsynced(path: string, mode = 0o700): boolean {
  if (exists(path)) return false
  return attempt('mkdir', path, () => {
    try {
      fs.mkdirSync(path, { mode })
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false
      throw error
    }
    fs.chmodSync(path, mode)
    return true
  })
}

/** Renames a file; false if it does not exist. The caller syncs both folders. Throws `io`. */
export function moveFile(from: string, to: string): boolean {
  return attempt('rename', from, () => {
    try {
      fs.renameSync(from, to)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  })
}

/** Removes a file; false if it does not exist. The caller syncs the folder. Throws `io`. */
export function removeFile(path: string): boolean {
  return attempt('unlink', path, () => {
    try {
      fs.unlinkSync(path)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  })
}
