/**
 * The caches that make loading cheap: `status/head.json` and `info.json` of each aggregate.
 * Invariant: a cache is never trusted alone; its content is used only if a commit confirms it.
 */
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { canonicalJson } from '../../base/json.js'
import { isCount, isOne, isText, listOf, objectOf } from '../../base/shape.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { isCorrupt } from './damage.js'
import { moveFile, readIfExists, statIfExists } from './fs.js'
import { readOptionalFile } from './optional-file.js'
import { encodeRecord, parseShape } from './records.js'
import { type FileIdentity, identityOfPath, replaceFile } from './write-file.js'

/** Bytes of the largest `info.json`. */
const LIMIT = 1 << 20

/** The newest commit and the SHA-256 of its file. */
export interface HeadCache {
  readonly head: number
  readonly sha256: Sha256
}

/**
 * STORED in `head.json`. It holds its own inode and birth time, so that a file restored from a copy differs from the one the last command
 * wrote.
 */
interface StoredHeadCache extends HeadCache, FileIdentity {
  /** Identity of `commits/`: a snapshot of hard links that is put back keeps the inodes of the files, not those of the folders. */
  readonly commits?: FileIdentity
}

/** STORED in `info.json`. */
export interface Info {
  readonly version: number
  readonly sequence: number
  /** The newest commit that lists the aggregate. */
  readonly commit: number
  readonly snapshot: SnapshotRef | null
  readonly backup: SnapshotRef | null
  /** Sequences of the accepted commands after the backup snapshot (from the first one if there is none). */
  readonly tail: readonly number[]
}

export interface SnapshotRef {
  readonly version: number
  /** The command that wrote it. */
  readonly sequence: number
}

/** Reads the head as of the last commit; undefined if the cache is missing or its checksum does not match. Throws `io`. */
export function readHeadCache(path: string): HeadCache | undefined {
  const stored = readStored(path)
  return stored === undefined ? undefined : { head: stored.head, sha256: stored.sha256 }
}

/** Reads of a cache that other commands keep replacing. */
const MAX_READS = 100

/**
 * Returns true if the head cache, and with it the content of the directory, was restored from a copy: the directory itself keeps its
 * identity then. `byBirth` is true if the file system reports birth times.
 */
export function isRestoredFromCopy(path: string, byBirth: boolean): boolean {
  // another command may replace the file between reading its identity and reading its content
  for (let reads = 0; reads < MAX_READS; reads++) {
    const before = identityOfPath(path)
    const stored = readStored(path)
    const here = identityOfPath(path)
    if (stored === undefined || here === undefined) return false
    if (before?.inode !== here.inode || before.birth !== here.birth) continue
    return !isSame(stored, here, byBirth) || isOtherFolder(path, stored, byBirth)
  }
  // the file keeps changing, so a live writer owns this directory: treat it as the original, not a copy
  return false
}

/** Returns true if `commits/` is another folder than when the cache was written, and holds its commit: one that lacks it is damaged. */
function isOtherFolder(path: string, { head, commits }: StoredHeadCache, byBirth: boolean): boolean {
  const folder = join(dirname(dirname(path)), 'commits')
  return !isSame(commits, identityOfPath(folder), byBirth) && identityOfPath(join(folder, `${head}.json`)) !== undefined
}

/** Compares identities; unknown ones are equal to any. */
function isSame(a: FileIdentity | undefined, b: FileIdentity | undefined, byBirth: boolean): boolean {
  return a === undefined || b === undefined || (a.inode === b.inode && (!byBirth || a.birth === b.birth))
}

function readStored(path: string): StoredHeadCache | undefined {
  const folder = objectOf({ inode: isText, birth: isText })
  const shape = {
    ...{ format: isOne, head: isCount, sha256: isText, inode: isText, birth: isText, check: isText },
    'commits?': folder,
  }
  const found = readOptionalFile(path, shape)
  if (found === undefined) return undefined
  const { check, ...rest } = found
  return check === sha256Hex(canonicalJson(rest)) ? (rest as unknown as StoredHeadCache) : undefined
}

/** Writes the head cache; without it the next load lists the commits once. The caller syncs the folder. Throws `io`. */
export function writeHeadCache(path: string, { head, sha256 }: HeadCache, temp: string): void {
  moveFolderAway(path)
  const content = (self: FileIdentity): Uint8Array => {
    const commits = identityOfPath(join(dirname(dirname(path)), 'commits'))
    const body = { format: 1, head, sha256, ...self, ...(commits === undefined ? {} : { commits: { ...commits } }) }
    return encodeRecord({ ...body, check: sha256Hex(canonicalJson(body)) })
  }
  replaceFile(path, content, { temp })
}

const SNAPSHOT_REF = objectOf({ version: isCount, sequence: isCount })
const INFO = {
  format: isOne,
  version: isCount,
  sequence: isCount,
  commit: isCount,
  snapshot: (v: Parameters<typeof SNAPSHOT_REF>[0]) => v === null || SNAPSHOT_REF(v),
  backup: (v: Parameters<typeof SNAPSHOT_REF>[0]) => v === null || SNAPSHOT_REF(v),
  tail: listOf(isCount),
}

/** Reads `info.json`; undefined if it does not exist, `'damaged'` if it cannot be parsed. Throws `io`. */
export function readInfo(folder: string, name = 'info.json'): Info | 'damaged' | undefined {
  const path = join(folder, name)
  try {
    const bytes = readIfExists(path, LIMIT)
    if (bytes === undefined) return undefined
    return parseShape(bytes, path, INFO) as unknown as Info
  } catch (error) {
    if (isCorrupt(error)) return 'damaged'
    throw error
  }
}

/**
 * Writes `info.json` unless a newer one exists: a writer that lost the race to another one must not overwrite it. The caller syncs the
 * folder. Throws `io`.
 */
export function writeInfo(folder: string, info: Info, temp: string): void {
  const stored = readInfo(folder)
  if (typeof stored === 'object' && stored.commit > info.commit) return
  moveFolderAway(join(folder, 'info.json'))
  replaceFile(join(folder, 'info.json'), encodeRecord({ format: 1, ...info }), { temp })
}

/** Renames a folder at the path of a cache, since a file cannot replace a folder. */
function moveFolderAway(path: string): void {
  if (statIfExists(path)?.isDirectory() === true) moveFile(path, `${path}.${randomBytes(6).toString('hex')}`)
}
