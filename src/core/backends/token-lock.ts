/**
 * Lock of a token across processes: vendor libraries fail when several processes use a token at the same time.
 * Invariant: it is a kernel lock (flock) on a descriptor of this process, so it ends with the process.
 */
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { BackendFault } from '../ha/backend.js'
import { configFault } from './files.js'

/** Takes the lock `name` and returns its release function. Throws a BackendFault, `ca-timeout` if the signal comes first. */
export async function lockToken(folder: string, name: string, signal: AbortSignal): Promise<() => void> {
  const path = join(folder, `${name}.lock`)
  for (;;) {
    const fd = openFile(folder, path)
    try {
      await flock(fd, path, signal)
      if (isStill(fd, path)) return () => fs.closeSync(fd)
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    fs.closeSync(fd)
  }
}

function openFile(folder: string, path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    return fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
    throw configFault('ca-token-lock', `${path}: the lock file of the token cannot be created: ${errno}`, cause)
  }
}

/** Returns true if the path is still that of the locked file. */
function isStill(fd: number, path: string): boolean {
  const there = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
  const ours = fs.fstatSync(fd, { bigint: true })
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

/** Locks the open file with flock(1), which inherits it; it stays locked until this process closes it or ends. */
function flock(fd: number, path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      signal,
      killSignal: 'SIGKILL',
    })
    child.on('error', (cause) => reject(signal.aborted ? busy() : unusable(path, cause)))
    child.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(signal.aborted ? busy() : unusable(path, new Error(`flock ended with ${code}`)))
    })
  })
}

function busy(): BackendFault {
  return new BackendFault('ca-fault', 'ca-timeout', 'timed out while other processes used the token')
}

function unusable(path: string, cause: Error): BackendFault {
  const isAbsent = 'code' in cause && cause.code === 'ENOENT'
  const what = isAbsent ? 'flock(1) is missing: install util-linux' : cause.message
  return configFault('ca-token-lock', `${path}: the lock of the token cannot be taken: ${what}`, cause)
}
