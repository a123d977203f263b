/**
 * Files that the user names on the command line: read as text, created with mode 0600, or 0644 where others read them. Invariant: no existing
 * file is overwritten, unless the user asks for it.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { concat, utf8 } from '../../base/bytes.js'
import { hintOfErrno } from '../../base/errno-hints.js'
import { AppError } from '../../base/errors.js'
import { readBlocking } from './blocking-read.js'
import { syncDir } from './fs.js'
import { ioError } from './io-error.js'
import { replaceFile } from './write-file.js'

/** The most that is read of a file, and of a pipe or a device, which may never end: no document of the user has so much. */
const LARGEST = 256 * 2 ** 20

/** Reads the text of a file. Throws `file-unreadable`, `file-not-utf8` (usage), and `file-too-large` (usage) beyond `maxBytes`, before it is read. */
export function readUserFile(path: string, maxBytes = LARGEST): string {
  const bytes = readUserBytes(path, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('usage', 'file-not-utf8', `${path} is not UTF-8 text`, { cause, details: { path } })
  }
}

function tooLarge(path: string, maxBytes: number): AppError {
  const message = `${path} is larger than ${maxBytes / 2 ** 20} MiB`
  return new AppError('usage', 'file-too-large', message, { details: { path } })
}

/** Returns true if there is a file of this name; false also for a name that cannot be looked up. */
export function isUserFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch {
    return false
  }
}

const PIECE = 2 ** 20

/** Reads the bytes of a file. Throws `file-unreadable` (usage), and `file-too-large` (usage) beyond `maxBytes`, for a file before it is read. */
export function readUserBytes(path: string, maxBytes = LARGEST): Uint8Array {
  return readBlocking(path, () => readOpened(path, maxBytes))
}

function readOpened(path: string, maxBytes: number): Uint8Array {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY)
    const stat = fstatSync(fd)
    if (stat.isFile() && stat.size > maxBytes) throw tooLarge(path, maxBytes)
    // a file of /proc has no size either
    if (stat.isFile() && stat.size > 0) return new Uint8Array(readFileSync(fd))
    return readStream(fd, path, maxBytes)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw userFileError('file-unreadable', `cannot read ${path}`, path, cause)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function readStream(fd: number, path: string, most: number): Uint8Array {
  const pieces: Uint8Array[] = []
  let length = 0
  for (;;) {
    const piece = new Uint8Array(PIECE)
    const read = readSync(fd, piece)
    if (read === 0) return concat(pieces)
    length += read
    if (length > most) throw tooLarge(path, most)
    pieces.push(piece.subarray(0, read))
  }
}

/**
 * Checks that a new file of this name can be created, before a command makes an irreversible change and then writes its document. Throws
 * `file-exists`, `file-unwritable` (usage).
 */
export function assertFileNotExists(path: string, hint?: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw existsError(path, undefined, hint)
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
}

/** Writes the document of an `--out` flag to a new file. Throws `file-exists`, `file-unwritable` (usage), `io`. */
export function writeUserFile(path: string, content: string | Uint8Array): void {
  writeUserStream(path, [content])
}

/** Writes a document that goes to others to a new file, readable by all. Throws as `writeUserFile` does. */
export function writePublicUserFile(path: string, content: string | Uint8Array): void {
  writeUserFile(path, content)
  chmodSync(path, 0o644)
}

/**
 * Checks that `replaceDocument` can write a file of this name, before an irreversible change. Throws `file-unwritable` (usage, or io if the
 * cause is not the name).
 */
export function assertReplaceable(path: string): void {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found !== undefined && !found.isFile()) throw Object.assign(new Error(path), { code: 'EISDIR' })
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
}

/**
 * Writes a public document to a file, in place of one of this name, which keeps its mode; a new one is readable by all. A reader sees the old
 * or the new text and never a part. Throws `io`.
 */
export function replacePublicFile(path: string, content: string | Uint8Array): void {
  const found = statSync(path, { throwIfNoEntry: false })
  // behind a symbolic link, the file that it names is replaced and the link stays
  const target = found === undefined ? path : realpathSync(path)
  const bytes = typeof content === 'string' ? utf8(content) : content
  replaceFile(target, bytes, { mode: found === undefined ? 0o644 : found.mode & 0o777 })
  syncDir(dirname(target))
}

/** Writes a file that other users read, in place of one of this name, with mode 0644. A reader sees the old or the new file. Throws `io`. */
export function replaceServedFile(path: string, bytes: Uint8Array): void {
  // behind a symbolic link, the file that it names is replaced and the link stays
  const target = statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path)
  replaceFile(target, bytes, { mode: 0o644 })
  syncDir(dirname(target))
}

/**
 * Writes a document piece by piece, for one too large for memory, and returns its size in bytes. A failed write leaves no file. Throws
 * `file-exists` (usage), `file-unwritable` (usage; io if its cause is not the name), `io`.
 */
export function writeUserStream(path: string, pieces: Iterable<string | Uint8Array>): number {
  let fd: number
  try {
    fd = openSync(path, 'wx', 0o600)
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw existsError(path, cause)
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
  try {
    const bytes = writeAll(fd, path, pieces)
    closeSync(fd)
    return bytes
  } catch (error) {
    closeSync(fd)
    rmSync(path, { force: true })
    throw error
  }
}

function writeAll(fd: number, path: string, pieces: Iterable<string | Uint8Array>): number {
  let total = 0
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    } catch (cause) {
      throw ioError('write', path, cause, { bytes: bytes.length })
    }
    total += bytes.length
  }
  try {
    fsyncSync(fd)
  } catch (cause) {
    throw ioError('sync', path, cause)
  }
  return total
}

function existsError(path: string, cause?: unknown, hint = 'name a new file'): AppError {
  return new AppError('usage', 'file-exists', `${path} already exists and is not overwritten`, {
    hint,
    cause,
  })
}

function errnoOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
}

/** Errnos whose cause is not the name that the user gave. */
const NOT_OF_THE_NAME = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ESTALE']

/** Returns the error for a path of the user; one that cannot be written for another reason than its name is an `io` error. */
export function userFileError(code: string, what: string, path: string, cause: unknown): AppError {
  const errno = errnoOf(cause)
  const isIo = code === 'file-unwritable' && NOT_OF_THE_NAME.includes(errno)
  const hint = code === 'file-unwritable' ? hintOfUserFile(errno, path) : undefined
  return new AppError(isIo ? 'io' : 'usage', code, `${what}: ${errno}`, {
    cause,
    details: { path, errno },
    ...(hint === undefined ? {} : { hint }),
  })
}

/** Returns the hint for a file that a command cannot write for the user; undefined where the errno says too little. */
export function hintOfUserFile(errno: string, path: string): string | undefined {
  const folder = dirname(path)
  if (errno === 'ENOENT') return `name a file in a folder that exists, or: mkdir -p ${folder}`
  if (errno === 'EACCES' || errno === 'EPERM')
    return `name a file in a folder that this user can write to (not ${folder})`
  if (errno === 'EROFS') return `name a file on a file system that can be written (not ${folder})`
  if (errno === 'ENOTDIR') return `name a file in a folder: part of ${folder} is a file`
  if (errno === 'EISDIR') return `name a file: ${path} is a folder`
  if (errno === 'ENOSPC') return `free some space on the file system of ${folder}, or name a file on another one`
  return hintOfErrno(errno)
}

/** Writes public files to a new folder, which every user may enter as each folder in a name. A failed write leaves none. Throws `file-exists`, `file-unwritable` (usage), `io`. */
export function writeUserFolder(
  path: string,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): void {
  assertFileNotExists(path)
  try {
    mkdirSync(path)
  } catch (cause) {
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
  try {
    for (const folder of new Set(['.', ...files.map(({ name }) => dirname(name))])) {
      mkdirSync(join(path, folder), { recursive: true })
      // the umask has no say in it
      chmodSync(join(path, folder), 0o755)
    }
    for (const { name, bytes } of files) writePublicUserFile(join(path, name), bytes)
  } catch (error) {
    rmSync(path, { recursive: true, force: true })
    throw error
  }
}
