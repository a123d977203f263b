/**
 * The chain of commits: which one is the newest, and what each one references.
 * Invariant: what no commit references did not happen; a missing file of a completed commit is corruption, never a shorter history.
 */
import { join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, StoredCommit } from '../../eventsourcing/types.js'
import { type HeadCache, readHeadCache } from '../disk/caches.js'
import { commitMissing, fileDamaged, isNewer } from '../disk/damage.js'
import { exists, listDir, readIfExists, readOwnedFile } from '../disk/fs.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommit } from '../disk/records.js'

export type CommitEntry = StoredCommit['aggregates'][number]

/** A revision: the store as of one commit. */
export interface Revision {
  readonly layout: Layout
  readonly log: CommitLog
  readonly head: number
  /** False in a copy opened at an older commit: newer caches do not prove a loss there. */
  readonly strict: boolean
  readonly warn: (text: string) => void
  /** Notes a file that is not used because it is damaged or missing, although nothing is lost. */
  readonly bypass: (note: BypassedFile) => void
}

/** A damaged or missing file without which everything can still be read. */
export interface BypassedFile {
  readonly id: AggregateId
  readonly message: string
  /** True if it exists with other content than was written. */
  readonly isDamaged: boolean
}

export interface CommitFile {
  readonly record: StoredCommit
  readonly sha256: Sha256
}

export interface Head {
  readonly n: number
  /** The head cache, if it agrees: then the last writer completed and everything is durable. */
  readonly cache: HeadCache | undefined
}

/** Lists the numbers of the existing commits, ascending. Slow: the folder grows with history. */
export function listCommits(layout: Layout): readonly number[] {
  const numbers: number[] = []
  for (const name of listDir(layout.commits)) {
    const m = /^([1-9]\d{0,14})\.json$/.exec(name)
    if (m !== null) numbers.push(Number(m[1]))
  }
  return numbers.sort((a, b) => a - b)
}

/**
 * Finds the newest commit: two probes if the cache is right, otherwise a listing. Throws `commit-missing` if one in the chain or its end is
 * missing.
 */
export function findHead(layout: Layout): Head {
  const cache = readHeadCache(layout.head)
  if (
    cache !== undefined &&
    cache.head > 0 &&
    exists(layout.commit(cache.head)) &&
    !exists(layout.commit(cache.head + 1))
  )
    return { n: cache.head, cache }
  const numbers = listCommits(layout)
  const last = numbers.at(-1) ?? 0
  const there = new Set(numbers)
  for (let n = 1; n <= last; n++) if (!there.has(n) && !exists(layout.commit(n))) throw commitMissing(layout.commit(n))
  if (cache !== undefined && last < cache.head && !exists(layout.commit(cache.head)))
    throw commitMissing(layout.commit(cache.head))
  if (last === 0) refuseOrphans(layout)
  return {
    n: Math.max(last, cache !== undefined && exists(layout.commit(cache.head)) ? cache.head : 0),
    cache: undefined,
  }
}

/**
 * Returns true if this history holds a commit with that hash. A missing or damaged file counts if the cache of the newest commit, or the commit
 * after it, shows that it was there: damage is reported by what reads the commit. Throws `io`.
 */
export function isCommitted(
  layout: Layout,
  { commit, sha256 }: { readonly commit: number; readonly sha256: Sha256 },
): boolean {
  const bytes = readIfExists(layout.commit(commit))
  if (bytes !== undefined && sha256Hex(bytes) === sha256) return true
  const cache = readHeadCache(layout.head)
  if (cache?.head === commit) return cache.sha256 === sha256
  if (bytes === undefined) return cache !== undefined && cache.head > commit
  const next = readIfExists(layout.commit(commit + 1))
  return next !== undefined && new TextDecoder().decode(next).includes(`"previous":"${sha256}"`)
}

/**
 * Checks a directory in which no commit was listed: throws `commit-missing` if an aggregate has a cache, which is written after a commit,
 * unless a commit was made since.
 */
export function refuseOrphans(layout: Layout): void {
  if (!exists(layout.commits)) throw commitMissing(layout.commits)
  for (const kind of Object.values(KIND_FOLDERS))
    for (const name of listDir(join(layout.dir, kind)))
      if (exists(join(layout.dir, kind, name, 'info.json')) && !exists(layout.commit(1)))
        throw commitMissing(layout.commit(1))
}

/**
 * Parses a commit; a newer format below a commit of this format is damage, since a program that wrote the newer format never writes this
 * one.
 */
export function parseBelow(bytes: Uint8Array, path: string, n: number, newest: number): StoredCommit {
  try {
    return parseCommit(bytes, path, n)
  } catch (error) {
    if (n < newest && isNewer(error)) throw fileDamaged(path, 'its format is newer than that of later commits')
    throw error
  }
}

/** Reads the commits of one revision, each once. */
export class CommitLog {
  readonly #layout: Layout
  readonly #read = new Map<number, CommitFile>()
  readonly #cache: HeadCache | undefined

  constructor(layout: Layout, cache: HeadCache | undefined) {
    this.#layout = layout
    this.#cache = cache
  }

  /** Reads a commit. Throws `commit-missing`, `file-damaged`, `io`. */
  at(n: number): CommitFile {
    const known = this.#read.get(n)
    if (known !== undefined) return known
    const path = this.#layout.commit(n)
    const bytes = readOwnedFile(path, COMMAND_LIMIT)
    if (bytes === undefined) throw commitMissing(path)
    const sha256 = sha256Hex(bytes)
    if (this.#cache?.head === n && this.#cache.sha256 !== sha256)
      throw fileDamaged(path, 'content does not match its recorded hash')
    const file = { record: parseBelow(bytes, path, n, this.#cache?.head ?? 0), sha256 }
    this.#read.set(n, file)
    return file
  }

  add(n: number, file: CommitFile): void {
    this.#read.set(n, file)
  }

  /** Returns the entry of an aggregate in commit `n`; undefined if the commit does not list it. */
  entry(n: number, id: AggregateId): CommitEntry | undefined {
    return this.at(n).record.aggregates.find((a) => a.kind === id.kind && a.handle === id.handle)
  }

  /** Finds the newest entry of an aggregate in the commits `from` down to `to`. Slow: reads every commit on the way. */
  newest(id: AggregateId, from: number, to = 1): { readonly commit: number; readonly entry: CommitEntry } | undefined {
    for (let n = from; n >= to; n--) {
      const entry = this.entry(n, id)
      if (entry !== undefined) return { commit: n, entry }
    }
    return undefined
  }
}
