/**
 * Kernel locks on files (flock(1)). Invariants: a lock is held by an open descriptor of this process, so it ends with the process and is never
 * stale; a link or a directory in the place of the file is refused.
 */
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../base/errors.js'
import { makeDirUnsynced, statIfExists } from './fs.js'
import { errnoOf, ioError } from './io-error.js'

/** Thrown by `lockFile` when its signal came before the lock. */
export class LockStopped extends Error {}

/** Thrown by `lockFile` where flock(1) is not installed. */
export class FlockMissing extends Error {
  constructor() {
    super('flock(1) is missing: install util-linux')
  }
}

/** Takes the lock on a file, which is created, and returns its release. Throws LockStopped, FlockMissing, `io`. */
export async function lockFile(path: string, signal: AbortSignal): Promise<() => void> {
  makeDirUnsynced(dirname(path))
  for (;;) {
    const fd = openLockFile(path)
    try {
      await flock(fd, path, signal)
      if (isFileAt(fd, path)) return () => fs.closeSync(fd)
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    fs.closeSync(fd)
  }
}

/** Opens a lock file, which is created. Throws `lock-place-refused`, `io`. */
export function openLockFile(path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  let fd: number
  try {
    fd = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw lockPathRefused(path, 'is a symbolic link')
    if (errnoOf(error) === 'EISDIR') throw lockPathRefused(path, 'is a directory')
    throw ioError('create', path, error)
  }
  if (fs.fstatSync(fd).isFile()) return fd
  fs.closeSync(fd)
  throw lockPathRefused(path, 'exists and is not a regular file')
}

/** Returns the error for something else in the place of a lock. */
export function lockPathRefused(path: string, what: string): AppError {
  return new AppError('io', 'lock-place-refused', `${path}: lock path ${what}`, {
    hint: `inspect ${path} and remove it`,
    details: { path, errno: 'EFTYPE', operation: 'create' },
  })
}

/** Returns true if the path still names the open file. */
export function isFileAt(fd: number, path: string): boolean {
  const named = statIfExists(path)
  const opened = fs.fstatSync(fd, { bigint: true })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}

/** Locks the open file with flock(1), which inherits it; it stays locked until this process closes it or ends. */
function flock(fd: number, path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      signal,
      killSignal: 'SIGKILL',
    })
    const fail = (error: Error): void => reject(signal.aborted ? new LockStopped('the wait for a lock ended') : error)
    child.on('error', (error) =>
      fail(errnoOf(error) === 'ENOENT' ? new FlockMissing() : ioError('create', path, error)),
    )
    child.on('exit', (code) => {
      if (code === 0) resolve()
      else fail(ioError('create', path, new Error(`flock ended with ${code}`)))
    })
  })
}
