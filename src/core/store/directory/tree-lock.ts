/**
 * The lock of a whole tree, for commands that create a data directory or rename it. It is a file beside the directory, `.<name>.brine-lock`,
 * since a lock file inside would be renamed with it. The write lock is taken after it.
 * Invariant: where the folder above is not writable, and so the directory cannot be renamed, the lock file is inside of it.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../../base/errors.js'
import { listDir, makeDirUnsynced, statIfExists } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
import { acquireLock, type Lock, type LockPlace, type LockRequest } from './lock.js'
import { formatLockOwner, isOwnerDead, readLockOwner } from './lock-owner.js'

export type TreeLockRequest = Omit<LockRequest, 'name' | 'transient'>

/** Attempts, where another command removes the folder above because it has made it and failed. */
const ATTEMPTS = 5

/**
 * Runs `work` under the lock of the tree at `dir`, which may be missing. Missing folders above it are made, and removed again if they are empty
 * in the end. A path that cannot be locked because it cannot be a directory is left to `work`. Throws `locked`, `io`.
 */
export async function withTreeLock<T>(dir: string, request: TreeLockRequest, work: () => Promise<T>): Promise<T> {
  const path = realPathOf(dir)
  if (path === undefined) return work()
  const made: string[] = []
  let held: HeldTree | undefined
  const cleanUp = (): void => {
    if (held !== undefined) removeLockFiles(held.place)
    removeEmpty(made)
  }
  process.once('exit', cleanUp)
  try {
    held = await lockTree(path, request, made)
    return await work()
  } finally {
    process.removeListener('exit', cleanUp)
    await held?.lock.release()
    removeEmpty(made)
  }
}

interface HeldTree {
  readonly place: LockPlace
  readonly lock: Lock
}

/** Throws `locked` if another command is creating or replacing the directory at this moment. */
export function refuseWhileReplaced(dir: string): void {
  const path = realPathOf(dir)
  if (path === undefined) return
  const owner = [beside(path), inside(path)]
    .map((place) => readLockOwner(place.lockOwnerFile))
    .find((found) => found !== undefined && !isOwnerDead(found) && found.pid !== process.pid)
  if (owner === undefined) return
  throw new AppError('locked', 'locked', `${dir} is being created or replaced by ${formatLockOwner(owner)}`, {
    hint: 'run the command again when it has ended',
    retry: true,
    retryAfter: 1,
    details: { pid: owner.pid, host: owner.host, command: owner.command, since: owner.since },
  })
}

/** Returns the newest directory that a restore kept beside a missing one; undefined if there is none. */
export function replacedBeside(dir: string): string | undefined {
  const path = realPathOf(dir)
  if (path === undefined || identityOf(path) !== undefined || identityOf(dirname(path)) === undefined) return undefined
  const kept = listDir(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.replaced-`))
  const newest = kept.at(-1)
  return newest === undefined ? undefined : join(dirname(path), newest)
}

/** Device, inode and owner of a directory. */
export type Identity = Pick<fs.BigIntStats, 'dev' | 'ino' | 'uid'>

/** Returns the identity of a directory, by which a replaced one is recognised; undefined if it is missing. Follows links. Throws `io`. */
export function identityOf(dir: string): Identity | undefined {
  try {
    const { dev, ino, uid } = fs.statSync(dir, { bigint: true })
    return { dev, ino, uid }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined
    throw ioError('stat', dir, error)
  }
}

/** Throws `data-dir-replaced` (locked) unless this is still the directory with that identity. */
export function refuseReplaced(dir: string, expected: Identity | undefined): void {
  const now = identityOf(dir)
  if (now?.ino === expected?.ino && now?.dev === expected?.dev) return
  const what = expected === undefined ? 'created' : 'replaced'
  throw new AppError('locked', 'data-dir-replaced', `${dir} was ${what} by another command while this one waited`, {
    hint: what === 'created' ? 'brine status' : 'run the command again; what was replaced is kept beside it',
    retry: true,
    retryAfter: 1,
    details: { path: dir },
  })
}

async function lockTree(path: string, request: TreeLockRequest, made: string[]): Promise<HeldTree | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      makeParents(dirname(path), made)
      const place = placeOf(path)
      const name = `the lock of ${path}`
      if (place === undefined) return undefined
      return { place, lock: await acquireLock(place, { ...request, name, transient: true }) }
    } catch (error) {
      if (isUnusable(error)) return undefined
      if (errnoOf(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error
    }
  }
}

/** Returns true for a path that cannot be a directory: the command has a message for that. */
function isUnusable(error: unknown): boolean {
  return ['ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')
}

function placeOf(path: string): LockPlace | undefined {
  if (isWritable(dirname(path))) return beside(path)
  return isWritable(path) ? inside(path) : undefined
}

function inside(path: string): LockPlace {
  return placeAt(path, '.lock-tree')
}

function beside(path: string): LockPlace {
  return placeAt(dirname(path), `.${basename(path)}.brine-lock`)
}

function placeAt(dir: string, name: string): LockPlace {
  const lock = join(dir, name)
  return { dir, lock, lockFolder: `${lock}.d`, lockOwnerFile: `${lock}-owner` }
}

function isWritable(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Returns the path without links, also of a directory that is missing; undefined where it has no folder above. */
function realPathOf(dir: string): string | undefined {
  const path = resolve(dir)
  if (dir === '' || dirname(path) === path) return undefined
  try {
    const real = fs.realpathSync(path)
    return dirname(real) === real ? undefined : real
  } catch {
    const above = realPathOf(dirname(path)) ?? dirname(path)
    return join(above, basename(path))
  }
}

/** Makes a folder and its missing parents, and puts those that it made in front of `made`. */
function makeParents(path: string, made: string[]): void {
  if (statIfExists(path) !== undefined) return
  if (dirname(path) !== path) makeParents(dirname(path), made)
  if (makeDirUnsynced(path, 0o711)) made.unshift(path)
}

/** Removes the files of a lock that this process holds, when it exits. */
function removeLockFiles({ lock, lockFolder, lockOwnerFile }: LockPlace): void {
  for (const path of [lockOwnerFile, lockFolder, lock]) fs.rmSync(path, { recursive: true, force: true })
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) fs.rmdirSync(folder)
  } catch {
    // one that is used is kept, and so are those above it
  }
}
