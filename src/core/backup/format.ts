/**
 * Format of a backup: a tar archive whose first entry is a header, whose other entries have paths of a data directory only, and whose last
 * entry is a manifest with the SHA-256 of all others. Invariant: an unknown path or member is an error, never ignored.
 */
import { utf8 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { canonicalJson } from '../base/json.js'
import { isCount, isOne, isText, isTime, listOf, objectOf } from '../base/shape.js'
import { quoted } from '../base/text.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { isKind, type Kind } from '../eventsourcing/types.js'
import { KEPT_RECORDS } from '../store/commit/kept-records.js'
import { KIND_FOLDERS } from '../store/disk/paths.js'
import { parseShape } from '../store/disk/records.js'

export interface BackupAggregate {
  readonly kind: Kind
  readonly handle: string
  readonly version: number
  readonly sequence: number
}

/** STORED as `backup/header.json`, the first entry. */
export interface BackupHeader {
  readonly format: 1
  /** Id of the data directory. */
  readonly id: string
  readonly generation: number
  readonly test?: true
  /** Number of the newest commit in the backup, and its hash; 0 and null before the first commit. */
  readonly commit: number
  readonly head: Sha256 | null
  /** Time at which the backup was taken. */
  readonly cutAt: Instant
  readonly aggregates: readonly BackupAggregate[]
  /** Digest of all states as of that commit: the `full` digest of `audit digest`. */
  readonly digest: Sha256
  /** Upper bounds of the files and bytes that follow. */
  readonly maxFiles: number
  readonly maxBytes: number
}

export interface BackupEntry {
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly sha256: Sha256
}

/** STORED as `backup/manifest.json`, the last entry. */
export interface BackupManifest {
  readonly format: 1
  readonly header: Sha256
  readonly files: number
  readonly bytes: number
  /** Hashes of `backup/files-1.json` and so on. Each part follows the files that it lists. */
  readonly parts: readonly Sha256[]
}

export const HEADER_NAME = 'backup/header.json'
export const MANIFEST_NAME = 'backup/manifest.json'
/** Number of files in one part of the list. It bounds the memory of readers and writers. */
export const PART_FILES = 2000
/** Largest size of one file, in bytes, as in the store. */
export const FILE_LIMIT = 256 * 1024 * 1024
/** Largest size of the header, of a part or of the manifest, in bytes. */
export const META_LIMIT = 64 * 1024 * 1024

export function partName(n: number): string {
  return `backup/files-${n}.json`
}

const isHash = (v: Json): boolean => typeof v === 'string' && /^[0-9a-f]{64}$/.test(v)

const HEADER = {
  format: isOne,
  id: isText,
  generation: isCount,
  'test?': (v: Json) => v === true,
  commit: isCount,
  head: (v: Json) => v === null || isHash(v),
  cutAt: isTime,
  aggregates: listOf(objectOf({ kind: isKind, handle: isText, version: isCount, sequence: isCount })),
  digest: isHash,
  maxFiles: isCount,
  maxBytes: isCount,
}
const ENTRY = objectOf({ path: isText, size: isCount, mode: isCount, sha256: isHash })
const MANIFEST = { format: isOne, header: isHash, files: isCount, bytes: isCount, parts: listOf(isHash) }

export function encodeMeta(value: BackupHeader | BackupManifest): Uint8Array {
  return utf8(`${canonicalJson(value)}\n`)
}

/** Returns a part of the list, in canonical JSON: written member by member, since a backup lists very many files. */
export function encodePart(files: readonly BackupEntry[]): Uint8Array {
  const lines = files.map(
    ({ mode, path, sha256, size }) =>
      `{"mode":${mode},"path":${JSON.stringify(path)},"sha256":"${sha256}","size":${size}}`,
  )
  return utf8(`{"files":[${lines.join(',')}]}\n`)
}

/** Parses the header. Throws `format-newer`, `file-damaged`. */
export function parseHeader(bytes: Uint8Array, name: string): BackupHeader {
  return parseShape(bytes, `${name}: ${HEADER_NAME}`, HEADER) as unknown as BackupHeader
}

export function parseManifest(bytes: Uint8Array, name: string): BackupManifest {
  return parseShape(bytes, `${name}: ${MANIFEST_NAME}`, MANIFEST) as unknown as BackupManifest
}

export function parsePart(bytes: Uint8Array, name: string): readonly BackupEntry[] {
  return (parseShape(bytes, name, { files: listOf(ENTRY) }) as unknown as { files: readonly BackupEntry[] }).files
}

const RECORD = /^(?:event|command|snapshot)-(?:0|[1-9]\d{0,14})\.json$/
const AGGREGATE = new RegExp(`^(?:${Object.values(KIND_FOLDERS).join('|')})/[a-z0-9_-]{1,255}/(.+)$`)
const OBJECT = /^objects\/(?:archived\/)?([0-9a-f]{2})\/([0-9a-f]{64})$/
const OTHER = [
  /^brine\.(?:json|toml)$/,
  /^commits\/[1-9]\d{0,14}\.json$/,
  /^keys\/(?:[0-9A-F]{40}|audit)$/,
  /^ssl\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/,
]

/** Returns true if a file at this path, relative to the data directory, is part of a backup. */
export function isBackupPath(path: string): boolean {
  const object = OBJECT.exec(path)
  if (object !== null) return object[2]?.startsWith(object[1] ?? '-') === true
  const inside = AGGREGATE.exec(path)?.[1]
  if (inside !== undefined)
    return (
      ['info.json', 'archived.json', KEPT_RECORDS].includes(inside) || RECORD.test(inside.replace(/^archived\//, ''))
    )
  return OTHER.some((pattern) => pattern.test(path))
}

/** Returns the mode of a restored file, whatever the archive says: 0644 for objects, which are served through links, and 0600 for all else. */
export function fileModeOf(path: string): number {
  return path.startsWith('objects/') ? 0o644 : 0o600
}

/** Returns the error for a backup that differs from what was written. Reading it changed nothing. */
export function backupDamaged(name: string, why: string, cause?: unknown): AppError {
  return new AppError('corrupt', 'backup-damaged', `${name}: ${why}`, {
    hint: 'nothing was restored; use another backup of the series',
    details: { path: name },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Returns the error for an entry that no backup of Brine has. */
export function pathRefused(name: string, path: string, why: string): AppError {
  return backupDamaged(name, `refused: ${quoted(path)} ${why}`)
}
