/**
 * The chain of commits: which is the newest, and what each one names.
 * Invariant: what no commit names did not happen; a commit that happened and is gone is corruption, never a shorter history.
 */
import { join } from 'node:path'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, StoredCommit } from '../../eventsourcing/types.js'
import { type HeadCache, readHeadCache } from '../disk/caches.js'
import { commitMissing, fileDamaged, isNewer } from '../disk/damage.js'
import { exists, listDir, readOwnedFile } from '../disk/fs.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommit } from '../disk/records.js'

export type CommitEntry = StoredCommit['aggregates'][number]

export interface CommitFile {
  readonly record: StoredCommit
  readonly sha256: Sha256
}

export interface Head {
  readonly n: number
  /** What the cache says, where it says the same: the last writer ended well and everything is durable. */
  readonly cache: HeadCache | undefined
}

/** Numbers of the commits that are there, rising. Cold: reads a folder as long as history. */
export function listCommits(layout: Layout): readonly number[] {
  const numbers: number[] = []
  for (const name of listDir(layout.commits)) {
    const m = /^([1-9]\d{0,14})\.json$/.exec(name)
    if (m !== null) numbers.push(Number(m[1]))
  }
  return numbers.sort((a, b) => a - b)
}

/** The newest commit: two probes when the cache is right, a listing when not. Throws `commit-missing` on a hole or a lost end. */
export function findHead(layout: Layout): Head {
  const hint = readHeadCache(layout.head)
  if (hint !== undefined && hint.head > 0 && exists(layout.commit(hint.head)) && !exists(layout.commit(hint.head + 1)))
    return { n: hint.head, cache: hint }
  const numbers = listCommits(layout)
  const last = numbers.at(-1) ?? 0
  const there = new Set(numbers)
  for (let n = 1; n <= last; n++) if (!there.has(n) && !exists(layout.commit(n))) throw commitMissing(layout.commit(n))
  if (hint !== undefined && last < hint.head && !exists(layout.commit(hint.head)))
    throw commitMissing(layout.commit(hint.head))
  if (last === 0) refuseOrphans(layout)
  return { n: Math.max(last, hint !== undefined && exists(layout.commit(hint.head)) ? hint.head : 0), cache: undefined }
}

/** For a directory that had no commit when it was listed: then no aggregate may say that one was made, unless it has come since. Throws `commit-missing`. */
export function refuseOrphans(layout: Layout): void {
  if (!exists(layout.commits)) throw commitMissing(layout.commits)
  for (const kind of Object.values(KIND_FOLDERS))
    for (const name of listDir(join(layout.dir, kind)))
      if (exists(join(layout.dir, kind, name, 'info.json')) && !exists(layout.commit(1)))
        throw commitMissing(layout.commit(1))
}

/** A commit below a newer one of this format: a program that went on to the next format does not come back, so it is damaged in its very format. */
export function parseBelow(bytes: Uint8Array, path: string, n: number, newest: number): StoredCommit {
  try {
    return parseCommit(bytes, path, n)
  } catch (error) {
    if (n < newest && isNewer(error)) throw fileDamaged(path, 'its format is newer than that of the commits after it')
    throw error
  }
}

/** Commits as of one head; each is read once. */
export class CommitLog {
  readonly #layout: Layout
  readonly #read = new Map<number, CommitFile>()
  readonly #hint: HeadCache | undefined

  constructor(layout: Layout, hint: HeadCache | undefined) {
    this.#layout = layout
    this.#hint = hint
  }

  /** Throws `commit-missing` or `file-damaged`. */
  at(n: number): CommitFile {
    const known = this.#read.get(n)
    if (known !== undefined) return known
    const path = this.#layout.commit(n)
    const bytes = readOwnedFile(path, COMMAND_LIMIT)
    if (bytes === undefined) throw commitMissing(path)
    const sha256 = sha256Hex(bytes)
    if (this.#hint?.head === n && this.#hint.sha256 !== sha256)
      throw fileDamaged(path, 'its hash is not the one that was recorded')
    const file = { record: parseBelow(bytes, path, n, this.#hint?.head ?? 0), sha256 }
    this.#read.set(n, file)
    return file
  }

  add(n: number, file: CommitFile): void {
    this.#read.set(n, file)
  }

  /** What commit `n` says of an aggregate. */
  entry(n: number, id: AggregateId): CommitEntry | undefined {
    return this.at(n).record.aggregates.find((a) => a.kind === id.kind && a.handle === id.handle)
  }

  /** The newest entry of an aggregate in the commits `from` down to `to`. Cold: reads every commit on the way. */
  newest(id: AggregateId, from: number, to = 1): { readonly commit: number; readonly entry: CommitEntry } | undefined {
    for (let n = from; n >= to; n--) {
      const entry = this.entry(n, id)
      if (entry !== undefined) return { commit: n, entry }
    }
    return undefined
  }
}
