/**
 * A data directory built from files that an archive or a copy gave, in a folder that nobody uses yet.
 * Invariants: every file is new, regular, ours, and of the mode that its path wants; the marker is not among them: who builds writes it last.
 */
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '../base/errors.js'
import { readInfo } from '../store/disk/caches.js'
import { exists, freeBytes, listDir, makeDirUnsynced, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { KIND_FOLDERS, layoutOf, snapshotName } from '../store/disk/paths.js'
import { damaged, modeOf } from './format.js'

export interface TreeFile {
  readonly path: string
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
}

export interface Tree {
  readonly dir: string
  /** What `brine.json` held: not written yet. */
  marker(): Uint8Array | undefined
  /** Throws `backup-damaged` for a path that was there before, `io`. */
  add(file: TreeFile): void
  /** Folders that every data directory has, and second names of snapshots. */
  complete(): void
}

/** Refuses where the bytes do not fit. Throws `io-no-space` with the bytes needed. */
export function needSpace(dir: string, bytes: number): void {
  const free = freeBytes(dir)
  if (free === undefined || free >= bytes) return
  throw new AppError('io', 'io-no-space', `${dir}: ${bytes} bytes needed, ${free} bytes free`, {
    hint: 'free some space, or name a folder on a larger disk',
    details: { path: dir, errno: 'ENOSPC', operation: 'write', bytes, free },
    retry: true,
  })
}

/** `dir` exists and is empty. `withoutSecrets`: private keys are only named, for a check that needs none. */
export function newTree(dir: string, name: string, options: { readonly withoutSecrets?: boolean } = {}): Tree {
  const made = new Set<string>([dir])
  let marker: Uint8Array | undefined
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
        if (marker !== undefined) throw damaged(name, 'it has two markers')
        marker = bytes
        return
      }
      const isSecret = options.withoutSecrets === true && /^(?:keys|ssl)\//.test(path)
      const target = join(dir, path)
      makeFolder(dirname(target))
      writeFile(target, isSecret ? new Uint8Array() : bytes, modeOf(path), modified, name)
    },
    complete() {
      const layout = layoutOf(dir)
      const folders = [layout.commits, layout.objects, layout.keys, layout.pool, layout.status, layout.temp]
      const kinds = Object.values(KIND_FOLDERS).map((kind) => join(dir, kind))
      for (const folder of [...folders, ...kinds]) makeFolder(folder)
      for (const kind of kinds) for (const one of listDir(kind)) linkSnapshots(join(kind, one))
    },
  }
}

/** Not synced: the whole tree is, before it gets its name. */
function writeFile(path: string, bytes: Uint8Array, mode: number, modified: number, name: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants
  let fd: number | undefined
  try {
    fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    fs.fchmodSync(fd, mode)
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done)
    fs.futimesSync(fd, modified, modified)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw damaged(name, `it has ${path.slice(-80)} twice`)
    throw ioError('write', path, error, { bytes: bytes.length })
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** `snapshot.json` and `snapshot-bk.json` are second names of files that `info.json` tells. */
function linkSnapshots(folder: string): void {
  const info = readInfo(folder)
  if (typeof info !== 'object') return
  for (const [link, hint] of [
    ['snapshot.json', info.snapshot],
    ['snapshot-bk.json', info.backup],
  ] as const) {
    const file = hint === null ? undefined : join(folder, snapshotName(hint.version))
    if (file === undefined || !exists(file)) continue
    try {
      fs.linkSync(file, join(folder, link))
    } catch (error) {
      throw ioError('link', join(folder, link), error)
    }
  }
}

/** Removes what was built; never throws, since it runs on the way out of another failure. */
export function dropTree(dir: string): void {
  try {
    fs.rmSync(dir, { recursive: true, force: true })
  } catch {
    // what is left carries no marker, and the next restore takes it away
  }
}

/** Removes what was built also when a signal ends the program: it may hold private keys. Returns what ends the watch. */
export function dropOnExit(dir: string): () => void {
  return onExit(() => dropTree(dir))
}

/** Runs it also when a signal ends the program. Returns what ends the watch. */
export function onExit(run: () => void): () => void {
  process.once('exit', run)
  return () => void process.removeListener('exit', run)
}

/** A folder of its own for a check, for its owner alone. */
export function scratchTree(below: string): string {
  try {
    return fs.mkdtempSync(join(below, 'brine-backup-'))
  } catch (error) {
    throw ioError('mkdir', below, error)
  }
}

/** Moves everything of `from` up into `to`, `brine.json` last: until then `to` is no data directory. */
export function moveUp(from: string, to: string): void {
  const names = listDir(from).filter((name) => name !== 'brine.json')
  for (const name of [...names, 'brine.json']) {
    if (name === 'brine.json') syncDir(to)
    try {
      fs.renameSync(join(from, name), join(to, name))
    } catch (error) {
      throw ioError('rename', join(to, name), error)
    }
  }
  syncDir(to)
}
