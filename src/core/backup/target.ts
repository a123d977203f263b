/**
 * Writes a backup to a new file, to a new file in a folder, or to standard output. Invariants: no file is overwritten; a file with the name of
 * a backup is complete and synced to disk.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../base/errors.js'
import { statIfExists, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { isBackupName } from './catalog.js'
import type { Bytes } from './encryption.js'
import { partialName, removeAbandonedPartials } from './partial-files.js'
import { removeTreeOnExit } from './scratch.js'

export interface BackupTarget {
  /** The file to be written, unless another backup takes its name meanwhile; `-` for standard output. */
  readonly file: string
  /** Writes all bytes and returns the name and size of the file. On failure nothing remains. Throws `io`, `file-exists` (usage). */
  write(bytes: Bytes, needed: number): Promise<WrittenFile>
}

interface WrittenFile {
  readonly file: string
  readonly size: number
}

/**
 * Returns the target for `path`: a file, a folder in which the file is named `name`, or `-`. A target inside one of `sources` is refused, since
 * the backup would be lost together with what it backs up.
 * Throws `file-exists`, `folder-missing`, `stdout-terminal`, `backup-inside` (usage).
 */
export function backupTarget(path: string, name: string, sources: readonly string[]): BackupTarget {
  if (path === '-') return standardOutput()
  const stat = statIfExists(path.replace(/(?<=.)\/+$/, ''))
  const isFolder = stat !== undefined && fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder && path.endsWith('/')) throw folderNotFound(path)
  const file = isFolder ? freeName(resolve(path), name) : resolve(path)
  if (statIfExists(file) !== undefined) throw fileExists(file)
  if (statIfExists(dirname(file)) === undefined) throw folderNotFound(dirname(file))
  assertOutside(file, sources)
  const nextName = isFolder ? () => freeName(resolve(path), name) : undefined
  return { file, write: (bytes, needed) => writeAtomically(file, bytes, { needed, nextName }) }
}

function fileExists(file: string): AppError {
  return new AppError('usage', 'file-exists', `${file} exists already and is not overwritten`, {
    hint: 'name a new file, or a folder',
  })
}

function assertOutside(file: string, sources: readonly string[]): void {
  const folder = `${fs.realpathSync(dirname(file))}/`
  const source = sources.find((dir) => statIfExists(dir) !== undefined && folder.startsWith(`${fs.realpathSync(dir)}/`))
  if (source === undefined) return
  throw new AppError('usage', 'backup-inside', `${file} is inside ${source}, and would be lost or served with it`, {
    hint: 'choose a place outside, preferably on another machine',
  })
}

/** Returns a name that is not taken: of two backups of the same second the later one gets a number. */
function freeName(folder: string, name: string): string {
  const [stem = name] = name.split('.tar')
  const candidate = (n: number): string => join(folder, n === 1 ? name : name.replace(stem, `${stem}-${n}`))
  let n = 1
  while (statIfExists(candidate(n)) !== undefined) n += 1
  return candidate(n)
}

function folderNotFound(path: string): AppError {
  return new AppError('usage', 'folder-missing', `folder ${path} does not exist`, { hint: `mkdir -p ${path}` })
}

interface WriteOptions {
  /** Bytes needed, for the message when the disk is full. */
  readonly needed: number
  /** Returns the next free name when another backup took this one meanwhile; undefined if the caller named the file. */
  readonly nextName: (() => string) | undefined
}

/** Writes to a temporary file in the same folder, syncs it, and links it into place, so that no file is overwritten. */
async function writeAtomically(file: string, bytes: Bytes, { needed, nextName }: WriteOptions): Promise<WrittenFile> {
  const temp = partialName(file)
  removeAbandonedPartials(dirname(file), (of) => of === basename(file) || isBackupName(of))
  const unregister = removeTreeOnExit(temp)
  let fd: number | undefined
  try {
    fd = fs.openSync(temp, 'wx', 0o600)
    let length = 0
    for await (const chunk of bytes) {
      for (let done = 0; done < chunk.length; ) done += fs.writeSync(fd, chunk, done, chunk.length - done)
      length += chunk.length
    }
    fs.fsyncSync(fd)
    const linked = linkIntoPlace(temp, file, nextName)
    syncDir(dirname(file))
    return { file: linked, size: length }
  } catch (error) {
    if (fd !== undefined) fs.rmSync(temp, { force: true })
    throw isSystemError(error) ? ioError('write', file, error, { bytes: needed }) : error
  } finally {
    unregister()
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Returns true for an error of the operating system that is not an AppError yet. */
function isSystemError(error: unknown): boolean {
  return !(error instanceof AppError) && /^E[A-Z0-9]+$/.test(errnoOf(error) ?? '')
}

/** Links the file into place, which never overwrites; renames it on file systems without hard links, such as those of removable disks. */
function linkIntoPlace(temp: string, file: string, nextName: WriteOptions['nextName']): string {
  try {
    fs.linkSync(temp, file)
    fs.unlinkSync(temp)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      if (nextName === undefined) throw fileExists(file)
      return linkIntoPlace(temp, nextName(), nextName)
    }
    if (
      !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errnoOf(error) ?? '') ||
      statIfExists(file) !== undefined
    )
      throw error
    fs.renameSync(temp, file)
  }
  return file
}

function standardOutput(): BackupTarget {
  if (process.stdout.isTTY === true)
    throw new AppError('usage', 'stdout-terminal', 'a backup is not written to a terminal', {
      hint: 'redirect standard output, or name a file',
    })
  return {
    file: '-',
    async write(bytes) {
      let length = 0
      for await (const chunk of bytes) {
        await writeChunk(chunk)
        length += chunk.length
      }
      return { file: '-', size: length }
    },
  }
}

/** Writes to standard output. Throws `io` also for EPIPE: a reader that closed the pipe early has no complete backup. */
function writeChunk(chunk: Uint8Array): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    process.stdout.write(chunk, (cause) => {
      if (cause === null || cause === undefined) resolvePromise()
      else reject(ioError('write', 'standard output', cause))
    })
  })
}
