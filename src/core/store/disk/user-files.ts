/** Files that the user names: read as text, written once with mode 0600 and never over something. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../base/errors.js'
import { ioError } from './io-error.js'

/** The text of a file. Throws `file-unreadable`, `file-not-utf8` (usage). */
export function readUserFile(path: string): string {
  const bytes = readUserBytes(path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('usage', 'file-not-utf8', `${path} is not UTF-8 text`, { cause, details: { path } })
  }
}

/** The bytes of a file. Throws `file-unreadable` (usage). */
export function readUserBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw userFileError('file-unreadable', `cannot read ${path}`, path, cause)
  }
}

/**
 * Asked before a command does what cannot be undone and then writes its document: is there room for a new file of that name? Throws
 * `file-exists`, `file-unwritable` (usage).
 */
export function assertFileNotExists(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw takenError(path)
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
}

/** Writes a document that `--out` asked for. Throws `file-exists`, `file-unwritable` (usage), `io`. */
export function writeUserFile(path: string, text: string): void {
  writeUserStream(path, [text])
}

/** The same piece by piece, for what is too long to hold; returns its bytes. What goes wrong on the way leaves no file. */
export function writeUserStream(path: string, pieces: Iterable<string>): number {
  let fd: number
  try {
    fd = openSync(path, 'wx', 0o600)
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw takenError(path, cause)
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

function writeAll(fd: number, path: string, pieces: Iterable<string>): number {
  let total = 0
  for (const piece of pieces) {
    const bytes = Buffer.from(piece)
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

function takenError(path: string, cause?: unknown): AppError {
  return new AppError('usage', 'file-exists', `${path} exists already: nothing is overwritten`, {
    hint: 'name a new file',
    cause,
  })
}

function errnoOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
}

function userFileError(code: string, what: string, path: string, cause: unknown): AppError {
  const errno = errnoOf(cause)
  return new AppError('usage', code, `${what}: ${errno}`, { cause, details: { path, errno } })
}
