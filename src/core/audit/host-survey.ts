/** Facts about folders and this process for `doctor`: access, sizes, inodes, times of change. Reads only, and throws nothing. */
import * as fs from 'node:fs'
import { join, relative, sep } from 'node:path'
import { errnoOf } from '../store/disk/io-error.js'

export interface FolderFacts {
  readonly uid: number
  readonly mode: number
  /** True if this user can list it, pass it, and write in it. */
  readonly canRead: boolean
  readonly canWrite: boolean
}

/** Returns the facts about a folder; the error code of the system if it cannot be looked at, `ENOTDIR` for a file. */
export function folderFacts(path: string): FolderFacts | string {
  try {
    const stat = fs.statSync(path)
    if (!stat.isDirectory()) return 'ENOTDIR'
    const can = (mode: number): boolean => isAllowed(path, mode)
    return {
      uid: stat.uid,
      mode: stat.mode & 0o7777,
      canRead: can(fs.constants.R_OK | fs.constants.X_OK),
      canWrite: can(fs.constants.W_OK | fs.constants.X_OK),
    }
  } catch (error) {
    return errnoOf(error) ?? 'unknown'
  }
}

function isAllowed(path: string, mode: number): boolean {
  try {
    fs.accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

export interface TreeSize {
  readonly files: number
  readonly bytes: number
}

/** Returns the number and the size of the files below a folder, those of one file with several names once; what cannot be read counts nothing. */
export function treeSize(folder: string, isSkipped: (path: string) => boolean = () => false): TreeSize {
  const seen = new Set<number>()
  const size = { files: 0, bytes: 0 }
  const open = [folder]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const entry of entries(next)) {
      const path = join(next, entry.name)
      if (entry.isDirectory() && !isSkipped(path)) open.push(path)
      const stat = entry.isFile() ? fs.lstatSync(path, { throwIfNoEntry: false }) : undefined
      if (stat === undefined || (stat.nlink > 1 && seen.has(stat.ino))) continue
      seen.add(stat.ino)
      size.files += 1
      size.bytes += stat.size
    }
  return size
}

/** Files of one folder of a data directory, with everything below. */
export interface FolderSummary extends TreeSize {
  /** Number of files and folders by mode (octal) and by owner. */
  readonly modes: Readonly<Record<string, number>>
  readonly owners: Readonly<Record<string, number>>
  /** Newest change in seconds since 1970. */
  readonly newest: number
}

/** Returns a summary by name of the first folder; '' for files beside them. Links are not followed. */
export function folderSummaries(dir: string): ReadonlyMap<string, FolderSummary> {
  const found = new Map<string, Mutable>()
  const open = [dir]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const entry of entries(next)) {
      const path = join(next, entry.name)
      const stat = fs.lstatSync(path, { throwIfNoEntry: false })
      if (stat === undefined) continue
      if (entry.isDirectory()) open.push(path)
      const first = next === dir ? (entry.isDirectory() ? entry.name : '') : (relative(dir, next).split(sep)[0] ?? '')
      const sum = found.get(first) ?? { files: 0, bytes: 0, modes: {}, owners: {}, newest: 0 }
      found.set(first, sum)
      const mode = (stat.mode & 0o7777).toString(8)
      sum.modes[mode] = (sum.modes[mode] ?? 0) + 1
      sum.owners[stat.uid] = (sum.owners[stat.uid] ?? 0) + 1
      sum.newest = Math.max(sum.newest, Math.floor(stat.mtimeMs / 1000))
      if (entry.isDirectory()) continue
      sum.files += 1
      sum.bytes += stat.size
    }
  return found
}

interface Mutable {
  files: number
  bytes: number
  modes: Record<string, number>
  owners: Record<string, number>
  newest: number
}

function entries(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

export interface FreeSpace {
  readonly bytes: number
  readonly inodes: number
  /** Null on a file system that makes inodes as it needs them. */
  readonly inodesTotal: number | null
}

/** Returns what is free for this user; undefined if that cannot be found out. */
export function freeSpace(path: string): FreeSpace | undefined {
  try {
    const { bavail, bsize, ffree, files } = fs.statfsSync(path)
    return { bytes: bavail * bsize, inodes: ffree, inodesTotal: files === 0 ? null : files }
  } catch {
    return undefined
  }
}

/** Returns the newest change of the files that a command has written last, in seconds since 1970; undefined without any. */
export function newestChange(folders: readonly string[]): number | undefined {
  const times = folders.flatMap((folder) =>
    entries(folder).flatMap(({ name }) => fs.lstatSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? []),
  )
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b)) / 1000
}

/** Returns the umask of the process that started this one, as octal digits; undefined if the system does not say. */
export function callerUmask(): string | undefined {
  return /^Umask:\s*([0-7]+)$/m.exec(textOf(`/proc/${process.ppid}/status`) ?? '')?.[1]
}

/** Returns the text of a file; undefined if it cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
