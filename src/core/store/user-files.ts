/** Files that the user names: read as text, written once with mode 0600 and never over something. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { AppError } from '../base/errors.js'

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

/** Writes a document that `--out` asked for. Throws `file-exists` (usage), `file-unwritable` (io). */
export function writeUserFile(path: string, text: string): void {
  let fd: number
  try {
    fd = openSync(path, 'wx', 0o600)
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST')
      throw new AppError('usage', 'file-exists', `${path} exists already: nothing is overwritten`, {
        hint: 'name a new file',
        cause,
      })
    throw userFileError('file-unwritable', `cannot write ${path}`, path, cause)
  }
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function errnoOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
}

function userFileError(code: string, what: string, path: string, cause: unknown): AppError {
  const errno = errnoOf(cause)
  return new AppError('usage', code, `${what}: ${errno}`, { cause, details: { path, errno } })
}
