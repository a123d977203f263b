/**
 * Where a backup comes from and goes to: a file, standard input, a new file that has its name only when it is whole, standard output.
 * Invariant: nothing is overwritten, and a file of a backup's name is a whole backup that is on the disk.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../base/errors.js'
import { statIfExists, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { isBackupName } from './catalog.js'
import { partialOf, sweepPartials } from './partial-files.js'
import type { Bytes } from './seal.js'
import { dropOnExit } from './tree.js'

const CHUNK = 256 * 1024

/** The bytes of a file, `-` is standard input. Throws `file-unreadable` (usage), also for what is no file: a FIFO would keep it waiting for ever. */
export async function* readSource(path: string): AsyncGenerator<Uint8Array> {
  try {
    if (path !== '-') refuseSpecial(path)
    const stream = path === '-' ? process.stdin : fs.createReadStream(path, { highWaterMark: CHUNK })
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const errno = errnoOf(cause) ?? 'EIO'
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { cause, details: { path, errno } })
  }
}

/** What another process has open for this one already does not wait. */
const HANDED_OVER = /^\/dev\/(?:stdin|fd\/\d+)$/

function refuseSpecial(path: string): void {
  const stat = fs.statSync(path)
  if (stat.isFile() || stat.isDirectory() || HANDED_OVER.test(path)) return
  const what = stat.isFIFO() ? 'a FIFO' : stat.isSocket() ? 'a socket' : 'a device'
  throw new AppError('usage', 'file-unreadable', `cannot read ${path}: it is ${what}, not a file`, {
    hint: 'what comes through a pipe is read from standard input: give -',
    details: { path },
  })
}

export function sourceName(path: string): string {
  return path === '-' ? 'standard input' : path
}

export interface Target {
  /** The file that will be, if nobody takes its name meanwhile; `-` for standard output. */
  readonly file: string
  /** Writes all of it; returns the file that it became, and its bytes. Throws `io`, `file-exists` (usage), and leaves nothing then. */
  write(bytes: Bytes, needed: number): Promise<Written>
}

interface Written {
  readonly file: string
  readonly size: number
}

/**
 * A target for `name` in a folder, for a file, or for `-`; never inside `sources`, which would be lost together with their backup.
 * Throws `file-exists`, `folder-missing`, `stdout-terminal`, `backup-inside` (usage).
 */
export function backupTarget(path: string, name: string, sources: readonly string[]): Target {
  if (path === '-') return standardOutput()
  const there = statIfExists(path.replace(/(?<=.)\/+$/, ''))
  const isFolder = there !== undefined && fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder && path.endsWith('/')) throw noFolder(path)
  const file = isFolder ? freeName(resolve(path), name) : resolve(path)
  if (statIfExists(file) !== undefined) throw fileExists(file)
  if (statIfExists(dirname(file)) === undefined) throw noFolder(dirname(file))
  refuseInside(file, sources)
  const another = isFolder ? () => freeName(resolve(path), name) : undefined
  return { file, write: (bytes, needed) => writeWhole(file, bytes, { needed, another }) }
}

function fileExists(file: string): AppError {
  return new AppError('usage', 'file-exists', `${file} exists already: nothing is overwritten`, {
    hint: 'name a new file, or a folder',
  })
}

function refuseInside(file: string, sources: readonly string[]): void {
  const folder = `${fs.realpathSync(dirname(file))}/`
  const source = sources.find((dir) => statIfExists(dir) !== undefined && folder.startsWith(`${fs.realpathSync(dir)}/`))
  if (source === undefined) return
  throw new AppError('usage', 'backup-inside', `${file} lies in ${source}, and would be lost or served with it`, {
    hint: 'name a place outside, best on another machine',
  })
}

/** Two backups of one second: the later one gets a number. */
function freeName(folder: string, name: string): string {
  const [stem = name] = name.split('.tar')
  const taken = (n: number): string => join(folder, n === 1 ? name : name.replace(stem, `${stem}-${n}`))
  let n = 1
  while (statIfExists(taken(n)) !== undefined) n += 1
  return taken(n)
}

function noFolder(path: string): AppError {
  return new AppError('usage', 'folder-missing', `there is no folder ${path}`, { hint: `mkdir -p ${path}` })
}

interface Naming {
  readonly needed: number
  /** Where another backup took the name meanwhile: the next one that is free. */
  readonly another: (() => string) | undefined
}

/** Grows under a passing name beside its place; linked into place when it is synced, so that nothing is overwritten. */
async function writeWhole(file: string, bytes: Bytes, { needed, another }: Naming): Promise<Written> {
  const temp = partialOf(file)
  sweepPartials(dirname(file), (of) => of === basename(file) || isBackupName(of))
  const settled = dropOnExit(temp)
  let fd: number | undefined
  try {
    fd = fs.openSync(temp, 'wx', 0o600)
    let length = 0
    for await (const chunk of bytes) {
      for (let done = 0; done < chunk.length; ) done += fs.writeSync(fd, chunk, done, chunk.length - done)
      length += chunk.length
    }
    fs.fsyncSync(fd)
    const named = name(temp, file, another)
    syncDir(dirname(file))
    return { file: named, size: length }
  } catch (error) {
    if (fd !== undefined) fs.rmSync(temp, { force: true })
    throw isOfSystem(error) ? ioError('write', file, error, { bytes: needed }) : error
  } finally {
    settled()
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Not a fault of this program, and not told already. */
function isOfSystem(error: unknown): boolean {
  return !(error instanceof AppError) && /^E[A-Z0-9]+$/.test(errnoOf(error) ?? '')
}

/** By link, which overwrites nothing; by rename where the file system of a removable disk knows no links. */
function name(temp: string, file: string, another: Naming['another']): string {
  try {
    fs.linkSync(temp, file)
    fs.unlinkSync(temp)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      if (another === undefined) throw fileExists(file)
      return name(temp, another(), another)
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

function standardOutput(): Target {
  if (process.stdout.isTTY === true)
    throw new AppError('usage', 'stdout-terminal', 'a backup is not written to a terminal', {
      hint: 'redirect standard output, or name a file',
    })
  return {
    file: '-',
    async write(bytes) {
      let length = 0
      for await (const chunk of bytes) {
        await written(chunk)
        length += chunk.length
      }
      return { file: '-', size: length }
    },
  }
}

/** A reader who went away has no backup: that is a failure here, whatever it is for a report. */
function written(chunk: Uint8Array): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    process.stdout.write(chunk, (cause) => {
      if (cause === null || cause === undefined) resolvePromise()
      else reject(ioError('write', 'standard output', cause))
    })
  })
}
