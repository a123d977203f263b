/**
 * Files that are held in memory in place of files on disk, so that a backup is verified without extracting it. Reading, listing and stat of
 * `fs.ts` find them at their paths; nothing else does. Invariant: a held file never changes, and is found until its tree is released.
 */
import * as fs from 'node:fs'
import { basename, dirname } from 'node:path'

interface HeldFile {
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
  readonly mode: number
}

/** Files of one folder and the folders below it. */
export interface HeldTree {
  /** Holds a copy of the bytes; false if that would exceed the limit. */
  add(path: string, bytes: Uint8Array, about: { readonly modified: number; readonly mode: number }): boolean
  /** Makes another name of a held file; false if there is none at `path`. */
  link(path: string, name: string): boolean
  /** Gives up all files. */
  release(): void
}

/** Bytes that are allocated at a time: one allocation per small file costs more than its copy. */
const SLAB = 1024 * 1024
/** Bytes that a file takes besides its content: its name, and its place in the tables. */
const OVERHEAD = 512

/** By folder and name. */
const folders = new Map<string, Map<string, HeldFile>>()

/** Returns a tree that holds up to `limit` bytes. */
export function holdFiles(limit: number): HeldTree {
  const own = new Map<string, Map<string, HeldFile>>()
  let left = limit
  let slab = new Uint8Array()
  const copyOf = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length > SLAB / 4) return Uint8Array.from(bytes)
    if (slab.length < bytes.length) slab = new Uint8Array(SLAB)
    const copy = slab.subarray(0, bytes.length)
    copy.set(bytes)
    slab = slab.subarray(bytes.length)
    return copy
  }
  const hold = (path: string, file: HeldFile): void => {
    const folder = dirname(path)
    const files = own.get(folder) ?? new Map<string, HeldFile>()
    own.set(folder, files.set(basename(path), file))
    folders.set(folder, files)
  }
  return {
    add(path, bytes, { modified, mode }) {
      const needed = bytes.length + OVERHEAD
      if (needed > left) return false
      left -= needed
      hold(path, { bytes: copyOf(bytes), modified, mode })
      return true
    },
    link(path, name) {
      const file = heldAt(path)
      if (file !== undefined) hold(name, file)
      return file !== undefined
    },
    release() {
      for (const folder of own.keys()) folders.delete(folder)
      own.clear()
    },
  }
}

/** Returns the bytes of a held file. */
export function heldBytes(path: string): Uint8Array | undefined {
  return heldAt(path)?.bytes
}

/** Returns the names of the files that are held in a folder. */
export function heldNames(folder: string): readonly string[] {
  return [...(folders.get(folder)?.keys() ?? [])]
}

/** Returns the status that a held file would have on disk: a regular file of the owner of its folder. */
export function heldStat(path: string): fs.BigIntStats | undefined {
  const file = heldAt(path)
  if (file === undefined) return undefined
  const folder = fs.lstatSync(dirname(path), { bigint: true })
  const modified = BigInt(file.modified)
  return Object.assign(Object.create(Object.getPrototypeOf(folder)), folder, {
    mode: BigInt(fs.constants.S_IFREG | file.mode),
    size: BigInt(file.bytes.length),
    nlink: 1n,
    mtimeMs: modified * 1000n,
    mtimeNs: modified * 1_000_000_000n,
  }) as fs.BigIntStats
}

function heldAt(path: string): HeldFile | undefined {
  if (folders.size === 0) return undefined
  const slash = path.lastIndexOf('/')
  return folders.get(path.slice(0, slash))?.get(path.slice(slash + 1))
}
