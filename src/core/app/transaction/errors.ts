/** Errors of transactions: a lost conflict, and whether an error concerns the whole data directory. */
import { AppError } from '../../base/errors.js'

/** Returns the error of a commit that lost against another one. Nothing was written, and the command may decide again. */
export function conflict(): AppError {
  return new AppError('locked', 'commit-lost', 'another command came in between', { retry: true })
}

/** Returns true if the error concerns the whole data directory: work on its other aggregates would fail as well. */
export function concernsWholeDirectory(error: AppError): boolean {
  if (error.code === 'clock-behind') return true
  switch (error.kind) {
    case 'io':
    case 'locked':
    case 'standby':
    case 'pending':
    case 'uncertain':
    case 'interrupted':
      return true
    case 'rejected':
    case 'usage':
    case 'partial':
    case 'differs':
    case 'no-data-dir':
    case 'corrupt':
    case 'format':
    case 'remote':
    case 'unavailable':
    case 'credentials':
    case 'internal':
      return false
  }
}
