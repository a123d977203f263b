/**
 * The durable primitives under everything on disk: synchronous, so that the order of operations is the order of the code.
 * Invariants: only ENOENT means absent; a failed fsync is final and never tried again; modes do not depend on the umask.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AppError, type Changed } from '../base/errors.js'
import { epochOf, type Instant } from '../base/time.js'
import { fileDamaged, isCorrupt } from './damage.js'

export type FileOperation =
  | 'read'
  | 'list'
  | 'stat'
  | 'create'
  | 'write'
  | 'sync'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'syncDir'

const READ_LIMIT = 256 * 1024 * 1024

let hook: ((operation: FileOperation, path: string) => void) | undefined

/** Called before each operation; what it throws is taken for that operation's failure. For tests: fail or die at the n-th. */
export function onFileOperation(next: ((operation: FileOperation, path: string) => void) | undefined): void {
  hook = next
}

/** The errno name of a failure of this module, or of Node's own. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof AppError) {
    const details = error.details as { readonly errno?: unknown } | null
    return typeof details?.errno === 'string' ? details.errno : undefined
  }
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** What failed, of an error of this module. */
export function operationOf(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.kind !== 'io') return undefined
  const { operation } = error.details as { readonly operation?: unknown }
  return typeof operation === 'string' ? operation : undefined
}

/** Did a file that was growing go away before it had its name? The temporary folder is emptied by each new holder of the lock. */
export function isTempGone(error: unknown): boolean {
  const operation = operationOf(error)
  return errnoOf(error) === 'ENOENT' && (operation === 'link' || operation === 'rename')
}

function codeOf(errno: string): string {
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'io-no-space'
  if (errno === 'EACCES' || errno === 'EPERM') return 'io-denied'
  return errno === 'EROFS' ? 'io-read-only' : 'io-failed'
}

const HINTS: Readonly<Record<string, string>> = {
  'io-no-space': 'free some space and run the command again',
  'io-denied': 'run as the owner of the data directory, or mend its modes',
  'io-read-only': 'remount the file system for writing (see dmesg for why it went read-only)',
  'io-failed': 'see dmesg for the cause; a damaged disk wants a restore from backup',
}

/** An `io` error that names file, operation and cause. `bytes` is what the write would have needed. */
export function ioError(
  operation: FileOperation,
  path: string,
  cause: unknown,
  init: { bytes?: number; changed?: Changed } = {},
): AppError {
  const errno = errnoOf(cause) ?? 'EIO'
  const code = codeOf(errno)
  const need = code === 'io-no-space' && init.bytes !== undefined ? `, ${init.bytes} bytes needed` : ''
  const details = { path, errno, operation, ...(init.bytes === undefined ? {} : { bytes: init.bytes }) }
  return new AppError('io', code, `${path}: ${operation} failed: ${errno}${need}`, {
    hint: HINTS[code] ?? '',
    details,
    changed: init.changed ?? 'no',
    retry: code === 'io-no-space',
    cause,
  })
}

function attempt<T>(operation: FileOperation, path: string, run: () => T, bytes?: number): T {
  try {
    hook?.(operation, path)
    return run()
  } catch (error) {
    throw ioError(operation, path, error, bytes === undefined ? {} : { bytes })
  }
}

/** The bytes of a regular file; undefined only when there is none. A link, a FIFO, more than `limit` bytes: `file-damaged`, since the disk is well. */
export function readIfThere(path: string, limit = READ_LIMIT): Uint8Array | undefined {
  let fd: number | undefined
  try {
    hook?.('read', path)
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) throw fileDamaged(path, 'not a regular file')
    if (stat.size > limit) throw fileDamaged(path, `larger than ${limit} bytes`)
    const bytes = fs.readFileSync(fd)
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    if (errnoOf(error) === 'ELOOP') throw fileDamaged(path, 'a symbolic link')
    throw isCorrupt(error) ? error : ioError('read', path, error)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** What lies at the path itself, undefined when nothing does. */
export function statIfThere(path: string): fs.BigIntStats | undefined {
  try {
    hook?.('stat', path)
    return fs.lstatSync(path, { bigint: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw ioError('stat', path, error)
  }
}

export function exists(path: string): boolean {
  return statIfThere(path) !== undefined
}

/** Names in a folder, sorted; none when the folder is not there. */
export function listDir(path: string): readonly string[] {
  try {
    hook?.('list', path)
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

export interface WriteOptions {
  readonly mode?: number
  /** Time of modification; the present when not given. */
  readonly dated?: Instant
  /** Folder for the file while it grows; the place itself when not given. */
  readonly temp?: string
}

/** Inode and birth of a file or folder as text: a copy has others. */
export interface Identity {
  readonly inode: string
  /** Nanoseconds; 0 where the file system does not say. */
  readonly birth: string
}

/** The bytes of a file, or what makes them once the file knows which one it is. */
export type Content = Uint8Array | ((self: Identity) => Uint8Array)

function identityOf(stat: fs.BigIntStats): Identity {
  return { inode: String(stat.ino), birth: String(stat.birthtimeNs) }
}

/** The identity of what lies there; undefined when nothing does. */
export function identityAt(path: string): Identity | undefined {
  const stat = statIfThere(path)
  return stat === undefined ? undefined : identityOf(stat)
}

/** A whole, synced file under a passing name in `folder`; returns its path. Nothing is left when it fails. */
function writeTemp(path: string, content: Content, options: WriteOptions, sync: boolean): string {
  const temp = join(options.temp ?? dirname(path), `.tmp-${basename(path)}-${randomBytes(6).toString('hex')}`)
  const mode = options.mode ?? 0o600
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW
  const fd = attempt('create', temp, () => fs.openSync(temp, flags, mode), content.length)
  try {
    const bytes = typeof content === 'function' ? content(identityOf(fs.fstatSync(fd, { bigint: true }))) : content
    attempt(
      'write',
      temp,
      () => {
        fs.fchmodSync(fd, mode)
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done)
        if (options.dated !== undefined) fs.futimesSync(fd, epochOf(options.dated), epochOf(options.dated))
      },
      bytes.length,
    )
    if (sync) attempt('sync', temp, () => fs.fsyncSync(fd), bytes.length)
    fs.closeSync(fd)
    return temp
  } catch (error) {
    dropQuietly(() => fs.closeSync(fd))
    dropQuietly(() => fs.unlinkSync(temp))
    throw error
  }
}

function dropQuietly(run: () => void): void {
  try {
    run()
  } catch {
    // the failure that brought us here is the one to report; the leftover is cleaned by the next lock holder
  }
}

/** Gives `path` to the file at `temp`, unless the name is taken: false then. */
function linkNew(temp: string, path: string): boolean {
  return attempt('link', path, () => {
    try {
      fs.linkSync(temp, path)
      return true
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      // NFS may answer EEXIST to the retransmission of a link that it made
      const [ours, theirs] = [fs.lstatSync(temp, { bigint: true }), fs.lstatSync(path, { bigint: true })]
      return ours.ino === theirs.ino && ours.dev === theirs.dev
    }
  })
}

/** Creates a file whole and synced by an exclusive link; false, and nothing changed, when the name is taken. The caller syncs the folder. */
export function writeNew(path: string, bytes: Uint8Array, options: WriteOptions = {}): boolean {
  const temp = writeTemp(path, bytes, options, true)
  try {
    return linkNew(temp, path)
  } finally {
    dropQuietly(() => {
      hook?.('unlink', temp)
      fs.unlinkSync(temp)
    })
  }
}

/** Puts a file whole in the place of another. `sync: false` is for caches alone. The caller syncs the folder. */
export function replaceFile(
  path: string,
  content: Content,
  options: WriteOptions & { readonly sync?: boolean } = {},
): void {
  const temp = writeTemp(path, content, options, options.sync ?? true)
  moveTemp(temp, path)
}

/** A file that matters to nobody after this process: no passing name, no sync; what had the name goes first, so no link is followed. */
export function writePassing(path: string, bytes: Uint8Array): void {
  removeFile(path)
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW
  const write = (): void => {
    const fd = fs.openSync(path, flags, 0o600)
    try {
      fs.writeSync(fd, bytes)
    } finally {
      fs.closeSync(fd)
    }
  }
  attempt('create', path, write, bytes.length)
}

/** Gives a second name to a file, unless that name is taken or the file system does not do so. The caller syncs the folder. */
export function linkFile(target: string, path: string): 'made' | 'taken' | 'refused' {
  return attempt('link', path, () => {
    try {
      fs.linkSync(target, path)
      return 'made'
    } catch (error) {
      const errno = errnoOf(error) ?? ''
      if (errno === 'EEXIST') return 'taken'
      if (['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(errno)) return 'refused'
      throw error
    }
  })
}

/** Gives a second name to a file, in the place of what had that name. The caller syncs the folder. */
export function replaceLink(target: string, path: string, temp: string): void {
  const passing = join(temp, `.tmp-${basename(path)}-${randomBytes(6).toString('hex')}`)
  attempt('link', passing, () => fs.linkSync(target, passing))
  moveTemp(passing, path)
}

function moveTemp(temp: string, path: string): void {
  try {
    attempt('rename', path, () => fs.renameSync(temp, path))
    // rename of two names of one file does nothing and leaves both
    dropQuietly(() => fs.unlinkSync(temp))
  } catch (error) {
    dropQuietly(() => fs.unlinkSync(temp))
    throw error
  }
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
