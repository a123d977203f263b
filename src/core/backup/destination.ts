/** The destination of a restore: an empty or missing directory, or a data directory that is to be replaced. */
import * as fs from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError, rewrap } from '../base/errors.js'
import { type AnyMarker, readAnyMarker } from '../store/directory/data-dir.js'
import type { acquireLock } from '../store/directory/lock.js'
import { isCorrupt } from '../store/disk/damage.js'
import { exists, listDir, statIfExists } from '../store/disk/fs.js'
import { errnoOf, ioError } from '../store/disk/io-error.js'
import { KIND_FOLDERS, layoutOf } from '../store/disk/paths.js'

export interface DestinationOptions {
  /** Seconds to wait for the write lock. */
  readonly lockTimeout: number
  readonly command: string
  readonly onWarning: (text: string) => void
  /** The destination is itself a staging folder: whatever an interrupted restore left in it is removed. */
  readonly isStaging?: boolean
}

/** The folder in which a tree is built before it is moved up. It is inside the destination, so that a mount point can be one. */
export const STAGING = '.restoring'

/** A data directory at the destination. A restore keeps it under another name. */
export interface ExistingDirectory {
  readonly dir: string
  /** Undefined if the marker is damaged. */
  readonly marker: AnyMarker | undefined
}

/** Returns the names in a directory, except for locks, `lost+found` and the debris of an interrupted restore. */
export function contentOf(dir: string): readonly string[] {
  const names = namesIn(dir)
  return names.includes(STAGING) && !names.includes('brine.json') ? names.filter((name) => !isDebris(dir, name)) : names
}

export function namesIn(dir: string): readonly string[] {
  return listDir(dir).filter((name) => name !== 'lost+found' && !name.startsWith('.lock'))
}

/** Names at the top of a data directory that a restore creates. */
const RESTORED_NAMES = new Set([
  ...['brine.toml', 'commits', 'keys', 'objects', 'ssl', 'status', 'tmp'],
  ...Object.values(KIND_FOLDERS),
])

/**
 * Returns true if an interrupted restore created this name. A name that it had moved up is missing from the staging folder, which still has the
 * marker; every other name belongs to the operator.
 */
export function isDebris(dir: string, name: string): boolean {
  const staging = join(dir, STAGING)
  return (
    name === STAGING || (RESTORED_NAMES.has(name) && exists(layoutOf(staging).marker) && !exists(join(staging, name)))
  )
}

/** Returns the data directory at the destination; undefined if the destination is empty or missing. Throws `restore-not-empty` (rejected). */
export function findExisting(destination: string): ExistingDirectory | undefined {
  const dir = resolveDestination(destination)
  if (!exists(dir) || contentOf(dir).length === 0) return undefined
  if (!exists(layoutOf(dir).marker))
    throw new AppError(
      'rejected',
      'restore-not-empty',
      `${dir} is not empty: it has ${contentOf(dir).slice(0, 3).join(', ')}`,
      {
        hint: 'give a directory that is empty or does not exist',
        details: { path: dir },
      },
    )
  try {
    return { dir, marker: readAnyMarker(dir) }
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return { dir, marker: undefined }
  }
}

/** Returns the absolute path, with a link to a directory resolved. Throws `restore-not-empty` for a file. */
export function resolveDestination(destination: string): string {
  const path = resolve(destination)
  if (isDirectory(path)) return fs.realpathSync(path)
  if (statIfExists(path) === undefined) return path
  throw notDirectory(path)
}

/** Follows links. Throws `restore-not-empty` if a file or a loop of links is in the way. */
function isDirectory(path: string): boolean {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch (error) {
    throw ['ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '') ? notDirectory(path) : ioError('stat', path, error)
  }
}

function notDirectory(path: string): AppError {
  return new AppError('rejected', 'restore-not-empty', `${path} is not a directory`, {
    hint: 'give a directory that is empty or does not exist',
    details: { path },
  })
}

/** Returns the error for a tree that is in place but whose last sync failed; other errors are returned unchanged. */
export function restoreUncertain(dir: string, cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause
  return rewrap(cause, {
    kind: 'uncertain',
    code: 'restore-uncertain',
    message: `${dir} is restored, but the last sync failed and durability is unknown: ${cause.message}`,
    hint: `brine status --data-dir ${dir}`,
    changed: 'unknown',
    retry: false,
  })
}

export function lockRequest(options: DestinationOptions): Parameters<typeof acquireLock>[1] {
  const { lockTimeout, command, onWarning } = options
  return { timeout: lockTimeout, command, long: true, warn: onWarning }
}
