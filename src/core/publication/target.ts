/** What every writer of the served tree works with: where it lies, what it must hold, and how to read an object of it. */
import fs from 'node:fs'
import { join } from 'node:path'
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
  /** The folder that holds `rsync/`, `rrdp/` and `ta/`. */
  readonly repoDir: string
  readonly state: PubdState
  /** The file of a signed object: 0644, never changed once written. */
  readonly objectPath: (sha256: Sha256) => string
  /** Undefined leaves `ta/` alone. */
  readonly ta?: readonly TrustAnchorFiles[]
  readonly disk?: Disk
}

export interface WriteOptions extends PublicationTarget {
  /** Who writes; undefined where nobody else can. */
  readonly primary?: WritingPrimary
  readonly now: Instant
  /** How long a file that the notification no longer lists stays (`rrdp_old_files_seconds`); 600 when left out. */
  readonly oldFilesSeconds?: number
  readonly trees?: Partial<TreePolicy>
  /** Distrusts everything remembered about the served tree and writes all of it anew. */
  readonly rebuild?: boolean
}

/** The same with its defaults. `scratch` is never served: records and files on their way. */
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
    oldFilesSeconds: options.oldFilesSeconds ?? 600,
    trees: options.trees ?? {},
  }
}

/** The bytes of an object. Throws `object-missing` or `object-damaged` (corrupt). */
export function readObject(objectPath: (sha256: Sha256) => string, object: ObjectRef): Uint8Array {
  const path = objectPath(object.sha256)
  const bytes = unlessAbsent(() => contentOf(path))
  if (bytes === undefined) throw objectMissing(path)
  if (bytes.length !== object.size || sha256Hex(bytes) !== object.sha256) {
    throw new AppError('corrupt', 'object-damaged', `${path}: its content is not what its name says`, {
      hint: 'brine recover --from a backup that has it',
      details: { path, sha256: object.sha256 },
    })
  }
  return bytes
}

/** A folder in the place of an object has no content: the disk is well. */
function contentOf(path: string): Uint8Array {
  try {
    return fs.readFileSync(path)
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') return new Uint8Array()
    throw error
  }
}

export function objectMissing(path: string): AppError {
  return new AppError('corrupt', 'object-missing', `${path}: a published object is not there`, {
    hint: 'brine recover --from a backup that has it',
    details: { path },
  })
}

/**
 * What a failed file operation becomes: `repository-write` (io) with the file and the cause, and the bytes of `room` where the disk is full.
 * Anything else stays what it is.
 */
export function writeError(error: unknown, folder: string, room?: () => number): unknown {
  const errno = errnoOf(error)
  if (error instanceof AppError || errno === undefined) return error
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : folder
  const needed = errno === 'ENOSPC' || errno === 'EDQUOT' ? room?.() : undefined
  const need = needed === undefined ? '' : `; it needs ${needed} bytes free`
  return new AppError('io', 'repository-write', `${path}: cannot write the served tree: ${errno}${need}`, {
    hint: 'make room or give access, then: brine pubserver write',
    details: { path, errno, ...(needed === undefined ? {} : { bytesNeeded: needed }) },
    changed: 'unknown',
    retry: true,
    cause: error,
  })
}
