/**
 * File operations on the published tree: durable, and readable by every user regardless of the umask.
 * Invariant: a path that a reader may know is never written in place: data goes to a new file, is synced, renamed, and the folder is synced.
 */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFileSystem } from './sync-file-system.js'

/** The file system calls that change something, so that a test can make each of them fail. */
export interface Disk {
  mkdir(path: string): void
  chmod(path: string, mode: number): void
  /** Opens a new or truncated file. */
  create(path: string): number
  write(fd: number, bytes: Uint8Array): void
  /** Sets mode 0644 (and the times of `like`), syncs and closes. */
  finish(fd: number, like?: fs.Stats): void
  /** Sets the times of a folder to `FOLDER_TIME`. */
  date(path: string): void
  /** Syncs a folder. */
  sync(path: string): void
  /** Syncs folders of the tree `root`, very many by one sync of their file system where that is known to be enough. */
  syncAll(root: string, folders: readonly string[]): void
  link(from: string, to: string): void
  symlink(target: string, path: string): void
  rename(from: string, to: string): void
  unlink(path: string): void
  rmdir(path: string): void
  remove(path: string): void
}

/**
 * Unix time of every folder of an rsync tree, 2000-01-01: rsync transfers a folder whose time differs, and each publication switches to another
 * tree.
 */
export const FOLDER_TIME = 946_684_800

/** From so many folders on, one sync of the file system is cheaper than one of each. */
const SYNC_MANY = 64

export const nodeDisk: Disk = {
  mkdir: (path) => fs.mkdirSync(path, { mode: 0o755 }),
  chmod: (path, mode) => fs.chmodSync(path, mode),
  create: (path) => fs.openSync(path, 'w', 0o644),
  write: (fd, bytes) => {
    let at = 0
    while (at < bytes.length) at += fs.writeSync(fd, bytes, at)
  },
  finish: (fd, like) => {
    try {
      fs.fchmodSync(fd, 0o644)
      if (like !== undefined) fs.futimesSync(fd, like.atime, like.mtime)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  date: (path) => fs.utimesSync(path, FOLDER_TIME, FOLDER_TIME),
  sync: (path) => {
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  syncAll: (root, folders) => {
    if (folders.length >= SYNC_MANY && syncFileSystem(root)) return
    for (const folder of folders) nodeDisk.sync(folder)
  },
  link: (from, to) => fs.linkSync(from, to),
  symlink: (target, path) => fs.symlinkSync(target, path),
  rename: (from, to) => fs.renameSync(from, to),
  unlink: fs.unlinkSync,
  rmdir: fs.rmdirSync,
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
}

/** Returns the `code` of a failed file operation. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Returns the result of `read`, or undefined if the path does not exist. */
export function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

export function statOf(path: string): fs.Stats | undefined {
  return unlessAbsent(() => fs.lstatSync(path))
}

export function textOf(path: string): string | undefined {
  return unlessAbsent(() => fs.readFileSync(path, 'utf8'))
}

/** Returns the names in a folder, sorted; none if it does not exist. */
export function namesIn(path: string): readonly string[] {
  return (unlessAbsent(() => fs.readdirSync(path)) ?? []).sort()
}

/** Returns every file below a folder by its relative path; none if it does not exist. */
export function filesBelow(folder: string): readonly string[] {
  return namesIn(folder).flatMap((name) => {
    const stat = statOf(join(folder, name))
    return stat?.isDirectory() === true ? filesBelow(join(folder, name)).map((inner) => `${name}/${inner}`) : [name]
  })
}

export function linkTarget(path: string): string | undefined {
  try {
    return unlessAbsent(() => fs.readlinkSync(path))
  } catch (error) {
    if (errnoOf(error) === 'EINVAL') return undefined
    throw error
  }
}

/** Creates a folder, mode 0755, and those above it up to and including `top`; each new name is durable. */
export function ensureFolder(disk: Disk, path: string, top: string): void {
  const stat = unlessAbsent(() => fs.statSync(path))
  if (stat?.isDirectory() === true) {
    if ((stat.mode & 0o777) !== 0o755) disk.chmod(path, 0o755)
    return
  }
  if (path !== top) ensureFolder(disk, dirname(path), top)
  disk.mkdir(path)
  disk.chmod(path, 0o755)
  disk.sync(dirname(path))
}

/** Removes a file if it exists. */
export function removeFile(disk: Disk, path: string): void {
  unlessAbsent(() => disk.unlink(path))
}

/** Writes chunks to `fresh`, syncs it and renames it to `path`; the caller syncs the folder. Returns the bytes written. */
export function writeFresh(disk: Disk, fresh: string, path: string, chunks: Iterable<Uint8Array>): number {
  const bytes = writeNew(disk, fresh, chunks)
  disk.rename(fresh, path)
  return bytes
}

/** Writes a new or truncated file with mode 0644 and the times of `like`, and syncs it. Returns the bytes written. Errors name the file. */
export function writeNew(disk: Disk, path: string, chunks: Iterable<Uint8Array>, like?: fs.Stats): number {
  const fd = disk.create(path)
  let bytes = 0
  let open = true
  try {
    for (const chunk of chunks) {
      disk.write(fd, chunk)
      bytes += chunk.length
    }
    open = false
    disk.finish(fd, like)
  } catch (error) {
    throw errnoOf(error) === undefined ? error : Object.assign(Object(error), { path })
  } finally {
    if (open) fs.closeSync(fd)
  }
  return bytes
}

/** Replaces a small file atomically and durably. `scratch` is a folder on the same file system that is not served. */
export function replaceFile(disk: Disk, scratch: string, path: string, bytes: Uint8Array): void {
  writeFresh(disk, join(scratch, 'new-file'), path, [bytes])
  disk.sync(dirname(path))
}
