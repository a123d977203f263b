/**
 * Creation of a data directory.
 * Invariant: the marker is written last, so that an interrupted call left no data directory, and the next one completes it.
 */
import * as fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { exists, listDir, makeDir, removeFile, syncDir } from '../disk/fs.js'
import { KIND_FOLDERS, layoutOf } from '../disk/paths.js'
import { writeNew } from '../disk/write-file.js'
import { FORMAT, type Marker, noDataDir, refuseForeign, writeMarker } from './data-dir.js'
import { thisInstallation, writeInstallationId } from './installation-id.js'

export interface DataDirInit {
  readonly id: string
  readonly createdAt: Instant
  readonly test?: boolean
  /** More files, by path below the directory; mode 0600 unless given. */
  readonly files?: readonly { readonly path: string; readonly bytes: Uint8Array; readonly mode?: number }[]
}

/** File that says that `init` has begun, and stays where it died. */
const UNFINISHED = '.init-unfinished'

/**
 * Creates a data directory in a missing or empty directory, or completes an interrupted call. Throws `init-not-empty` (rejected),
 * `init-uncertain` if it was created but may not be durable, and the errors of `checkDataDir`.
 */
export function initDataDir(dir: string, init: DataDirInit): Marker {
  if (dir === '')
    throw new AppError('usage', 'data-dir-empty', 'the path of the data directory is empty', {
      hint: 'give --data-dir DIR',
    })
  const path = resolve(dir)
  makeParents(path)
  const stat = fs.statSync(path)
  if (!stat.isDirectory()) throw noDataDir(path, 'not a directory')
  const all = listDir(path).filter((name) => name !== 'lost+found' && !name.startsWith('.lock'))
  const names = all.filter((name) => !name.startsWith(`.tmp-${UNFINISHED}`))
  if (names.length > 0 && !isUnfinished(path, names)) throw notEmpty(path, names)
  refuseForeign(path, stat)
  fs.chmodSync(path, 0o711)
  writeNew(join(path, UNFINISHED), new Uint8Array())
  syncDir(path)
  for (const name of all) if (name !== UNFINISHED) fs.rmSync(join(path, name), { recursive: true, force: true })
  makeLayout(path, init)
  const marker: Marker = {
    format: FORMAT,
    id: init.id,
    generation: 1,
    createdAt: init.createdAt,
    ...(init.test === true ? { test: true } : {}),
  }
  writeInstallationId(path, thisInstallation(path, 1, init.createdAt))
  finish(path, marker)
  return marker
}

/** Writes the marker, which makes it a data directory: an error after that must not report that nothing changed. */
function finish(path: string, marker: Marker): void {
  try {
    writeMarker(path, marker)
    removeFile(join(path, UNFINISHED))
    syncDir(path)
  } catch (error) {
    if (!(error instanceof AppError) || !fs.existsSync(layoutOf(path).marker)) throw error
    throw rewrap(error, {
      kind: 'uncertain',
      code: 'init-uncertain',
      message: `the data directory was created but may not be durable: ${error.message}`,
      hint: `brine status --data-dir ${path}`,
      changed: 'unknown',
      retry: false,
    })
  }
}

/** Names that `init` creates at the top of a data directory. */
const CREATED_NAMES = new Set([
  ...[UNFINISHED, 'brine.toml', 'commits', 'keys', 'objects', 'ssl', 'status', 'tmp'],
  ...Object.values(KIND_FOLDERS),
])

/**
 * Returns true if an `init` died here before it wrote the marker. One that died after the marker leaves `.init-unfinished` behind forever,
 * so losing the marker later must not turn this into an empty directory: it contains no history, no keys and no unknown files.
 */
function isUnfinished(path: string, names: readonly string[]): boolean {
  if (!names.includes(UNFINISHED) || names.includes('brine.json')) return false
  if (!names.every((name) => CREATED_NAMES.has(name) || name.startsWith('.tmp-'))) return false
  const folders = ['commits', 'objects', 'keys/pool', ...Object.values(KIND_FOLDERS)]
  return (
    folders.every((folder) => listDir(join(path, folder)).length === 0) &&
    listDir(join(path, 'keys')).every((name) => name === 'pool')
  )
}

function notEmpty(path: string, names: readonly string[]): AppError {
  const isOurs = names.includes('brine.json')
  return new AppError(
    'rejected',
    'init-not-empty',
    `${path}: ${isOurs ? 'is already a data directory' : `is not empty, contains ${names.slice(0, 3).join(', ')}`}`,
    {
      hint: isOurs ? `brine status --data-dir ${path}` : 'choose a new or empty directory',
      details: { path },
    },
  )
}

function makeParents(path: string): void {
  if (exists(path) && fs.existsSync(path)) return
  if (dirname(path) !== path) makeParents(dirname(path))
  makeDir(path, 0o711)
}

function makeLayout(path: string, init: DataDirInit): void {
  const layout = layoutOf(path)
  const folders = [layout.commits, layout.objects, layout.keys, layout.pool, layout.status, layout.temp]
  for (const folder of [...folders, ...Object.values(KIND_FOLDERS).map((kind) => join(path, kind))]) makeDir(folder)
  for (const file of init.files ?? []) {
    const target = join(path, file.path)
    if (dirname(target) !== path) makeDir(dirname(target))
    writeNew(target, file.bytes, { mode: file.mode ?? 0o600 })
    syncDir(dirname(target))
  }
}
