/** Errors of transactions: a lost conflict, a full disk, and what a kind of error says about the data directory. */
import { AppError, type ErrorKind, rewrap } from '../../base/errors.js'

/** Returns the error of a commit that lost against another one. Nothing was written, and the command may decide again. */
export function conflict(): AppError {
  return new AppError('locked', 'commit-lost', 'another command came in between', { retry: true })
}

/** Returns the error of a command that has changed something before it failed: it does not say that nothing was changed. */
export function afterChange(error: unknown): unknown {
  return error instanceof AppError && error.changed === 'no' ? rewrap(error, { changed: 'yes' }) : error
}

/**
 * Returns `io-no-space` with the bytes that the whole change needs, not the size of the file that failed: `requiredSpace` computes them, for
 * the message and `bytesNeeded`. Other errors, and an error whose required space is known already or cannot be computed, are returned unchanged.
 */
export async function withRequiredSpace(
  error: unknown,
  requiredSpace: () => Promise<number | undefined>,
): Promise<unknown> {
  if (!(error instanceof AppError) || error.code !== 'io-no-space') return error
  const details = error.details as Readonly<Record<string, string | number>>
  // bytes do not help where inodes are missing
  if (details['bytesNeeded'] !== undefined || details['inodesFree'] === 0) return error
  const bytesNeeded = await requiredSpace().catch(() => undefined)
  if (bytesNeeded === undefined) return error
  const message = error.message.replace(/, \d+ bytes needed$/, '')
  return rewrap(error, {
    message: `${message}; this change needs ${bytesNeeded} bytes free`,
    details: { ...details, bytesNeeded },
  })
}

/**
 * `writing`: the disk is full or read-only, a sync failed, or another command holds the lock. `directory`: what else stops all work on the
 * data directory. `part`: the error of one command or aggregate; the others can go on.
 */
type Scope = 'writing' | 'directory' | 'part'

const SCOPES: Readonly<Record<ErrorKind, Scope>> = {
  io: 'writing',
  locked: 'writing',
  uncertain: 'writing',
  standby: 'directory',
  pending: 'directory',
  interrupted: 'directory',
  rejected: 'part',
  usage: 'part',
  partial: 'part',
  differs: 'part',
  'no-data-dir': 'part',
  corrupt: 'part',
  format: 'part',
  remote: 'part',
  unavailable: 'part',
  credentials: 'part',
  internal: 'part',
}

/** Returns true if the error concerns the whole data directory: work on its other aggregates would fail as well. */
export function concernsWholeDirectory(error: AppError): boolean {
  return isAboutClock(error) || SCOPES[error.kind] !== 'part'
}

/** Returns true for a time of the directory that no command may go by. A publication point of the future concerns its own CA alone. */
function isAboutClock({ code, details }: AppError): boolean {
  if (code === 'clock-jumped') return true
  return code === 'clock-behind' && (details as { readonly scope?: unknown } | null)?.scope !== 'point'
}

/** Returns true if the command could not write: the disk is full or read-only, a sync failed, or another command holds the lock. */
export function preventsWriting(error: AppError): boolean {
  return SCOPES[error.kind] === 'writing'
}
