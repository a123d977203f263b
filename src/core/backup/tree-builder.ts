/**
 * Builds a data directory from the files of a backup or a copy, in a folder that no other process uses yet.
 * Invariants: every file is new and regular, and its mode follows from its path; the marker is kept aside for the caller to write last. A tree
 * that is only verified holds records and objects in memory, as far as they fit.
 */
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '../base/errors.js'
import { readInfo } from '../store/disk/caches.js'
import { exists, freeBytes, listDir, makeDirUnsynced } from '../store/disk/fs.js'
import { type HeldTree, heldBytes } from '../store/disk/held-files.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { KIND_FOLDERS, layoutOf, snapshotName } from '../store/disk/paths.js'
import { backupDamaged, fileModeOf } from './format.js'

export interface TreeFile {
  readonly path: string
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
}

export interface TreeBuilder {
  readonly dir: string
  /** Returns the content of `brine.json`, which is not written yet. */
  marker(): Uint8Array | undefined
  /** Writes a file. Throws `backup-damaged` for a path that occurs twice, `io`. */
  add(file: TreeFile): void
  /** Makes the folders that every data directory has, and the links to current snapshots. */
  complete(): void
}

/** Throws `io-no-space` with the required and the free space if the bytes do not fit. */
export function assertFreeSpace(dir: string, bytes: number): void {
  const free = freeBytes(dir)
  if (free === undefined || free >= bytes) return
  throw new AppError('io', 'io-no-space', `${dir}: ${bytes} bytes needed, ${free} bytes free`, {
    hint: 'free some space, or choose a folder on a larger disk',
    details: { path: dir, errno: 'ENOSPC', operation: 'write', bytes, free },
    retry: true,
  })
}

export interface TreeOptions {
  /** Keys are written as empty files, for checks that do not need them. */
  readonly withoutSecrets?: boolean
  /** Takes the records and objects after a marker that `mayHold` accepts, as far as they fit; the rest is written to disk. */
  readonly held?: HeldTree
  readonly mayHold?: (marker: Uint8Array) => boolean
}

/** Files that are read through `fs.ts` only: commits, commands, events, snapshots and objects. */
const HOLDABLE = /^(?:commits|objects)\/|\/(?:command|event|snapshot)-\d+\.json$/

/** Returns a builder for `dir`, which exists and is empty. */
export function createTreeBuilder(dir: string, name: string, options: TreeOptions = {}): TreeBuilder {
  const made = new Set<string>([dir])
  let marker: Uint8Array | undefined
  let held: HeldTree | undefined
  const makeFolder = (path: string): void => {
    if (made.has(path)) return
    makeFolder(dirname(path))
    makeDirUnsynced(path)
    made.add(path)
  }
  return {
    dir,
    marker: () => marker,
    add({ path, bytes, modified }) {
      if (path === 'brine.json') {
        if (marker !== undefined) throw backupDamaged(name, 'brine.json occurs twice')
        marker = bytes
        if (options.mayHold?.(bytes) === true) held = options.held
        return
      }
      const isSecret = options.withoutSecrets === true && /^(?:keys|ssl)\//.test(path)
      const target = join(dir, path)
      makeFolder(dirname(target))
      if (heldBytes(target) !== undefined) throw occursTwice(name, path)
      const mode = fileModeOf(path)
      if (HOLDABLE.test(path) && held?.add(target, bytes, { modified, mode }) === true) return
      writeFile(target, isSecret ? new Uint8Array() : bytes, mode, modified, name)
    },
    complete() {
      const layout = layoutOf(dir)
      const folders = [layout.commits, layout.objects, layout.keys, layout.pool, layout.status, layout.temp]
      const kinds = Object.values(KIND_FOLDERS).map((kind) => join(dir, kind))
      for (const folder of [...folders, ...kinds]) makeFolder(folder)
      for (const kind of kinds) for (const name of listDir(kind)) linkSnapshots(join(kind, name), held)
    },
  }
}

/** Writes without a sync: the whole tree is synced before it is renamed into place. */
function writeFile(path: string, bytes: Uint8Array, mode: number, modified: number, name: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants
  let fd: number | undefined
  try {
    fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    fs.fchmodSync(fd, mode)
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done)
    fs.futimesSync(fd, modified, modified)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw occursTwice(name, path)
    throw ioError('write', path, error, { bytes: bytes.length })
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function occursTwice(name: string, path: string): AppError {
  return backupDamaged(name, `${path.slice(-80)} occurs twice`)
}

/** Links `snapshot.json` and `snapshot-bk.json` to the snapshots that `info.json` names. */
function linkSnapshots(folder: string, held: HeldTree | undefined): void {
  const info = readInfo(folder)
  if (typeof info !== 'object') return
  for (const [link, named] of [
    ['snapshot.json', info.snapshot],
    ['snapshot-bk.json', info.backup],
  ] as const) {
    const file = named === null ? undefined : join(folder, snapshotName(named.version))
    if (file === undefined || !exists(file) || held?.link(file, join(folder, link)) === true) continue
    try {
      fs.linkSync(file, join(folder, link))
    } catch (error) {
      throw ioError('link', join(folder, link), error)
    }
  }
}
