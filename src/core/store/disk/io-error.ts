/**
 * File operations as they fail: each is announced to a hook that tests set, and ends in an error that names file, operation and cause.
 * Invariant: a failed operation is told once and never tried again.
 */
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

/** Called before each operation; what it throws is taken for that operation's failure. For tests: fail or die at the n-th. */
export function onFileOperation(next: ((operation: FileOperation, path: string) => void) | undefined): void {
  hook = next
}

/** Tells the hook; whatever it throws is the failure. */
export function notifyHook(operation: FileOperation, path: string): void {
  hook?.(operation, path)
}

/** The errno name of a failure of this module, or of Node's own. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof AppError) {
    const details = error.details as { readonly errno?: unknown } | null
    return typeof details?.errno === 'string' ? details.errno : undefined
  }
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** What failed, of an error of this module. */
export function operationOf(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.kind !== 'io') return undefined
  const { operation } = error.details as { readonly operation?: unknown }
  return typeof operation === 'string' ? operation : undefined
}

/** Did a file that was growing go away before it had its name? The temporary folder is emptied by each new holder of the lock. */
export function isTempFileMissing(error: unknown): boolean {
  const operation = operationOf(error)
  return errnoOf(error) === 'ENOENT' && (operation === 'link' || operation === 'rename')
}

function codeOf(errno: string): string {
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'io-no-space'
  if (errno === 'EACCES' || errno === 'EPERM') return 'io-denied'
  return errno === 'EROFS' ? 'io-read-only' : 'io-failed'
}

const HINTS: Readonly<Record<string, string>> = {
  'io-no-space': 'free some space and run the command again',
  'io-denied': 'run as the owner of the data directory, or mend its modes',
  'io-read-only': 'remount the file system for writing (see dmesg for why it went read-only)',
  'io-failed': 'see dmesg for the cause; a damaged disk wants a restore from backup',
}

/** An `io` error that names file, operation and cause. `bytes` is what the write would have needed. */
export function ioError(
  operation: FileOperation,
  path: string,
  cause: unknown,
  init: { bytes?: number; changed?: Changed } = {},
): AppError {
  const errno = errnoOf(cause) ?? 'EIO'
  const code = codeOf(errno)
  const need = code === 'io-no-space' && init.bytes !== undefined ? `, ${init.bytes} bytes needed` : ''
  const details = { path, errno, operation, ...(init.bytes === undefined ? {} : { bytes: init.bytes }) }
  return new AppError('io', code, `${path}: ${operation} failed: ${errno}${need}`, {
    hint: HINTS[code] ?? '',
    details,
    changed: init.changed ?? 'no',
    retry: code === 'io-no-space',
    cause,
  })
}

/** Runs one operation under the hook. Throws what it throws as an `io` error. */
export function attempt<T>(operation: FileOperation, path: string, run: () => T, bytes?: number): T {
  try {
    notifyHook(operation, path)
    return run()
  } catch (error) {
    throw ioError(operation, path, error, bytes === undefined ? {} : { bytes })
  }
}
