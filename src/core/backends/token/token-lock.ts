/** Lock of a token across processes: vendor libraries fail when several processes use a token at the same time. */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import { BackendFault } from '../../ha/backend.js'
import { LockStopped, lockFile } from '../../store/disk/kernel-lock.js'
import { configFault } from '../files.js'

/** Takes the lock `name` and returns its release function. Throws a BackendFault, `ca-timeout` if the signal comes first. */
export async function lockToken(folder: string, name: string, signal: AbortSignal): Promise<() => void> {
  const path = join(folder, `${name}.lock`)
  try {
    return await lockFile(path, signal)
  } catch (cause) {
    if (cause instanceof LockStopped)
      throw new BackendFault('ca-fault', 'ca-timeout', 'timed out while other processes used the token')
    const what = cause instanceof Error ? cause.message : String(cause)
    const message =
      cause instanceof AppError
        ? `the lock of the token cannot be taken: ${what}`
        : `${path}: the lock of the token cannot be taken: ${what}`
    throw configFault('ca-token-lock', message, cause)
  }
}
