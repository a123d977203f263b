/** The target of a publication: path of the published tree, its content, and how to read an object. */
import fs from 'node:fs'
import { join } from 'node:path'
import { hintOfErrno, NO_INODES } from '../base/errno-hints.js'
import { AppError } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import type { Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { ObjectRef, PubdState } from '../pubd/state.js'
import { type Disk, errnoOf, nodeDisk, unlessAbsent } from './served-files.js'
import type { TreePolicy } from './tree-choice.js'
import type { WritingPrimary } from './writer-records.js'

/** Certificate (DER) and TAL text of one trust anchor. */
export interface TrustAnchorFiles {
  readonly handle: Handle
  readonly certificate: Uint8Array
  readonly tal: string
}

export interface PublicationTarget {
  /** The folder with `rsync/`, `rrdp/` and `ta/`. */
  readonly repoDir: string
  readonly state: PubdState
  /** Returns the file of a signed object: mode 0644, never changed. */
  readonly objectPath: (sha256: Sha256) => string
  /** If undefined, `ta/` is not changed. */
  readonly ta?: readonly TrustAnchorFiles[]
  readonly disk?: Disk
}

export interface WriteOptions extends PublicationTarget {
  /** The writing installation; undefined if no other can write here. */
  readonly primary?: WritingPrimary
  readonly now: Instant
  /** How long a file remains after the notification no longer lists it (`rrdp_old_files_seconds`); default 600. */
  readonly oldFilesSeconds?: number
  readonly trees?: Partial<TreePolicy>
  /** Ignores all records about the published tree and rebuilds it. */
  readonly rebuild?: boolean
}

/** A target with its defaults. `scratch` holds records and temporary files and is never served. */
export interface OpenTarget extends Omit<WriteOptions, 'disk' | 'rebuild' | 'oldFilesSeconds' | 'trees'> {
  readonly disk: Disk
  readonly scratch: string
  readonly rebuild: boolean
  readonly oldFilesSeconds: number
  readonly trees: Partial<TreePolicy>
}

export function openTarget(options: WriteOptions): OpenTarget {
  return {
    ...options,
    disk: options.disk ?? nodeDisk,
    scratch: join(options.repoDir, '.state'),
    rebuild: options.rebuild ?? false,
    oldFilesSeconds: options.oldFilesSeconds ?? 7200,
    trees: options.trees ?? {},
  }
}

/** Reads an object. Throws `object-missing` or `object-damaged` (corrupt). */
export function readObject(objectPath: (sha256: Sha256) => string, object: ObjectRef): Uint8Array {
  const path = objectPath(object.sha256)
  const bytes = unlessAbsent(() => contentOf(path))
  if (bytes === undefined) throw objectMissing(path)
  if (bytes.length !== object.size || sha256Hex(bytes) !== object.sha256) {
    throw new AppError('corrupt', 'object-damaged', `${path}: content does not match its hash`, {
      hint: 'restore it from a backup: brine recover --from BACKUP',
      details: { path, sha256: object.sha256 },
    })
  }
  return bytes
}

/** Reads a file; a folder in its place counts as missing, since it is not a disk error. */
function contentOf(path: string): Uint8Array {
  try {
    return fs.readFileSync(path)
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') return new Uint8Array()
    throw error
  }
}

export function objectMissing(path: string): AppError {
  return new AppError('corrupt', 'object-missing', `${path}: a published object is missing`, {
    hint: 'restore it from a backup: brine recover --from BACKUP',
    details: { path },
  })
}

/** Returns true if the file system of the folder has no inode left; file systems without a fixed number report none at all. */
function hasNoInodes(folder: string): boolean {
  const stat = unlessAbsent(() => fs.statfsSync(folder))
  return stat !== undefined && stat.files > 0 && stat.ffree === 0
}

/**
 * Converts a failed file operation to `repository-write` (io) with the file and the cause, and for a full disk the required space.
 * Other errors are returned unchanged.
 */
export function writeError(error: unknown, folder: string, room?: () => number): unknown {
  const errno = errnoOf(error)
  if (error instanceof AppError || errno === undefined) return error
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : folder
  const isInodes = errno === 'ENOSPC' && hasNoInodes(folder)
  const needed = !isInodes && (errno === 'ENOSPC' || errno === 'EDQUOT') ? room?.() : undefined
  const need = isInodes ? NO_INODES.text : needed === undefined ? '' : `; it needs ${needed} bytes free`
  return new AppError('io', 'repository-write', `${path}: cannot write the published tree: ${errno}${need}`, {
    hint: `${isInodes ? NO_INODES.hint : (hintOfErrno(errno) ?? 'free space or grant access')}; then: brine pubserver write`,
    details: { path, errno, ...(needed === undefined ? {} : { bytesNeeded: needed }) },
    changed: 'unknown',
    retry: true,
    cause: error,
  })
}
