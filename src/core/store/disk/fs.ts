/**
 * Reading, looking, folders and names: synchronous, so that the order of operations is the order of the code.
 * Invariants: only ENOENT means absent; a failed fsync is final and never tried again; modes do not depend on the umask.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { fileDamaged, fileOwnedByOther, isCorrupt } from './damage.js'
import { attempt, errnoOf, ioError, notifyHook } from './io-error.js'

export const READ_LIMIT = 256 * 1024 * 1024

/** The bytes of a regular file; undefined only when there is none. A link, a FIFO, more than `limit` bytes: `file-damaged`, since the disk is well. */
export function readIfExists(path: string, limit = READ_LIMIT): Uint8Array | undefined {
  return readFile(path, limit, undefined)
}

/** As `readIfThere`, of a file that nobody but this program writes: one of another user is refused, who may change it at any time. Throws `file-foreign` (corrupt). */
export function readOwnedFile(path: string, limit = READ_LIMIT): Uint8Array | undefined {
  return readFile(path, limit, process.getuid?.())
}

function readFile(path: string, limit: number, owner: number | undefined): Uint8Array | undefined {
  let fd: number | undefined
  try {
    notifyHook('read', path)
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) throw fileDamaged(path, 'not a regular file')
    if (owner !== undefined && stat.uid !== owner) throw fileOwnedByOther(path, stat.uid, owner)
    if (stat.size > limit) throw fileDamaged(path, `larger than ${limit} bytes`)
    const bytes = fs.readFileSync(fd)
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    if (errnoOf(error) === 'ELOOP') throw fileDamaged(path, 'a symbolic link')
    // what a socket answers
    if (errnoOf(error) === 'ENXIO') throw fileDamaged(path, 'not a regular file')
    throw isCorrupt(error) ? error : ioError('read', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** What lies at the path itself, undefined when nothing does. */
export function statIfExists(path: string): fs.BigIntStats | undefined {
  try {
    notifyHook('stat', path)
    return fs.lstatSync(path, { bigint: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw ioError('stat', path, error)
  }
}

export function exists(path: string): boolean {
  return statIfExists(path) !== undefined
}

/** Names in a folder, sorted; none when the folder is not there. */
export function listDir(path: string): readonly string[] {
  try {
    notifyHook('list', path)
    return fs.readdirSync(path).sort()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw ioError('list', path, error)
  }
}

/** Bytes that this process may still write on the file system of `path`; undefined where nobody can say. */
export function freeBytes(path: string): number | undefined {
  try {
    const { bsize, blocks, bavail, bfree } = fs.statfsSync(path)
    if (blocks === 0) return undefined
    return bsize * (process.getuid?.() === 0 ? bfree : bavail)
  } catch {
    return undefined
  }
}

/** Makes the names in a folder durable. */
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

/** Makes one folder with exactly this mode and its name durable; false when it was there. */
export function makeDir(path: string, mode = 0o700): boolean {
  const made = makeDirUnsynced(path, mode)
  if (made) syncDir(dirname(path))
  return made
}

/** Makes one folder whose name the caller syncs: several in one place cost one sync. False when it was there. */
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

/** Renames; false when there was nothing to rename. The caller syncs both folders. */
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

/** Removes a file; false when it was not there. The caller syncs the folder. */
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
