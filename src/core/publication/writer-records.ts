/**
 * Records of the writer about the published tree, in `repo/.state/`: replaceable, not served.
 * Invariant: a record is written after the files it describes are durable, so it may describe fewer files than exist, never more.
 */
import { join } from 'node:path'
import { utf8 } from '../base/bytes.js'
import { withEntries } from '../base/record.js'
import { type Instant, parseInstant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { type Disk, ensureFolder, removeFile, replaceFile, textOf } from './served-files.js'

/** STORED. Incremented when the text of RRDP files changes, which invalidates the lengths in older records. */
const FORMAT = 1

/** STORED. A file below `repo/rrdp/`. */
export interface KnownFile {
  readonly path: string
  readonly sha256: Sha256
  readonly bytes: number
}

/** STORED in `rrdp.json`. */
export interface RrdpRecord {
  readonly session: string
  readonly serial: number
  readonly snapshot: KnownFile
  readonly deltas: readonly KnownFile[]
  /** Files that the notification no longer lists, and since when. */
  readonly retired: readonly { readonly path: string; readonly at: Instant }[]
}

/** STORED in `rsync.json`. Content of an rsync tree; serial 0 if unknown. */
export interface Tree {
  readonly name: string
  readonly session: string
  readonly serial: number
  /** When `current` was moved away from it; null while it is current, if it never was, or once it is known to have no readers. */
  readonly retiredAt: Instant | null
}

/** STORED in `rsync.json`. */
export interface TreeRecord {
  readonly trees: readonly Tree[]
  /** Number of trees that `tick` keeps ready; missing if an older version wrote the record. */
  readonly ready?: number
}

/** STORED in `tree-<name>.json`: fingerprint of an rsync tree (see tree-fingerprint.ts). */
export interface TreeFingerprint {
  readonly session: string
  readonly serial: number
  /** Time of the last change of each folder, nanoseconds, by its path below the tree; '' is the tree. */
  readonly folders: Readonly<Record<string, string>>
  /** True if some files are copies instead of links. */
  readonly copies: boolean
}

/** STORED in `tree-<name>-touched.json`. Folders that changed after the fingerprint of `base`, so that a change need not write all of them. */
export interface TouchedFolders extends Omit<TreeFingerprint, 'folders'> {
  /** Serial of the fingerprint in `tree-<name>.json`; with another this record has no meaning. */
  readonly base: number
  /** As in the fingerprint; null for a folder that is gone. */
  readonly folders: Readonly<Record<string, string | null>>
}

/** A fingerprint with the folders that changed since it was written as a whole. */
export interface KnownFolders extends TreeFingerprint {
  readonly base: number
  readonly touched: TouchedFolders['folders']
}

/** STORED in `primary.json`. The data directory that writes this tree. */
export interface WritingPrimary {
  /** Id of the installation, the same in every copy. */
  readonly id: string
  readonly generation: number
  /** Distinguishes two directories of one generation. */
  readonly writer: string
  readonly host: string
  /** When it became the primary. */
  readonly at: Instant
  /** The newest commit that was published; missing if an older version wrote the record. */
  readonly last?: PublishedCommit
}

/** STORED in `primary.json`. */
export interface PublishedCommit {
  readonly commit: number
  readonly sha256: Sha256
}

/** Reads the record; undefined if it is missing or invalid. */
export function readPrimary(scratch: string): WritingPrimary | undefined {
  const { id, generation, writer, host, at, last } = readRecord(join(scratch, 'primary.json')) ?? {}
  if (!isText(id) || !isCount(generation) || !isText(writer) || !isText(host) || !isInstant(at)) return undefined
  return { id, generation, writer, host, at, ...(isPublishedCommit(last) ? { last } : {}) }
}

function isPublishedCommit(value: unknown): value is PublishedCommit {
  return isRecord(value) && isCount(value['commit']) && isText(value['sha256'])
}

export function writePrimary(disk: Disk, repoDir: string, scratch: string, primary: WritingPrimary): void {
  writeRecord(disk, repoDir, join(scratch, 'primary.json'), scratch, { format: FORMAT, ...primary })
}

/** Reads the record; undefined if it is missing or invalid. */
export function readRrdpRecord(scratch: string): RrdpRecord | undefined {
  const found = readRecord(join(scratch, 'rrdp.json'))
  const { session, serial, snapshot, deltas, retired } = found ?? {}
  if (!isText(session) || !isCount(serial) || !isKnownFile(snapshot)) return undefined
  if (!Array.isArray(deltas) || !deltas.every(isKnownFile)) return undefined
  if (!Array.isArray(retired) || !retired.every(isRetired)) return undefined
  return { session, serial, snapshot, deltas, retired }
}

/** Reads the record; undefined if it is missing or invalid. */
export function readTrees(scratch: string): readonly Tree[] | undefined {
  return readTreeRecord(scratch)?.trees
}

/** Reads the record with the number of trees to keep ready; undefined if it is missing or invalid. */
export function readTreeRecord(scratch: string): TreeRecord | undefined {
  const { trees, ready } = readRecord(join(scratch, 'rsync.json')) ?? {}
  if (!Array.isArray(trees) || !trees.every(isTree)) return undefined
  return isCount(ready) ? { trees, ready } : { trees }
}

/** Writes the record. Returns the bytes written. */
export function writeRrdpRecord(disk: Disk, repoDir: string, scratch: string, record: RrdpRecord): number {
  return writeRecord(disk, repoDir, join(scratch, 'rrdp.json'), scratch, { format: FORMAT, ...record })
}

/** Writes the record. Returns the bytes written. */
export function writeTrees(
  disk: Disk,
  repoDir: string,
  scratch: string,
  trees: readonly Tree[],
  ready?: number,
): number {
  const record: TreeRecord = ready === undefined ? { trees } : { trees, ready }
  return writeRecord(disk, repoDir, join(scratch, 'rsync.json'), scratch, { format: FORMAT, ...record })
}

/** Reads both records of a tree; undefined if the fingerprint is missing or invalid. */
export function readFingerprints(scratch: string, tree: string): KnownFolders | undefined {
  const { session, serial, folders, copies } = readRecord(fingerprintPath(scratch, tree)) ?? {}
  if (!isText(session) || !isCount(serial) || typeof copies !== 'boolean') return undefined
  if (!isRecord(folders) || !isTable(folders)) return undefined
  const later = readTouched(scratch, tree)
  if (later === undefined || later.session !== session || later.base !== serial)
    return { session, serial, folders, copies, base: serial, touched: {} }
  const gone = Object.keys(later.folders).filter((path) => later.folders[path] === null)
  const changed = Object.entries(later.folders).flatMap(([path, at]) => (at === null ? [] : [[path, at] as const]))
  return { ...later, touched: later.folders, folders: withEntries(folders, changed, gone) }
}

function readTouched(scratch: string, tree: string): TouchedFolders | undefined {
  const { session, serial, base, folders, copies } = readRecord(touchedPath(scratch, tree)) ?? {}
  if (!isText(session) || !isCount(serial) || !isCount(base) || typeof copies !== 'boolean') return undefined
  if (!isRecord(folders) || !isTouched(folders)) return undefined
  return { session, serial, base, folders, copies }
}

/** Writes the fingerprint of a whole tree. Returns the bytes written. */
export function writeFingerprints(
  disk: Disk,
  repoDir: string,
  scratch: string,
  tree: string,
  left: TreeFingerprint,
): number {
  // first, so that it never stands beside a fingerprint that it does not belong to
  removeFile(disk, touchedPath(scratch, tree))
  return writeRecord(disk, repoDir, fingerprintPath(scratch, tree), scratch, { format: FORMAT, ...left })
}

/** Writes the folders that changed since the fingerprint. Returns the bytes written. */
export function writeTouched(
  disk: Disk,
  repoDir: string,
  scratch: string,
  tree: string,
  touched: TouchedFolders,
): number {
  return writeRecord(disk, repoDir, touchedPath(scratch, tree), scratch, { format: FORMAT, ...touched })
}

/** Removes the records of a tree. */
export function removeFingerprints(disk: Disk, scratch: string, tree: string): void {
  removeFile(disk, fingerprintPath(scratch, tree))
  removeFile(disk, touchedPath(scratch, tree))
}

function fingerprintPath(scratch: string, tree: string): string {
  return join(scratch, `tree-${tree}.json`)
}

function touchedPath(scratch: string, tree: string): string {
  return join(scratch, `tree-${tree}-touched.json`)
}

function writeRecord(disk: Disk, repoDir: string, path: string, scratch: string, record: object): number {
  ensureFolder(disk, scratch, repoDir)
  const bytes = utf8(`${JSON.stringify(record)}\n`)
  replaceFile(disk, scratch, path, bytes)
  return bytes.length
}

function readRecord(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = textOf(path)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) && value['format'] === FORMAT ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTable(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, string>> {
  return Object.values(value).every(isText)
}

function isTouched(value: Readonly<Record<string, unknown>>): value is TouchedFolders['folders'] {
  return Object.values(value).every((at) => at === null || isText(at))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Returns true for a path below `rrdp/`: a damaged record must not remove a file elsewhere. */
function isInnerPath(value: unknown): value is string {
  return isText(value) && /^[A-Za-z0-9-]+(?:\/[A-Za-z0-9-]+)*\/[a-z]+\.xml$/.test(value)
}

function isKnownFile(value: unknown): value is KnownFile {
  if (!isRecord(value)) return false
  const { path, sha256, bytes } = value
  return isInnerPath(path) && isText(sha256) && /^[0-9a-f]{64}$/.test(sha256) && isCount(bytes)
}

function isRetired(value: unknown): value is RrdpRecord['retired'][number] {
  return isRecord(value) && isText(value['path']) && isInstant(value['at'])
}

function isInstant(value: unknown): value is Instant {
  return isText(value) && parseInstant(value) === value
}

function isTree(value: unknown): value is Tree {
  if (!isRecord(value)) return false
  const { name, session, serial, retiredAt } = value
  return (
    isText(name) &&
    /^[a-z]{1,2}$/.test(name) &&
    isText(session) &&
    isCount(serial) &&
    (retiredAt === null || isInstant(retiredAt))
  )
}
