/** The errors of data that is not as it was written: which file, which aggregate, and the command that mends it. */
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

/** A file that a commit names is not there. */
export function fileMissing(path: string, id?: AggregateId): AppError {
  return corrupt('file-missing', path, id, 'a commit names this file and it is not there')
}

/** A file that a commit names was archived, and is not where it went. */
export function archiveMissing(path: string, to: string, id: AggregateId): AppError {
  return new AppError(
    'corrupt',
    'file-missing',
    `${path} (${formatAggregateId(id)}): archived to ${to} and not there any more`,
    {
      hint: 'say with --archive DIR where it is now, or put it back',
      details: { path, aggregate: formatAggregateId(id), archivedTo: to },
    },
  )
}

/** A file is there and is not what was written. */
export function fileDamaged(path: string, why: string, id?: AggregateId): AppError {
  return corrupt('file-damaged', path, id, why)
}

/** A file of another user, who may change it at any time: as good as damaged, though nothing need be lost. */
export function fileOwnedByOther(path: string, uid: number, own: number): AppError {
  const message = `${path}: belongs to uid ${uid}, and this command runs as uid ${own}`
  return new AppError('corrupt', 'file-foreign', message, {
    hint: `chown ${own} ${path}; then brine audit verify says whether it was changed`,
    details: { path, uid },
  })
}

/** A folder that `init` made is not there: what lay in it is lost, so it is damage and no failure of the disk. */
export function folderMissing(path: string): AppError {
  return new AppError('corrupt', 'folder-missing', `${path}: this folder of the data directory is not there`, {
    hint: 'brine recover --from BACKUP brings back what lay in it',
    details: { path },
  })
}

/** A commit that is known to have happened is not there. */
export function commitMissing(path: string, id?: AggregateId): AppError {
  return corrupt('commit-missing', path, id, 'this commit happened and its file is not there')
}

/** A signed object is not there, or is not what its name says. */
export function objectCorrupt(code: string, path: string, why: string): AppError {
  return new AppError('corrupt', code, `${path}: ${why}`, { hint: 'brine recover --from BACKUP', details: { path } })
}

/** Written by a newer program: nothing is wrong with it and nothing is moved. */
export function formatNewer(path: string, format: number): AppError {
  return new AppError('format', 'format-newer', `${path}: written by a newer version (data format ${format})`, {
    hint: 'install the version of brine that wrote it; there is no way back to an older one',
    details: { path, format },
  })
}

export function isNewer(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'format-newer'
}

/** Written by an older program: as it should be, and to be migrated first. `interrupted`: a migration began here and did not end. */
export function formatOlder(path: string, format: number, interrupted: boolean): AppError {
  const what = interrupted ? 'an upgrade was interrupted here' : 'written by an older version'
  return new AppError('format', 'format-older', `${path}: ${what} (data format ${format})`, {
    hint: 'brine upgrade',
    details: { path, format, interrupted },
  })
}

export function isCorrupt(error: unknown): error is AppError {
  return error instanceof AppError && error.kind === 'corrupt'
}
