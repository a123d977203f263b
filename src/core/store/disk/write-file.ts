/**
 * Whole files into their place: written beside it, synced, then linked or renamed.
 * Invariants: a name never shows half a file; nothing is left when it fails; links are not followed.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { epochOf, type Instant } from '../../base/time.js'
import { removeFile, statIfExists } from './fs.js'
import { attempt, errnoOf, notifyHook } from './io-error.js'

export interface WriteOptions {
  readonly mode?: number
  /** Time of modification; the present when not given. */
  readonly dated?: Instant
  /** Folder for the file while it grows; the place itself when not given. */
  readonly temp?: string
}

/** Inode and birth of a file or folder as text: a copy has others. */
export interface FileIdentity {
  readonly inode: string
  /** Nanoseconds; 0 where the file system does not say. */
  readonly birth: string
}

/** The bytes of a file, or what makes them once the file knows which one it is. */
export type Content = Uint8Array | ((self: FileIdentity) => Uint8Array)

function identityOf(stat: fs.BigIntStats): FileIdentity {
  return { inode: String(stat.ino), birth: String(stat.birthtimeNs) }
}

/** The identity of what lies there; undefined when nothing does. */
export function identityOfPath(path: string): FileIdentity | undefined {
  const stat = statIfExists(path)
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
    ignoreErrors(() => fs.closeSync(fd))
    ignoreErrors(() => fs.unlinkSync(temp))
    throw error
  }
}

function ignoreErrors(run: () => void): void {
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
  return linkStaged(stageFile(path, bytes, options), path)
}

/** A whole, synced file under a passing name, which `placeNew` may give its own later; returns where it lies. */
export function stageFile(path: string, bytes: Uint8Array, options: WriteOptions): string {
  return writeTemp(path, bytes, options, true)
}

/** Gives a file of `writeAside` its name; false, and nothing changed, when that is taken. The passing name goes. The caller syncs the folder. */
export function linkStaged(temp: string, path: string): boolean {
  try {
    return linkNew(temp, path)
  } finally {
    ignoreErrors(() => {
      notifyHook('unlink', temp)
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
export function writeUnsynced(path: string, bytes: Uint8Array): void {
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
    ignoreErrors(() => fs.unlinkSync(temp))
  } catch (error) {
    ignoreErrors(() => fs.unlinkSync(temp))
    throw error
  }
}
