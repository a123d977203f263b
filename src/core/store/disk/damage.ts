/** Errors for damaged or missing data and for other data formats: which file, which aggregate, and the command that repairs it. */
import { AppError } from '../../base/errors.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'

function hintFor(id: AggregateId | undefined): string {
  return `brine recover ${id === undefined ? '' : `${formatAggregateId(id)} `}--dry-run`
}

function corrupt(code: string, path: string, id: AggregateId | undefined, why: string): AppError {
  const owner = id === undefined ? '' : ` (${formatAggregateId(id)})`
  return new AppError('corrupt', code, `${path}${owner}: ${why}`, {
    hint: hintFor(id),
    details: { path, ...(id === undefined ? {} : { aggregate: formatAggregateId(id) }) },
  })
}

/** Error for a missing file that a commit references. */
export function fileMissing(path: string, id?: AggregateId): AppError {
  return corrupt('file-missing', path, id, 'file is missing, and a commit references it')
}

/** Error for an archived file that a commit references and that is missing from its archive folder `to`. */
export function archiveMissing(path: string, to: string, id: AggregateId): AppError {
  return new AppError(
    'corrupt',
    'file-missing',
    `${path} (${formatAggregateId(id)}): archived to ${to} and missing there`,
    {
      hint: 'name the folder that holds it now with --archive DIR, or put it back',
      details: { path, aggregate: formatAggregateId(id), archivedTo: to },
    },
  )
}

/** Error for a file whose content is not what was written. */
export function fileDamaged(path: string, why: string, id?: AggregateId): AppError {
  return corrupt('file-damaged', path, id, why)
}

/** Error for a file that another user owns, who could change it at any time: as untrusted as a damaged one, though nothing may be lost. */
export function fileOwnedByOther(path: string, uid: number, own: number): AppError {
  const message = `${path}: owned by uid ${uid}, but this command runs as uid ${own}`
  return new AppError('corrupt', 'file-foreign', message, {
    hint: `chown ${own} ${path}; then check that it is unchanged with: brine audit verify`,
    details: { path, uid },
  })
}

/** Error for a missing folder that `init` created: its content is lost, so it is `corrupt` and not `io`. */
export function folderMissing(path: string): AppError {
  return new AppError('corrupt', 'folder-missing', `${path}: folder of the data directory is missing`, {
    hint: 'restore its content with: brine recover --from BACKUP',
    details: { path },
  })
}

/** Error for the missing file of a commit that is known to have been made. */
export function commitMissing(path: string, id?: AggregateId): AppError {
  return corrupt('commit-missing', path, id, 'file of a completed commit is missing')
}

/** Error for a signed object that is missing, or whose content does not match its name. */
export function objectCorrupt(code: string, path: string, why: string): AppError {
  return new AppError('corrupt', code, `${path}: ${why}`, { hint: 'brine recover --from BACKUP', details: { path } })
}

/** Error for a file that a newer program wrote: it is not damaged, and nothing is moved. */
export function formatNewer(path: string, format: number): AppError {
  return new AppError('format', 'format-newer', `${path}: written by a newer version (data format ${format})`, {
    hint: 'install the version of brine that wrote it; older versions cannot read it',
    details: { path, format },
  })
}

export function isNewer(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'format-newer'
}

/**
 * Error for a file that an older program wrote: it is intact and must be migrated first. `interrupted`: a migration began and did not end.
 */
export function formatOlder(path: string, format: number, interrupted: boolean): AppError {
  const what = interrupted ? 'an upgrade was interrupted' : 'written by an older version'
  return new AppError('format', 'format-older', `${path}: ${what} (data format ${format})`, {
    hint: 'brine upgrade',
    details: { path, format, interrupted },
  })
}

export function isCorrupt(error: unknown): error is AppError {
  return error instanceof AppError && error.kind === 'corrupt'
}

/** Returns what `read` returns; undefined for what is damaged, after a call of `onCorrupt`. Throws any other error. */
export function unlessCorrupt<T>(read: () => T, onCorrupt?: (error: AppError) => void): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isCorrupt(error)) throw error
    onCorrupt?.(error)
    return undefined
  }
}
