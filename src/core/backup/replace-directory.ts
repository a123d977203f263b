/**
 * Puts a restored tree in the place of a data directory. Invariants: the caller holds the lock of the tree, and the write lock of the old directory is
 * held while it is renamed; the old directory is never destroyed, but kept under another name and demoted to a stand-by.
 */
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import { demoteAt } from '../store/commit/promote.js'
import type { AnyMarker } from '../store/directory/data-dir.js'
import { readInstallationId, writeInstallationId } from '../store/directory/installation-id.js'
import { acquireLock } from '../store/directory/lock.js'
import { exists, moveFile, syncDir } from '../store/disk/fs.js'
import { ioError } from '../store/disk/io-error.js'
import { layoutOf } from '../store/disk/paths.js'
import { syncTree } from '../store/disk/sync-tree.js'
import {
  type DestinationOptions,
  type ExistingDirectory,
  lockRequest,
  restoreUncertain,
  STAGING,
} from './destination.js'

/** Replaces a data directory by a complete tree on the same file system. Returns the new name of the old directory. */
export async function replaceDirectory(
  tree: string,
  old: ExistingDirectory,
  at: Instant,
  options: DestinationOptions,
): Promise<string> {
  const { dir, marker } = old
  const kept = freeName(dir, at)
  const lock = await acquireLock(layoutOf(dir), lockRequest(options))
  try {
    syncTree(tree, join(tree, 'tmp'))
    lock.check()
    const before = readInstallationId(dir)
    if (marker !== undefined) demoteReplaced(dir, marker, at, options)
    try {
      swap(tree, dir, kept)
    } catch (error) {
      // it was not replaced, so it remains what it was
      if (before !== undefined && exists(dir)) writeInstallationId(dir, before)
      throw error
    }
    lock.moved(layoutOf(kept))
    syncParent(dir)
    return kept
  } finally {
    await lock.release()
  }
}

/** Renames the old directory and puts the tree in its place, or leaves it where it was. */
function swap(tree: string, dir: string, kept: string): void {
  rename(dir, kept)
  try {
    rename(tree, dir)
  } catch (error) {
    moveFile(kept, dir)
    throw error
  }
}

/** Syncs the two renames. Throws `restore-uncertain`: a failure does not undo them. */
function syncParent(dir: string): void {
  try {
    syncDir(dirname(dir))
  } catch (error) {
    throw restoreUncertain(dir, error)
  }
}

/** Makes the old directory a stand-by, so that it cannot be written under its new name. A failure is a warning. */
function demoteReplaced(dir: string, marker: AnyMarker, at: Instant, { onWarning }: DestinationOptions): void {
  try {
    demoteAt(layoutOf(dir), marker, at, 'replaced by a restore')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    onWarning(`the old directory could not be made a stand-by: ${error.message}`)
  }
}

/** Throws `restore-mount-point` (rejected): a mount point cannot be renamed. */
export function assertNotMountPoint({ dir }: ExistingDirectory): void {
  if (fs.statSync(dir).dev === fs.statSync(dirname(dir)).dev) return
  throw new AppError('rejected', 'restore-mount-point', `${dir} is a mount point, which cannot be renamed`, {
    hint: 'move its content elsewhere, then restore without --replace',
    details: { path: dir },
  })
}

/** Returns the folder beside a directory in which its replacement is built. */
export function stagingBeside(old: ExistingDirectory): string {
  return join(dirname(old.dir), `.${basename(old.dir)}${STAGING}`)
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
