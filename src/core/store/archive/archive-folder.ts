/**
 * Archive folder on another volume: `archive --to DIR`.
 * Invariant: it must exist (otherwise an unmounted volume would be written below its mount point) and belongs to one installation only.
 */
import { realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { AppError } from '../../base/errors.js'
import { isOne, isText } from '../../base/shape.js'
import { readMarker } from '../directory/data-dir.js'
import { type TreeLockRequest, withTreeLock } from '../directory/tree-lock.js'
import { isCorrupt } from '../disk/damage.js'
import { listDir, readIfExists, statIfExists, syncDir } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
import type { Layout } from '../disk/paths.js'
import { encodeRecord, parseShape } from '../disk/records.js'
import { replaceFile } from '../disk/write-file.js'

const MARKER = 'brine-archive.json'

/** Returns the real path of a usable archive folder. Throws `archive-folder-missing`, `-inside`, `-not-empty`, `-foreign` (usage), `io`. */
export function checkArchiveFolder(layout: Layout, dir: string): string {
  const path = realPath(dir)
  if (!relative(layout.dir, path).startsWith('..'))
    throw refused('inside', `${path} is inside the data directory`, 'omit --to to archive into archived/')
  const owner = ownerOf(path)
  if (owner === undefined && listDir(path).some((name) => name !== 'lost+found' && !/^\.(?:tmp-|lock)/.test(name)))
    throw refused('not-empty', `${path} is not empty and is not an archive`, 'give an empty directory')
  if (owner !== undefined && owner !== readMarker(layout.dir).id)
    throw refused('foreign', `${path} is the archive of another data directory`, 'give each data directory its own')
  return path
}

/** Marks a checked folder as the archive of this data directory; does nothing if it already is. Throws what `checkArchiveFolder` throws, `locked`. */
export async function claimArchiveFolder(layout: Layout, path: string, request: TreeLockRequest): Promise<void> {
  if (ownerOf(path) !== undefined) return
  await withTreeLock(path, request, async () => {
    // another command may have filled it since
    checkArchiveFolder(layout, path)
    if (ownerOf(path) !== undefined) return
    replaceFile(join(path, MARKER), encodeRecord({ format: 1, id: readMarker(layout.dir).id }))
    syncDir(path)
  })
}

/** Returns true if the archive is available: its volume may not be mounted. Throws `io`. */
export function isArchiveAvailable(layout: Layout, dir: string | null): boolean {
  return dir === null || ownerOf(dir) === readMarker(layout.dir).id
}

function ownerOf(path: string): string | undefined {
  const marker = join(path, MARKER)
  try {
    const bytes = readIfExists(marker, 65536)
    return bytes === undefined ? undefined : String(parseShape(bytes, marker, { format: isOne, id: isText })['id'])
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return ''
  }
}

function realPath(dir: string): string {
  const path = resolve(dir)
  try {
    const real = realpathSync(path)
    if (statIfExists(real)?.isDirectory() === true) return real
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw ioError('stat', path, error)
  }
  throw refused('missing', `${path} is not a directory`, 'mount the volume, or create the directory')
}

function refused(what: string, message: string, hint: string): AppError {
  return new AppError('usage', `archive-folder-${what}`, message, { hint })
}
