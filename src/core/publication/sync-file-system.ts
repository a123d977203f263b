/** syncfs(2) by sync(1), in place of thousands of fsync(2): a new tree has a folder for each CA. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'

/**
 * Types of file systems (statfs(2)) on which syncfs(2) makes all that was written durable, names of files included: ext2 to ext4, XFS, btrfs, F2FS,
 * ZFS, tmpfs. FUSE, for one, may do nothing.
 */
const TYPES: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x01021994])

/** Syncs the file system of a path. Returns false where that is not known to work, and where it failed: each file has to be synced then. */
export function syncFileSystem(path: string, program = 'sync', types = TYPES): boolean {
  if (process.platform !== 'linux') return false
  try {
    if (!types.has(Number(fs.statfsSync(path).type))) return false
  } catch {
    return false
  }
  return spawnSync(program, ['-f', path], { stdio: 'ignore' }).status === 0
}
