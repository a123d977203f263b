/**
 * The caches that make a load cheap: `status/head.json` and each aggregate's `info.json`.
 * Invariant: nothing is believed because a cache says so; a commit must say the same.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson } from '../../base/json.js'
import { isCount, isOne, isText, listOf, objectOf } from '../../base/shape.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { isCorrupt } from './damage.js'
import { moveFile, readIfExists, statIfExists } from './fs.js'
import { readOptionalFile } from './optional-file.js'
import { encodeRecord, parseShape } from './records.js'
import { type FileIdentity, identityOfPath, replaceFile } from './write-file.js'

const LIMIT = 1 << 20

export interface HeadCache {
  readonly head: number
  readonly sha256: Sha256
}

/** STORED in `head.json`. It knows which file it is, so that one that was put back from a copy is told from the one that the last command left. */
interface StoredHeadCache extends HeadCache, FileIdentity {}

/** STORED in `info.json`. */
export interface Info {
  readonly version: number
  readonly sequence: number
  /** The commit that brought it here. */
  readonly commit: number
  readonly snapshot: SnapshotRef | null
  readonly backup: SnapshotRef | null
  /** Sequences of the accepted commands after the backup snapshot (after the beginning when there is none). */
  readonly tail: readonly number[]
}

export interface SnapshotRef {
  readonly version: number
  /** The command that wrote it. */
  readonly sequence: number
}

/** The head as the last commit left it; undefined when the cache is missing, and when its own checksum is wrong. */
export function readHeadCache(path: string): HeadCache | undefined {
  const stored = readStored(path)
  return stored === undefined ? undefined : { head: stored.head, sha256: stored.sha256 }
}

/** So often a cache is looked at that changes under the reader. */
const LOOKS = 100

/** Was the cache, and with it the directory, put back from a copy? The directory itself keeps its identity then. `byBirth` where births are known here. */
export function isRestoredFromCopy(path: string, byBirth: boolean): boolean {
  // another command may replace the file between the look at what it is and the look into it
  for (let tries = 0; tries < LOOKS; tries++) {
    const before = identityOfPath(path)
    const stored = readStored(path)
    const here = identityOfPath(path)
    if (stored === undefined || here === undefined) return false
    if (before?.inode !== here.inode || before.birth !== here.birth) continue
    return stored.inode !== here.inode || (byBirth && stored.birth !== here.birth)
  }
  // whoever writes it all the time is at home here
  return false
}

function readStored(path: string): StoredHeadCache | undefined {
  const shape = { format: isOne, head: isCount, sha256: isText, inode: isText, birth: isText, check: isText }
  const found = readOptionalFile(path, shape)
  if (found === undefined) return undefined
  const { check, ...rest } = found
  return check === sha256Hex(canonicalJson(rest)) ? (rest as unknown as StoredHeadCache) : undefined
}

/** Lost, it costs one listing. The caller syncs the folder. */
export function writeHeadCache(path: string, { head, sha256 }: HeadCache, temp: string): void {
  makeRoom(path)
  const content = (self: FileIdentity): Uint8Array => {
    const body = { format: 1, head, sha256, ...self }
    return encodeRecord({ ...body, check: sha256Hex(canonicalJson(body)) })
  }
  replaceFile(path, content, { temp })
}

const HINT = objectOf({ version: isCount, sequence: isCount })
const INFO = {
  format: isOne,
  version: isCount,
  sequence: isCount,
  commit: isCount,
  snapshot: (v: Parameters<typeof HINT>[0]) => v === null || HINT(v),
  backup: (v: Parameters<typeof HINT>[0]) => v === null || HINT(v),
  tail: listOf(isCount),
}

/** What `info.json` says; `'damaged'` when it says nothing readable. */
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

/** Puts `info.json` in place, unless a newer one is there (a writer that was overtaken must not turn it back). The caller syncs the folder. */
export function writeInfo(folder: string, info: Info, temp: string): void {
  const there = readInfo(folder)
  if (typeof there === 'object' && there.commit > info.commit) return
  makeRoom(join(folder, 'info.json'))
  replaceFile(join(folder, 'info.json'), encodeRecord({ format: 1, ...info }), { temp })
}

/** No file can take the place of a folder: it is moved aside. */
function makeRoom(path: string): void {
  if (statIfExists(path)?.isDirectory() === true) moveFile(path, `${path}.${randomBytes(6).toString('hex')}`)
}
