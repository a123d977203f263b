/** Reports disk space, the lock owner and quarantined files of DATA_DIR. Reads only. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { liveLockOwner } from '../store/directory/optimistic-read.js'
import { exists, listDir } from '../store/disk/fs.js'
import { ioError } from '../store/disk/io-error.js'
import { KIND_FOLDERS, type Layout } from '../store/disk/paths.js'

export interface DiskSpace {
  /** Bytes that this user can still write. */
  readonly free: number
  readonly size: number
}

export interface LockHolder {
  readonly pid: number
  readonly host: string
  readonly command: string
  readonly since: string
  /** True if it announced that it takes long. */
  readonly long: boolean
}

export interface QuarantineCounts {
  /** Number of files of commands that died before their commit. */
  readonly surplus: number
  /** Number of files that a recovery removed from their place. */
  readonly corrupt: number
}

export function diskSpace(dir: string): DiskSpace {
  try {
    const { bavail, blocks, bsize } = fs.statfsSync(dir)
    return { free: bavail * bsize, size: blocks * bsize }
  } catch (error) {
    throw ioError('stat', dir, error)
  }
}

/** Magic numbers of file systems on other machines (statfs(2)): NFS, SMB, CIFS, SMB2, Ceph, AFS, 9P. */
const NETWORK = [0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x5346414f, 0x01021997]

/** Returns true if the type of a file system is that of one on another machine. */
export function isNetworkType(type: number): boolean {
  return NETWORK.includes(type >>> 0)
}

/** Returns true if a folder is on another machine; false if that cannot be found out. */
export function isOnNetwork(dir: string): boolean {
  try {
    return isNetworkType(fs.statfsSync(dir).type)
  } catch {
    return false
  }
}

/** Returns the owner of the write lock; undefined if it is free or stale. */
export function lockHolder(layout: Layout): LockHolder | undefined {
  const owner = liveLockOwner(layout)
  if (owner === undefined) return undefined
  const { pid, host, command, since } = owner
  return { pid, host, command, since, long: owner.long === true }
}

/** Counts the files in `surplus/` and `corrupt/` of every aggregate and of the commits. */
export function countQuarantined(layout: Layout): QuarantineCounts {
  const folders = Object.values(KIND_FOLDERS).flatMap((kind) =>
    listDir(join(layout.dir, kind)).map((name) => join(layout.dir, kind, name)),
  )
  const count = (below: string): number =>
    [layout.commits, ...folders].reduce((sum, folder) => sum + countIn(join(folder, below)), 0)
  return { surplus: count('surplus'), corrupt: count('corrupt') }
}

/** Returns the number of names in a folder; most are absent, which a stat finds out in a fifth of the time of a list. */
function countIn(folder: string): number {
  return exists(folder) ? listDir(folder).length : 0
}
