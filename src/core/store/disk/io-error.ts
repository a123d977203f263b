/**
 * Errors of file operations. Each operation first calls a hook, with which tests inject faults; a failure becomes an `io` error that names
 * the file, the operation and the cause.
 * Invariant: a failed operation is reported once and never retried.
 */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { hintOfErrno, isLinkRefused, NO_INODES } from '../../base/errno-hints.js'
import { AppError, type Changed } from '../../base/errors.js'

export type FileOperation =
  | 'read'
  | 'list'
  | 'stat'
  | 'create'
  | 'write'
  | 'sync'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'syncDir'

let hook: ((operation: FileOperation, path: string) => void) | undefined

/**
 * Sets the hook called before each operation; an error it throws becomes the failure of that operation. For tests: fail or die at the n-th.
 */
export function onFileOperation(next: ((operation: FileOperation, path: string) => void) | undefined): void {
  hook = next
}

/** Calls the hook; an error it throws is the failure of the operation. */
export function notifyHook(operation: FileOperation, path: string): void {
  hook?.(operation, path)
}

/** Returns the errno name of an `io` error of this module or of an error of Node; undefined for any other. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof AppError) {
    const details = error.details as { readonly errno?: unknown } | null
    return typeof details?.errno === 'string' ? details.errno : undefined
  }
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Returns the operation that failed, for an `io` error of this module; undefined for any other. */
export function operationOf(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.kind !== 'io') return undefined
  const { operation } = error.details as { readonly operation?: unknown }
  return typeof operation === 'string' ? operation : undefined
}

/** Returns true if a staged file was removed before it got its final name: each new lock holder empties the temporary folder. */
export function isTempFileMissing(error: unknown): boolean {
  const operation = operationOf(error)
  return errnoOf(error) === 'ENOENT' && (operation === 'link' || operation === 'rename')
}

function codeOf(errno: string, operation: FileOperation): string {
  if (isLinkRefused(errno, operation)) return 'io-no-links'
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'io-no-space'
  if (errno === 'EACCES' || errno === 'EPERM') return 'io-denied'
  return errno === 'EROFS' ? 'io-read-only' : 'io-failed'
}

const HINTS: Readonly<Record<string, string>> = {
  'io-no-space': 'free some space and run the command again',
  'io-denied': 'run brine as the owner of the data directory, and check the permissions of this path',
  'io-read-only': 'remount the file system for writing (see dmesg for why it went read-only)',
  'io-failed': 'see dmesg for the cause; if the disk is damaged, restore from a backup',
}

/** Returns true if the file system of a path, or of the nearest folder above it, has no inode left for this user. */
export function hasNoInodes(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { files, ffree } = statfsSync(at)
      // file systems without a fixed number of inodes report none at all
      return files > 0 && ffree === 0
    } catch {
      if (dirname(at) === at) return false
    }
  }
}

/** Builds an `io` error that names the file, the operation and the cause. `bytes` is the space that the write required. */
export function ioError(
  operation: FileOperation,
  path: string,
  cause: unknown,
  init: { bytes?: number; changed?: Changed } = {},
): AppError {
  const errno = errnoOf(cause) ?? 'EIO'
  const code = codeOf(errno, operation)
  const isInodes = errno === 'ENOSPC' && hasNoInodes(path)
  const bytes = code === 'io-no-space' && init.bytes !== undefined ? `, ${init.bytes} bytes needed` : ''
  const need = isInodes ? NO_INODES.text : bytes
  const details = {
    ...{ path, errno, operation },
    ...(init.bytes === undefined ? {} : { bytes: init.bytes }),
    ...(isInodes ? { inodesFree: 0 } : {}),
  }
  return new AppError('io', code, `${path}: ${operation} failed: ${errno}${need}`, {
    hint: isInodes ? NO_INODES.hint : (hintOfErrno(errno, operation) ?? HINTS[code] ?? ''),
    details,
    changed: init.changed ?? 'no',
    retry: code === 'io-no-space',
    cause,
  })
}

/** Runs one operation after the hook and returns its result. Converts any error to an `io` error. */
export function attempt<T>(operation: FileOperation, path: string, run: () => T, bytes?: number): T {
  try {
    notifyHook(operation, path)
    return run()
  } catch (error) {
    throw ioError(operation, path, error, bytes === undefined ? {} : { bytes })
  }
}
