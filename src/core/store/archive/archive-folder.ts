/**
 * A folder on another volume that takes what is archived: `archive --to DIR`.
 * Invariant: it is there already (a volume that is not mounted is never written below its mount point) and belongs to this installation alone.
 */
import { realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { AppError } from '../../base/errors.js'
import { isOne, isText } from '../../base/shape.js'
import { readMarker } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { listDir, readIfExists, statIfExists, syncDir } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
import type { Layout } from '../disk/paths.js'
import { encodeRecord, parseShape } from '../disk/records.js'
import { replaceFile } from '../disk/write-file.js'

const MARKER = 'brine-archive.json'

/** The real path of a folder that may take files. Throws `archive-folder-missing`, `-inside`, `-not-empty`, `-foreign` (usage). */
export function checkArchiveFolder(layout: Layout, dir: string): string {
  const path = realPath(dir)
  if (!relative(layout.dir, path).startsWith('..'))
    throw refused('inside', `${path} lies inside the data directory`, 'leave out --to: archived/ is for that')
  const owner = ownerOf(path)
  if (owner === undefined && listDir(path).some((name) => name !== 'lost+found' && !name.startsWith('.tmp-')))
    throw refused('not-empty', `${path} holds something and is no archive`, 'give an empty directory')
  if (owner !== undefined && owner !== readMarker(layout.dir).id)
    throw refused('foreign', `${path} is the archive of another data directory`, 'give each data directory its own')
  return path
}

/** Makes a checked folder the archive of this data directory; nothing when it is already. */
export function claimArchiveFolder(layout: Layout, path: string): void {
  if (ownerOf(path) !== undefined) return
  replaceFile(join(path, MARKER), encodeRecord({ format: 1, id: readMarker(layout.dir).id }))
  syncDir(path)
}

/** Can the archive be looked at now? A volume may be away. */
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
  throw refused('missing', `${path} is no directory`, 'mount the volume, or make the directory')
}

function refused(what: string, message: string, hint: string): AppError {
  return new AppError('usage', `archive-folder-${what}`, message, { hint })
}
