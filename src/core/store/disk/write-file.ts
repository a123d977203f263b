/**
 * Atomic file writes: a file is written under a temporary name, synced, then linked or renamed to its final name.
 * Invariants: a final name never shows a partial file; a failed write leaves no temporary file; links are not followed.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { epochOf, type Instant } from '../../base/time.js'
import { removeFile, statIfExists } from './fs.js'
import { attempt, errnoOf, notifyHook } from './io-error.js'

export interface WriteOptions {
  readonly mode?: number
  /** Modification time; the current time by default. */
  readonly dated?: Instant
  /** Folder for the temporary file; the folder of the final name by default. */
  readonly temp?: string
}

/** Inode and birth time of a file or folder as text: a copy has other ones. */
export interface FileIdentity {
  readonly inode: string
  /** Nanoseconds; 0 if the file system does not report it. */
  readonly birth: string
}

/** Content of a file: its bytes, or a function that returns them for the identity of the new file. */
export type Content = Uint8Array | ((self: FileIdentity) => Uint8Array)

function identityOf(stat: fs.BigIntStats): FileIdentity {
  return { inode: String(stat.ino), birth: String(stat.birthtimeNs) }
}

/** Returns the identity of the file or folder at a path; undefined if it does not exist. Throws `io`. */
export function identityOfPath(path: string): FileIdentity | undefined {
  const stat = statIfExists(path)
  return stat === undefined ? undefined : identityOf(stat)
}

/** Writes a complete file under a temporary name and returns its path; `sync` makes it durable. Removes it on failure. Throws `io`. */
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
    // the first failure is the one to report; the next lock holder removes a temporary file that remains
  }
}

/** Links `path` to the file at `temp`; false if the name is taken. Throws `io`. */
function linkNew(temp: string, path: string): boolean {
  return attempt('link', path, () => {
    try {
      fs.linkSync(temp, path)
      return true
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      // NFS may answer EEXIST to the retransmission of a link request that succeeded
      const [ours, theirs] = [fs.lstatSync(temp, { bigint: true }), fs.lstatSync(path, { bigint: true })]
      return ours.ino === theirs.ino && ours.dev === theirs.dev
    }
  })
}

/**
 * Creates a complete, synced file by an exclusive link; false with nothing changed if the name is taken. The caller syncs the folder.
 * Throws `io`.
 */
export function writeNew(path: string, bytes: Uint8Array, options: WriteOptions = {}): boolean {
  return linkStaged(stageFile(path, bytes, options), path)
}

/** Writes a complete, synced file under a temporary name, for `linkStaged` to give it its final one; returns its path. Throws `io`. */
export function stageFile(path: string, bytes: Uint8Array, options: WriteOptions): string {
  return writeTemp(path, bytes, options, true)
}

/**
 * Gives a file of `stageFile` its final name and removes the temporary one; false with nothing changed if the name is taken. The caller
 * syncs the folder. Throws `io`.
 */
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

/** Replaces a file atomically. `sync: false` is only for caches. The caller syncs the folder. Throws `io`. */
export function replaceFile(
  path: string,
  content: Content,
  options: WriteOptions & { readonly sync?: boolean } = {},
): void {
  const temp = writeTemp(path, content, options, options.sync ?? true)
  moveTemp(temp, path)
}

/**
 * Writes a file that has no use after this process ends: without a temporary name and without a sync. The old file is removed first, so no
 * link is followed. Throws `io`.
 */
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

/**
 * Creates a hard link `path` to `target`; `taken` if the name exists, `refused` if the file system does not support the link. The caller
 * syncs the folder. Throws `io`.
 */
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

/**
 * Creates a hard link `path` to `target` and atomically replaces an existing file of that name. The caller syncs the folder. Throws `io`.
 */
export function replaceLink(target: string, path: string, temp: string): void {
  const temporary = join(temp, `.tmp-${basename(path)}-${randomBytes(6).toString('hex')}`)
  attempt('link', temporary, () => fs.linkSync(target, temporary))
  moveTemp(temporary, path)
}

/** Renames a temporary file to its final name; removes it on failure. */
function moveTemp(temp: string, path: string): void {
  try {
    attempt('rename', path, () => fs.renameSync(temp, path))
    // rename(2) between two names of one file does nothing and keeps both
    ignoreErrors(() => fs.unlinkSync(temp))
  } catch (error) {
    ignoreErrors(() => fs.unlinkSync(temp))
    throw error
  }
}

/**
 * Appends complete lines to a file that only the lock holder writes, durable on return. A part of a line at its end, left by a crash, is
 * removed first. The caller syncs the folder of a new file. Throws `io`.
 */
export function appendLines(path: string, bytes: Uint8Array): void {
  const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW
  const fd = attempt('create', path, () => fs.openSync(path, flags, 0o600), bytes.length)
  try {
    const write = (): void => {
      fs.fchmodSync(fd, 0o600)
      const end = endOfLines(fd)
      fs.ftruncateSync(fd, end)
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, end + done)
    }
    attempt('write', path, write, bytes.length)
    attempt('sync', path, () => fs.fsyncSync(fd), bytes.length)
  } finally {
    ignoreErrors(() => fs.closeSync(fd))
  }
}

/** Returns the length of a file up to and with its last newline. */
function endOfLines(fd: number): number {
  const block = Buffer.allocUnsafe(65536)
  for (let end = fs.fstatSync(fd).size; end > 0; ) {
    const start = Math.max(0, end - block.length)
    const length = fs.readSync(fd, block, 0, end - start, start)
    const at = block.subarray(0, length).lastIndexOf(10)
    if (at >= 0) return start + at + 1
    end = start
  }
  return 0
}
