/**
 * How a finished tree becomes a data directory: in an empty or missing one, or in the place of another that is kept under another name.
 * Invariants: the lock of the place is held; until the marker is there nothing is a data directory; an unfinished one is finished by the same
 * command again; a tree that was there is never destroyed.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError, rewrap } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import { demoteAt } from '../store/commit/promote.js'
import { type Marker, readMarker } from '../store/directory/data-dir.js'
import { acquireLock } from '../store/directory/lock.js'
import { isCorrupt } from '../store/disk/damage.js'
import { exists, listDir, makeDir, moveFile, removeFile, statIfExists, syncDir } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { KIND_FOLDERS, layoutOf } from '../store/disk/paths.js'
import { syncTree } from '../store/disk/sync-tree.js'
import { dropTree, moveUp, onExit } from './tree.js'

export interface PlaceOptions {
  /** Seconds to wait for the lock. */
  readonly lockTimeout: number
  readonly command: string
  readonly notice: (text: string) => void
  /** The place itself is a passing one: what a dead restore left there goes. */
  readonly passing?: boolean
}

/** The folder in which a tree grows: inside an empty place, so that a mount point will do. */
const GROWING = '.restoring'

/** What lies at the place: nothing, or a data directory to be kept under another name. */
export interface Occupied {
  readonly dir: string
  /** Undefined where its marker is damaged. */
  readonly marker: Marker | undefined
}

/** Names that count: a lock, a file system's own folder and an unfinished restore do not. */
function contentOf(dir: string): readonly string[] {
  const names = namesIn(dir)
  return names.includes(GROWING) && !names.includes('brine.json') ? names.filter((name) => !isLeft(dir, name)) : names
}

function namesIn(dir: string): readonly string[] {
  return listDir(dir).filter((name) => name !== 'lost+found' && !name.startsWith('.lock'))
}

/** Names at the top of a data directory that a restore makes. */
const MADE = new Set([
  ...['brine.toml', 'commits', 'keys', 'objects', 'ssl', 'status', 'tmp'],
  ...Object.values(KIND_FOLDERS),
])

/** Did an unfinished restore put it there? What it had moved up is gone from the folder in which it grew; all else is somebody's. */
function isLeft(dir: string, name: string): boolean {
  const growing = join(dir, GROWING)
  return name === GROWING || (MADE.has(name) && exists(layoutOf(growing).marker) && !exists(join(growing, name)))
}

/** The data directory at a place; undefined when there is room. Throws `restore-not-empty` (rejected). */
export function occupantOf(place: string): Occupied | undefined {
  const dir = realPlace(place)
  if (!exists(dir) || contentOf(dir).length === 0) return undefined
  if (!exists(layoutOf(dir).marker))
    throw new AppError('rejected', 'restore-not-empty', `${dir}: holds ${contentOf(dir).slice(0, 3).join(', ')}`, {
      hint: 'give a directory that is empty or not there',
      details: { path: dir },
    })
  try {
    return { dir, marker: readMarker(dir) }
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return { dir, marker: undefined }
  }
}

/** A link to a directory is the directory. Throws `restore-not-empty` for a file. */
function realPlace(place: string): string {
  const path = resolve(place)
  if (isDirectory(path)) return fs.realpathSync(path)
  if (statIfExists(path) === undefined) return path
  throw noDirectory(path)
}

/** Follows links. Throws `restore-not-empty` where a file or a circle of links is in the way. */
function isDirectory(path: string): boolean {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch (error) {
    throw ['ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '') ? noDirectory(path) : ioError('stat', path, error)
  }
}

function noDirectory(path: string): AppError {
  return new AppError('rejected', 'restore-not-empty', `${path}: not a directory`, {
    hint: 'give a directory that is empty or not there',
    details: { path },
  })
}

/** Fills an empty or missing place. `build` gets an empty folder, and leaves a whole tree with its marker in it. */
export async function fillPlace<T>(
  place: string,
  options: PlaceOptions,
  build: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = realPlace(place)
  const made = makeParents(dir)
  let held = false
  const settled = onExit(() => abandon(dir, made, held ? options : undefined))
  const lock = await acquireLock(layoutOf(dir), lockRequest(options)).catch((error: unknown) => {
    // whoever has the lock has the folder too
    if (!(error instanceof AppError && error.kind === 'locked')) leave(dir, made)
    settled()
    throw error
  })
  held = true
  const growing = join(dir, GROWING)
  let whole = false
  try {
    if (options.passing !== true && contentOf(dir).length > 0) throw taken(dir)
    clear(dir, options.passing)
    makeDir(growing, 0o711)
    const result = await build(growing)
    syncTree(growing, join(growing, 'tmp'))
    lock.check()
    openUp(dir)
    moveUp(growing, dir)
    whole = true
    fs.rmSync(growing, { recursive: true, force: true })
    return result
  } catch (error) {
    // the marker makes it a data directory, whatever failed after it
    whole ||= options.passing !== true && exists(layoutOf(dir).marker)
    if (whole) throw uncertain(dir, error)
    clear(dir, options.passing)
    throw error
  } finally {
    settled()
    await lock.release()
    if (!whole) leave(dir, made)
  }
}

function taken(dir: string): AppError {
  return new AppError('rejected', 'restore-target-used', `${dir}: another command made something there`, {
    hint: 'give a directory that is empty or not there',
  })
}

function uncertain(dir: string, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, {
    kind: 'uncertain',
    code: 'restore-uncertain',
    message: `${dir} is restored, but not known to be durable: ${cause.message}`,
    hint: `brine status --data-dir ${dir}`,
    changed: 'unknown',
    retry: false,
  })
}

/** Away with what an unfinished restore left, and with nothing else; never where there is a marker. */
function clear(dir: string, passing = false): void {
  if (!passing && exists(layoutOf(dir).marker)) return
  const left = namesIn(dir).filter((name) => passing || isLeft(dir, name))
  // the folder in which it grew goes last: it tells what was moved up
  for (const name of left.filter((n) => n !== GROWING)) dropTree(join(dir, name))
  dropTree(join(dir, GROWING))
}

/** Others pass through to the served tree. Throws `io` where the folder is not ours. */
function openUp(dir: string): void {
  try {
    fs.chmodSync(dir, 0o711)
  } catch (error) {
    throw ioError('create', dir, error)
  }
}

/** A signal ends the program: what was built may hold private keys. Without the lock only folders that are empty go. */
function abandon(dir: string, made: readonly string[], held: PlaceOptions | undefined): void {
  if (held === undefined) removeEmpty(made)
  else if (held.passing === true || !exists(layoutOf(dir).marker)) {
    clear(dir, held.passing)
    dropTree(layoutOf(dir).lockFolder)
    leave(dir, made)
  }
}

/** As it was found: not there, or empty. */
function leave(dir: string, made: readonly string[]): void {
  try {
    removeFile(layoutOf(dir).lock)
    // empty where the disk had no room for it
    removeFile(layoutOf(dir).lockOwnerFile)
  } catch {
    // then the folder stays too
  }
  removeEmpty(made)
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) fs.rmdirSync(folder)
  } catch {
    // an empty folder that stays harms nobody
  }
}

/** Makes the folder and those above it; returns those that were made, the innermost first. */
function makeParents(path: string): readonly string[] {
  if (exists(path)) return []
  const above = dirname(path) === path ? [] : makeParents(dirname(path))
  return makeDir(path, 0o711) ? [path, ...above] : above
}

/** Puts a whole tree, a neighbour of it, in the place of a data directory; returns the other name of what was there. */
export async function takePlace(tree: string, old: Occupied, at: Instant, options: PlaceOptions): Promise<string> {
  const { dir, marker } = old
  const kept = freeName(dir, at)
  const lock = await acquireLock(layoutOf(dir), lockRequest(options))
  try {
    syncTree(tree, join(tree, 'tmp'))
    lock.check()
    if (marker !== undefined) standDown(dir, marker, at, options)
    rename(dir, kept)
    try {
      rename(tree, dir)
    } catch (error) {
      moveFile(kept, dir)
      throw error
    }
    settle(dir)
    return kept
  } finally {
    await lock.release()
    // the lock's folder went with the tree
    fs.rmSync(join(kept, '.lock.d'), { recursive: true, force: true })
    fs.rmSync(join(kept, '.lock-owner'), { force: true })
  }
}

/** Both names are changed: what fails from here on does not take that back. */
function settle(dir: string): void {
  try {
    syncDir(dirname(dir))
  } catch (error) {
    throw uncertain(dir, error)
  }
}

/** What is kept must not go on writing under its other name. */
function standDown(dir: string, marker: Marker, at: Instant, { notice }: PlaceOptions): void {
  try {
    demoteAt(layoutOf(dir), marker, at, 'replaced by a restore')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    notice(`the tree that was there could not be made a stand-by: ${error.message}`)
  }
}

/** A file system of its own cannot take another name. Throws `restore-mount-point` (rejected). */
export function refuseMountPoint({ dir }: Occupied): void {
  if (fs.statSync(dir).dev === fs.statSync(dirname(dir)).dev) return
  throw new AppError('rejected', 'restore-mount-point', `${dir}: a mount point cannot take another name`, {
    hint: 'move what is in it to another place, then restore without --replace',
    details: { path: dir },
  })
}

/** The folder beside a place in which the tree that replaces it grows. */
export function besidePlace(old: Occupied): string {
  return join(dirname(old.dir), `.${basename(old.dir)}${GROWING}`)
}

function freeName(dir: string, at: Instant): string {
  const stem = `${dir}.replaced-${at.replace(/[-:]/g, '')}`
  let n = 1
  while (exists(n === 1 ? stem : `${stem}-${n}`)) n += 1
  return n === 1 ? stem : `${stem}-${n}`
}

function rename(from: string, to: string): void {
  try {
    fs.renameSync(from, to)
  } catch (error) {
    throw ioError('rename', to, error)
  }
}

function lockRequest({ lockTimeout, command, notice }: PlaceOptions): Parameters<typeof acquireLock>[1] {
  return { timeout: lockTimeout, command, long: true, warn: notice }
}
