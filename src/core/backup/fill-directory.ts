/**
 * Builds a data directory in an empty or missing directory. Invariants: the write lock of the destination is held; the marker is written last,
 * so that an unfinished tree is not taken for a data directory; the same command again finishes what an interrupted one began.
 */
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '../base/errors.js'
import { acquireLock } from '../store/directory/lock.js'
import { exists, listDir, makeDir, removeFile, syncDir } from '../store/disk/fs.js'
import { ioError } from '../store/disk/io-error.js'
import { layoutOf } from '../store/disk/paths.js'
import { syncTree } from '../store/disk/sync-tree.js'
import {
  contentOf,
  type DestinationOptions,
  isDebris,
  lockRequest,
  namesIn,
  resolveDestination,
  restoreUncertain,
  STAGING,
} from './destination.js'
import { onExit, removeTree } from './scratch.js'

/**
 * Fills an empty or missing destination. `build` gets an empty folder and builds the complete tree in it, marker included. On failure the
 * destination is left as it was found.
 */
export async function fillDirectory<T>(
  destination: string,
  options: DestinationOptions,
  build: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = resolveDestination(destination)
  const made = makeParents(dir)
  let isLocked = false
  const unregister = onExit(() => cleanUpOnExit(dir, made, isLocked ? options : undefined))
  const lock = await acquireLock(layoutOf(dir), lockRequest(options)).catch((error: unknown) => {
    // the process that holds the lock uses the folder too
    if (!(error instanceof AppError && error.kind === 'locked')) removeMade(dir, made)
    unregister()
    throw error
  })
  isLocked = true
  const staging = join(dir, STAGING)
  let isComplete = false
  try {
    if (options.isStaging !== true && contentOf(dir).length > 0) throw targetUsed(dir)
    removeDebris(dir, options.isStaging)
    makeDir(staging, 0o711)
    const result = await build(staging)
    syncTree(staging, join(staging, 'tmp'))
    lock.check()
    makeSearchable(dir)
    moveContents(staging, dir)
    isComplete = true
    removeEmptied(staging, options)
    return result
  } catch (error) {
    // with the marker it is a data directory, whatever failed afterwards
    isComplete ||= options.isStaging !== true && exists(layoutOf(dir).marker)
    if (isComplete) throw restoreUncertain(dir, error)
    removeDebris(dir, options.isStaging)
    throw error
  } finally {
    unregister()
    await lock.release()
    if (!isComplete) removeMade(dir, made)
  }
}

/** Removes the staging folder, which is empty now. The directory is complete and durable without it, so a failure is only a warning. */
function removeEmptied(staging: string, { onWarning }: DestinationOptions): void {
  try {
    fs.rmSync(staging, { recursive: true, force: true })
  } catch (error) {
    onWarning(ioError('unlink', staging, error).message)
  }
}

function targetUsed(dir: string): AppError {
  return new AppError('rejected', 'restore-target-used', `${dir}: another command wrote to it meanwhile`, {
    hint: 'give a directory that is empty or does not exist',
  })
}

/** Moves the content of `from` up into `to`, `brine.json` last: until then `to` is not a data directory. */
function moveContents(from: string, to: string): void {
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

/** Removes the debris of an interrupted restore and nothing else; nothing at all from a directory with a marker. */
function removeDebris(dir: string, isStaging = false): void {
  if (!isStaging && exists(layoutOf(dir).marker)) return
  const debris = namesIn(dir).filter((name) => isStaging || isDebris(dir, name))
  // the staging folder goes last: it shows which names were moved up
  for (const name of debris.filter((n) => n !== STAGING)) removeTree(join(dir, name))
  removeTree(join(dir, STAGING))
}

/** Sets mode 0711, so that web and rsync servers reach the published tree. Throws `io` if another user owns the directory. */
function makeSearchable(dir: string): void {
  try {
    fs.chmodSync(dir, 0o711)
  } catch (error) {
    throw ioError('create', dir, error)
  }
}

/**
 * Cleans up when the program exits, also by a signal: what was built may hold private keys. `locked` is undefined if the lock is not held; then
 * only empty folders are removed.
 */
function cleanUpOnExit(dir: string, made: readonly string[], locked: DestinationOptions | undefined): void {
  if (locked === undefined) removeEmpty(made)
  else if (locked.isStaging === true || !exists(layoutOf(dir).marker)) {
    removeDebris(dir, locked.isStaging)
    removeTree(layoutOf(dir).lockFolder)
    removeMade(dir, made)
  }
}

/** Removes the lock files and the folders that this command made, so that the destination is empty or missing as it was found. */
function removeMade(dir: string, made: readonly string[]): void {
  try {
    removeFile(layoutOf(dir).lock)
    // an empty file if the disk was full
    removeFile(layoutOf(dir).lockOwnerFile)
  } catch {
    // then the folder remains too
  }
  removeEmpty(made)
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) fs.rmdirSync(folder)
  } catch {
    // an empty folder that remains is harmless
  }
}

/** Makes the folder and its missing parents; returns those that were made, the innermost first. */
function makeParents(path: string): readonly string[] {
  if (exists(path)) return []
  const above = dirname(path) === path ? [] : makeParents(dirname(path))
  return makeDir(path, 0o711) ? [path, ...above] : above
}
