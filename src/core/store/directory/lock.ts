/**
 * One writer: a kernel lock decides, proper-lockfile above it shows the lock to other hosts, the owner file is for messages.
 * Invariants: a lock whose owner died costs the next nothing; a lock whose owner lives, however slow, is never taken.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { AppError } from '../../base/errors.js'
import { moveFile, removeFile, statIfExists } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
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

export interface LockRequest {
  /** Seconds to wait. */
  readonly timeout: number
  readonly command: string
  /** Said in the owner file, so that whoever waits knows. */
  readonly long: boolean
  readonly warn: (text: string) => void
}

export interface Lock {
  /** Throws `lock-lost` when somebody else took it. */
  check(): void
  /** Never throws. */
  release(): Promise<void>
}

export type Locker = (layout: Layout, request: LockRequest) => Promise<Lock>

const STALE_MS = 60_000
const CONFLICT = 75

/** Loads what taking the lock wants while this process waits for something else: 3 ms that nobody notices. */
export function preloadLock(): void {
  setImmediate(() => void import('proper-lockfile').catch(() => undefined)).unref()
}

/** Takes the lock. Throws `locked` when the time is over, `io` when the place of the lock is not usable. */
export const acquireLock: Locker = async (layout, request) => {
  const deadline = monotonic() + request.timeout
  const fd = await kernelLock(layout, request, deadline)
  try {
    const owner = newLockOwner(randomBytes(16).toString('hex'), request.command, request.long)
    const shown = await showLock(layout, request, owner, fd.locked, deadline)
    return heldLock(layout, owner, fd.fd, shown)
  } catch (error) {
    fs.closeSync(fd.fd)
    throw error
  }
}

/** Seconds on a clock that nobody sets. */
function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n) / 1000
}

function lockedBy(layout: Layout, timeout: number): AppError {
  const owner = readLockOwner(layout.lockOwnerFile)
  const who = owner === undefined ? 'another command' : formatLockOwner(owner)
  return new AppError('locked', 'locked', `held by ${who}; waited ${timeout} s`, {
    hint: 'wait for it to end, or raise --lock-timeout',
    retry: true,
    retryAfter: 1,
    details:
      owner === undefined ? {} : { pid: owner.pid, host: owner.host, command: owner.command, since: owner.since },
  })
}

function placeRefused(path: string, what: string): AppError {
  return new AppError('io', 'lock-place-refused', `${path}: ${what} where the lock belongs`, {
    hint: `look at ${path} and remove it`,
    details: { path, errno: 'EFTYPE', operation: 'create' },
  })
}

async function kernelLock(
  layout: Layout,
  request: LockRequest,
  deadline: number,
): Promise<{ fd: number; locked: boolean }> {
  for (;;) {
    const fd = openLockFile(layout.lock)
    try {
      const answer = await flock(fd, Math.max(0, deadline - monotonic()))
      if (answer === 'busy') throw lockedBy(layout, request.timeout)
      if (answer === 'absent')
        request.warn(
          'flock(1) is not here: the lock is a lock file alone, and a lock of a dead host ends after a minute',
        )
      if (answer === 'absent' || isStill(fd, layout.lock)) return { fd, locked: answer === 'locked' }
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    fs.closeSync(fd)
  }
}

function openLockFile(path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  let fd: number
  try {
    fd = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw placeRefused(path, 'a symbolic link lies')
    if (errnoOf(error) === 'EISDIR') throw placeRefused(path, 'a folder lies')
    throw ioError('create', path, error)
  }
  if (fs.fstatSync(fd).isFile()) return fd
  fs.closeSync(fd)
  throw placeRefused(path, 'something that is no file lies')
}

/** Does the path still name the file that we locked? */
function isStill(fd: number, path: string): boolean {
  const there = statIfExists(path)
  const ours = fs.fstatSync(fd, { bigint: true })
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

/** flock(1) locks the open file that it shares with us; it stays locked until we close it or die. */
async function flock(fd: number, seconds: number): Promise<'locked' | 'busy' | 'absent'> {
  const exit = await run(['-x', '-w', seconds.toFixed(3), '-E', String(CONFLICT), '3'], fd)
  if (exit === 'absent') return 'absent'
  if (exit === 0) return 'locked'
  if (exit === CONFLICT) return 'busy'
  // a small flock (busybox) knows neither -w nor -E
  const deadline = monotonic() + seconds
  for (;;) {
    if ((await run(['-x', '-n', '3'], fd)) === 0) return 'locked'
    if (monotonic() >= deadline) return 'busy'
    await pause(200)
  }
}

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

interface ShownLock {
  readonly compromised: () => boolean
  readonly release: () => Promise<void>
}

/** The lock that other hosts see. What a dead command of this host left is taken over at once: the kernel lock proves that it is dead. */
async function showLock(
  layout: Layout,
  request: LockRequest,
  owner: LockOwner,
  proven: boolean,
  deadline: number,
): Promise<ShownLock> {
  const { default: lockfile } = await import('proper-lockfile')
  let compromised = false
  for (;;) {
    takeOver(layout, proven)
    const free = statIfExists(layout.lockFolder) === undefined
    if (free) writeLockOwner(layout.lockOwnerFile, owner)
    try {
      const release = await lockfile.lock(layout.dir, {
        lockfilePath: layout.lockFolder,
        stale: STALE_MS,
        update: 5000,
        realpath: false,
        retries: 0,
        // it writes a property of its own into the module it is given
        fs: { ...fs },
        onCompromised: () => {
          compromised = true
        },
      })
      if (!free) writeLockOwner(layout.lockOwnerFile, owner)
      return { compromised: () => compromised, release }
    } catch (error) {
      if (errnoOf(error) !== 'ELOCKED')
        throw error instanceof AppError ? error : ioError('mkdir', layout.lockFolder, error)
    }
    if (monotonic() >= deadline) throw lockedBy(layout, request.timeout)
    await pause(Math.min(250, Math.max(1, (deadline - monotonic()) * 1000)))
  }
}

/** Removes the lock folder of an owner who is dead by proof; by rename, so that one of several wins. */
function takeOver(layout: Layout, proven: boolean): void {
  const there = statIfExists(layout.lockFolder)
  if (there === undefined) return
  if (!there.isDirectory()) throw placeRefused(layout.lockFolder, 'something that is no folder lies')
  const owner = readLockOwner(layout.lockOwnerFile)
  const dead = owner === undefined ? proven : isSameHost(owner) && (proven || isOwnerDead(owner))
  if (!dead) return
  const aside = `${layout.lockFolder}-${randomBytes(6).toString('hex')}`
  if (moveFile(layout.lockFolder, aside)) fs.rmSync(aside, { recursive: true, force: true })
}

function heldLock(layout: Layout, owner: LockOwner, fd: number, shown: ShownLock): Lock {
  return {
    check() {
      const seen = readLockOwner(layout.lockOwnerFile)
      if (!shown.compromised() && seen?.token === owner.token && isStill(fd, layout.lock)) return
      const who = seen === undefined || seen.token === owner.token ? 'somebody' : formatLockOwner(seen)
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
    async release() {
      try {
        if (readLockOwner(layout.lockOwnerFile)?.token === owner.token) removeFile(layout.lockOwnerFile)
      } catch {
        // what is left is taken over by the next command: the work is done, and letting go must not call it failed
      }
      await shown.release().catch(() => undefined)
      fs.closeSync(fd)
    },
  }
}
