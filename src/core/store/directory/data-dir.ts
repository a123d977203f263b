/**
 * The data directory: its marker `brine.json` and its access checks.
 * Invariant: a directory without a marker is an error and never a new installation.
 */
import * as fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError, rewrap } from '../../base/errors.js'
import { readJson } from '../../base/json-reader.js'
import { isPositive, isText, isTime } from '../../base/shape.js'
import type { Instant } from '../../base/time.js'
import type { StoredCommit } from '../../eventsourcing/types.js'
import { fileDamaged, formatOlder, isCorrupt } from '../disk/damage.js'
import { exists, readOwnedFile, syncDir } from '../disk/fs.js'
import { errnoOf, ioError } from '../disk/io-error.js'
import { layoutOf } from '../disk/paths.js'
import { encodeRecord, parseShape } from '../disk/records.js'
import { replaceFile } from '../disk/write-file.js'
import { markerDigest } from './marker-binding.js'
import { refuseWhileReplaced, replacedBeside } from './tree-lock.js'

/** The data format that this program writes. An older one is migrated by a step of `src/core/upgrade`. */
export const FORMAT = 2

/** STORED in `brine.json`. Only the generation ever changes: commits of format 2 hold the digest of the rest (`markerDigest`). */
export interface Marker extends AnyMarker {
  readonly format: typeof FORMAT
}

/** Marker of the present format or of an older one that can be migrated. */
export interface AnyMarker {
  readonly format: number
  readonly id: string
  /** Raised by each promote, and by a recovery that loses commands. */
  readonly generation: number
  readonly createdAt: Instant
  /** Made by `init --test`: always primary, and accepts `BRINE_NOW`. */
  readonly test?: true
}

const MARKER = {
  format: (v: unknown) => isPositive(v as number) && Number(v) <= FORMAT,
  id: isText,
  generation: isPositive,
  createdAt: isTime,
  'test?': (v: unknown) => v === true,
}

/** Returns the error for a path without a data directory. Throws `locked` if another command is creating or replacing it. */
export function noDataDir(path: string, what: string): AppError {
  refuseWhileReplaced(path)
  const kept = replacedBeside(path)
  return new AppError('no-data-dir', 'no-data-dir', `${path}: ${what}`, {
    hint:
      kept === undefined
        ? missingMarkerHint(path)
        : `a restore was interrupted: run it again, or put the old directory back: mv ${kept} ${path}`,
    details: { path },
  })
}

/** Returns the next step; a directory that holds history has lost its marker, and `init` would not bring it back. */
function missingMarkerHint(path: string): string {
  const hasHistory = fs.existsSync(layoutOf(path).commits)
  return hasHistory ? RESTORE_MARKER : `brine init --data-dir ${path}`
}

const RESTORE_MARKER = 'restore brine.json from a backup or a copy of this directory; it cannot be rebuilt from history'

/**
 * Returns the real path of a usable data directory. Throws `data-dir-empty`, `no-data-dir`, `data-dir-exposed`, `data-dir-foreign`, `io`.
 */
export function checkDataDir(dir: string): string {
  if (dir === '')
    throw new AppError('usage', 'data-dir-empty', 'the path of the data directory is empty', {
      hint: 'give --data-dir DIR',
    })
  const path = resolve(dir)
  let stat: fs.Stats
  try {
    stat = fs.statSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') throw noDataDir(path, 'no such directory')
    throw ioError('stat', path, error)
  }
  if (!stat.isDirectory()) throw noDataDir(path, 'not a directory')
  checkAccess(path, stat)
  return fs.realpathSync(path)
}

function checkAccess(path: string, stat: fs.Stats): void {
  if ((stat.mode & 0o022) !== 0) {
    throw new AppError(
      'credentials',
      'data-dir-exposed',
      `${path}: writable by other users (mode ${(stat.mode & 0o777).toString(8)})`,
      {
        hint: `chmod go-w ${path}`,
        details: { path },
      },
    )
  }
  refuseForeign(path, stat)
}

/** Throws `data-dir-foreign` (credentials) if another user owns the directory. */
export function refuseForeign(path: string, stat: { readonly uid: number | bigint }): void {
  const uid = process.getuid?.()
  if (uid !== undefined && Number(stat.uid) !== uid) {
    throw new AppError(
      'credentials',
      'data-dir-foreign',
      `${path}: owned by uid ${stat.uid}, but this command runs as uid ${uid}`,
      {
        hint: `run it as that user: sudo -u '#${stat.uid}' brine …`,
        details: { path },
      },
    )
  }
}

/** Reads the marker. Throws `no-data-dir` if there is none, `format-older`, `format-newer`, `corrupt`, `io`. */
export function readMarker(dir: string): Marker {
  return readWith(dir, parseMarker)
}

/** Reads the marker of this or an older format. Throws `no-data-dir` if there is none, `format-newer`, `corrupt`, `io`. */
export function readAnyMarker(dir: string): AnyMarker {
  return readWith(dir, parseAnyMarker)
}

function readWith<M extends AnyMarker>(dir: string, parse: (bytes: Uint8Array, path: string) => M): M {
  const { marker } = layoutOf(dir)
  try {
    const bytes = readOwnedFile(marker, 65536)
    if (bytes === undefined) throw noDataDir(dir, 'not a data directory: brine.json is missing')
    return parse(bytes, marker)
  } catch (error) {
    throw isCorrupt(error) && error.code === 'file-damaged' ? markerDamaged(error) : error
  }
}

/** Replaces the hint of an error: `recover` needs the marker, so it must be restored by hand. */
function markerDamaged(error: AppError): AppError {
  return rewrap(error, { hint: 'restore brine.json from a backup or a copy of this directory' })
}

/** Throws `file-damaged` if the marker's generation is older than that of the last commit: serial and manifest numbers would be reused. */
export function refuseOlderMarker(dir: string, generation: number, last: StoredCommit | undefined): void {
  if (last === undefined || last.generation <= generation) return
  const what = `contains generation ${generation}, but commit ${last.commit} was made in generation ${last.generation}`
  throw markerDamaged(fileDamaged(layoutOf(dir).marker, what))
}

/** Checks the marker against the newest commit. Throws `marker-changed` (corrupt) if its id, date, format or `test` was edited. */
export function refuseChangedMarker(dir: string, marker: AnyMarker, last: StoredCommit | undefined): void {
  if (last === undefined || last.marker === markerDigest(marker)) return
  const path = layoutOf(dir).marker
  const what = last.marker === undefined ? 'history does not record it' : `commit ${last.commit} records another hash`
  throw new AppError('corrupt', 'marker-changed', `${path}: id, createdAt, format or test was changed (${what})`, {
    hint: RESTORE_MARKER,
    details: { path, commit: last.commit },
  })
}

/** Parses the marker. Throws `format-older`, `format-newer`, `file-damaged`. */
export function parseMarker(bytes: Uint8Array, path: string): Marker {
  const marker = parseAnyMarker(bytes, path)
  if (isPresent(marker)) return marker
  throw formatOlder(path, marker.format, exists(join(dirname(path), 'upgrade.json')))
}

/** Returns true if the marker is of the format that this program writes. */
export function isPresent(marker: AnyMarker): marker is Marker {
  return marker.format === FORMAT
}

/** Parses the marker of this or an older format. Throws `format-newer`, `file-damaged`. */
export function parseAnyMarker(bytes: Uint8Array, path: string): AnyMarker {
  const marker = parseShape(bytes, path, MARKER, undefined, FORMAT) as unknown as AnyMarker
  // JSON.parse silently takes the last of two members with the same name
  const read = readJson(new TextDecoder().decode(bytes))
  if ('fault' in read) throw fileDamaged(path, read.fault.message)
  return marker
}

/** Writes the marker, durable on return. Throws `io`. */
export function writeMarker(dir: string, marker: Marker): void {
  replaceFile(layoutOf(dir).marker, encodeRecord(marker))
  syncDir(dir)
}
