/**
 * The write lock: a kernel lock decides, a lock folder (proper-lockfile) shows it to other hosts, the owner file is for messages.
 * Invariants: a stale lock is taken over without waiting; the lock of a live owner, however slow, is never taken over.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { AppError } from '../../base/errors.js'
import { moveFile, removeFile, statIfExists } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
import { isFileAt, lockPathRefused, openLockFile } from '../disk/kernel-lock.js'
import type { Layout } from '../disk/paths.js'
import {
  formatLockOwner,
  isOwnerDead,
  isSameHost,
  type LockOwner,
  newLockOwner,
  readLockOwner,
  writeLockOwner,
} from './lock-owner.js'

/** Paths of one lock, and the directory that it protects. */
export type LockPlace = Pick<Layout, 'dir' | 'lock' | 'lockFolder' | 'lockOwnerFile'>

export interface LockRequest {
  /** Seconds to wait for the lock. */
  readonly timeout: number
  readonly command: string
  /** Recorded in the owner file, so that waiting commands can report it. */
  readonly long: boolean
  readonly warn: (text: string) => void
  /** Name of the lock in messages; default: `write lock`. */
  readonly name?: string
  /** Removes the lock file on release. A waiting process locks a file without a name then, notices that, and starts again. */
  readonly transient?: boolean
}

export interface Lock {
  /** Throws `lock-lost` if another process took the lock. */
  check(): void
  /** Records that the directory with the lock files was renamed. */
  moved(to: LockPlace): void
  /** Releases the lock. Never throws. */
  release(): Promise<void>
}

export type Locker = (layout: LockPlace, request: LockRequest) => Promise<Lock>

/** Age at which another host may take over a lock folder that is no longer updated. */
const STALE_MS = 60_000
/** Exit code requested of flock(1) for a lock that is held. */
const CONFLICT = 75

/** Loads the module that taking the lock needs, 3 ms, while this process waits for something else. */
export function preloadLock(): void {
  setImmediate(() => void import('proper-lockfile').catch(() => undefined)).unref()
}

/** Takes the lock. Throws `locked` after the timeout, `io` if a lock path is not usable. */
export const acquireLock: Locker = async (layout, request) => {
  const deadline = monotonic() + request.timeout
  const kernel = await kernelLock(layout, request, deadline)
  try {
    const owner = newLockOwner(randomBytes(16).toString('hex'), request.command, request.long)
    const visible = await takeVisibleLock(layout, request, owner, kernel.locked, deadline)
    return heldLock(layout, request, owner, kernel.fd, visible)
  } catch (error) {
    if (request.transient === true && kernel.locked) removeUnfinished(layout, kernel.fd)
    fs.closeSync(kernel.fd)
    throw error
  }
}

/** Removes the files of a lock whose owner could not be written, for example on a full disk. Never throws. */
function removeUnfinished(layout: LockPlace, fd: number): void {
  try {
    if (readLockOwner(layout.lockOwnerFile) !== undefined) return
    removeFile(layout.lockOwnerFile)
  } catch {
    // a file that remains has no effect
  }
  removeLockFile(fd, layout.lock)
}

/** Returns monotonic time in seconds. */
function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n) / 1000
}

function lockedBy(
  layout: Pick<LockPlace, 'lockOwnerFile'>,
  { timeout, name = 'write lock' }: Pick<LockRequest, 'timeout' | 'name'>,
): AppError {
  const owner = readLockOwner(layout.lockOwnerFile)
  const who = owner === undefined ? 'another command' : formatLockOwner(owner)
  return new AppError('locked', 'locked', `${name} is held by ${who}; waited ${timeout} s`, {
    hint: 'wait for it to end, or raise --lock-timeout',
    retry: true,
    retryAfter: 1,
    details:
      owner === undefined ? {} : { pid: owner.pid, host: owner.host, command: owner.command, since: owner.since },
  })
}

/** Opens and locks the lock file; `locked` is false where flock(1) is not installed. Throws `locked`, `io`. */
export async function kernelLock(
  layout: Pick<LockPlace, 'lock' | 'lockOwnerFile'>,
  request: Omit<LockRequest, 'command' | 'long'>,
  deadline = monotonic() + request.timeout,
): Promise<{ fd: number; locked: boolean }> {
  for (;;) {
    const fd = openLockFile(layout.lock)
    try {
      const outcome = await flock(fd, Math.max(0, deadline - monotonic()))
      if (outcome === 'busy') throw lockedBy(layout, request)
      if (outcome === 'absent')
        request.warn(
          'flock(1) is not installed: only the lock folder is used, and the lock of a host that died expires after one minute',
        )
      if (outcome === 'absent' || isFileAt(fd, layout.lock)) return { fd, locked: outcome === 'locked' }
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    fs.closeSync(fd)
  }
}

/** Locks the open file with flock(1), which inherits the descriptor: it stays locked until this process closes it or dies. */
async function flock(fd: number, seconds: number): Promise<'locked' | 'busy' | 'absent'> {
  const exit = await run(['-x', '-w', seconds.toFixed(3), '-E', String(CONFLICT), '3'], fd)
  if (exit === 'absent') return 'absent'
  if (exit === 0) return 'locked'
  if (exit === CONFLICT) return 'busy'
  // the flock of busybox supports neither -w nor -E
  const deadline = monotonic() + seconds
  for (;;) {
    if ((await run(['-x', '-n', '3'], fd)) === 0) return 'locked'
    if (monotonic() >= deadline) return 'busy'
    await pause(200)
  }
}

/** Runs flock(1) with `fd` as its descriptor 3 and returns its exit code. */
function run(args: readonly string[], fd: number): Promise<number | 'absent'> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', args, { stdio: ['ignore', 'ignore', 'ignore', fd] })
    child.on('error', (error) =>
      errnoOf(error) === 'ENOENT' ? resolve('absent') : reject(ioError('create', 'flock', error)),
    )
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

interface VisibleLock {
  readonly compromised: () => boolean
  /** Records that the lock folder is at this path now. */
  readonly moved: (path: string) => void
  readonly release: () => Promise<void>
}

/**
 * Takes the lock folder that other hosts see and writes the owner file. A stale lock of this host is taken over at once: `kernelLocked`
 * proves that its owner is dead. Throws `locked`, `io`.
 */
async function takeVisibleLock(
  layout: LockPlace,
  request: LockRequest,
  owner: LockOwner,
  kernelLocked: boolean,
  deadline: number,
): Promise<VisibleLock> {
  const { default: lockfile } = await import('proper-lockfile')
  let compromised = false
  let folder = layout.lockFolder
  for (;;) {
    removeStaleLock(layout, kernelLocked)
    const free = statIfExists(layout.lockFolder) === undefined
    if (free) writeLockOwner(layout.lockOwnerFile, owner)
    try {
      const release = await lockfile.lock(layout.lock, {
        lockfilePath: layout.lockFolder,
        stale: STALE_MS,
        update: 5000,
        realpath: false,
        retries: 0,
        // proper-lockfile adds a property to the module object it is given, and removes the folder at the path that it was made at
        fs: {
          ...fs,
          mkdir: (path: string, done: fs.NoParamCallback) => fs.mkdir(path, 0o700, done),
          rmdir: (_: string, done: fs.NoParamCallback) => fs.rmdir(folder, done),
          rmdirSync: () => fs.rmdirSync(folder),
        },
        onCompromised: () => {
          compromised = true
        },
      })
      if (!free) writeLockOwner(layout.lockOwnerFile, owner)
      return {
        compromised: () => compromised,
        moved: (path) => {
          folder = path
        },
        release,
      }
    } catch (error) {
      if (errnoOf(error) !== 'ELOCKED')
        throw error instanceof AppError ? error : ioError('mkdir', layout.lockFolder, error)
    }
    if (monotonic() >= deadline) throw lockedBy(layout, request)
    await pause(Math.min(250, Math.max(1, (deadline - monotonic()) * 1000)))
  }
}

/** Removes the lock folder of an owner that is proved dead; renames it first, so that only one of several processes removes it. */
function removeStaleLock(layout: LockPlace, kernelLocked: boolean): void {
  const stat = statIfExists(layout.lockFolder)
  if (stat === undefined) return
  if (!stat.isDirectory()) throw lockPathRefused(layout.lockFolder, 'exists and is not a directory')
  const owner = readLockOwner(layout.lockOwnerFile)
  const dead = owner === undefined ? kernelLocked : isSameHost(owner) && (kernelLocked || isOwnerDead(owner))
  if (!dead) return
  const renamed = `${layout.lockFolder}-${randomBytes(6).toString('hex')}`
  if (moveFile(layout.lockFolder, renamed)) fs.rmSync(renamed, { recursive: true, force: true })
}

function heldLock(
  taken: LockPlace,
  { transient = false }: LockRequest,
  owner: LockOwner,
  fd: number,
  visible: VisibleLock,
): Lock {
  let place = taken
  return {
    check() {
      const current = readLockOwner(place.lockOwnerFile)
      if (!visible.compromised() && current?.token === owner.token && isFileAt(fd, place.lock)) return
      const who = current === undefined || current.token === owner.token ? 'another process' : formatLockOwner(current)
      throw new AppError(
        'locked',
        'lock-lost',
        `the lock was taken by ${who} while this command ran; nothing changed`,
        {
          hint: 'run the command again',
          retry: true,
          retryAfter: 1,
        },
      )
    },
    moved(to) {
      place = to
      visible.moved(to.lockFolder)
    },
    async release() {
      try {
        if (readLockOwner(place.lockOwnerFile)?.token === owner.token) removeFile(place.lockOwnerFile)
      } catch {
        // the next command takes over what remains: the work is done, and a failed release must not report it as failed
      }
      await visible.release().catch(() => undefined)
      if (transient) removeLockFile(fd, place.lock)
      fs.closeSync(fd)
    },
  }
}

/** Removes the lock file while it is still locked, unless the path names another file. Never throws. */
function removeLockFile(fd: number, path: string): void {
  try {
    if (isFileAt(fd, path)) removeFile(path)
  } catch {
    // an empty lock file that remains is harmless
  }
}
