/**
 * The chain of commits made whole again: from copies, or built anew from the command records that name a commit.
 * Invariant: a commit is believed only by the hash that the one after it, or the cache of the head, has of it; a hole is an error.
 */
import { join } from 'node:path'
import type { AppError } from '../../base/errors.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../../eventsourcing/types.js'
import { type CommitFile, listCommits } from '../commit/commit-log.js'
import { type HeadCache, readHeadCache, readInfo } from '../disk/caches.js'
import { commitMissing, isCorrupt, isNewer } from '../disk/damage.js'
import { exists, listDir, readIfExists, readOwnedFile } from '../disk/fs.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommit } from '../disk/records.js'
import { findCommitCopy, type RecoverySources } from './evidence.js'
import { type RepairedCommit, rebuildCommits } from './rebuild-commits.js'

/** What a commit says of one command. */
export interface NamedCommand {
  readonly commit: number
  readonly at: StoredCommit['at']
  readonly sequence: number
  readonly version: number
  readonly command: Sha256
}

export interface RepairedChain {
  readonly head: number
  readonly last: CommitFile | undefined
  readonly named: ReadonlyMap<string, readonly NamedCommand[]>
  readonly members: readonly AggregateId[]
  readonly repaired: readonly RepairedCommit[]
  /** Paths that hold something else than the commit. */
  readonly damaged: readonly string[]
  /** Newer commits that happened and cannot be proved any more. */
  readonly lostFrom: number | undefined
  /** The newest commit that anything speaks of. */
  readonly newestKnown: number
  /** False: the cache of the head is to be written anew. */
  readonly headCacheValid: boolean
}

type Files = Map<number, CommitFile>

/** Reads and mends the chain, in memory. Throws `commit-missing` for a hole that nothing fills, `io`. */
export function repairChain(places: RecoverySources, generation: number): RepairedChain {
  const { layout } = places
  const hint = readHeadCache(layout.head)
  const numbers = listCommits(layout)
  const evidence = Math.max(hint?.head ?? 0, newestKnown(layout))
  const files: Files = new Map()
  const newer: Mending['newer'] = new Map()
  for (const n of numbers) {
    const file = readCommit(layout, n, newer)
    if (file !== undefined) files.set(n, file)
  }
  const mended: RepairedCommit[] = []
  const mending: Mending = { places, files, newer, mended, generation }
  const head = provenHead({ ...mending, hint })
  for (let n = head; n > 1; n--) fill(mending, n - 1, files.get(n)?.record.previous ?? null)
  // what nothing vouches against is what it says: a newer program went on from here
  for (const [n, { error }] of newer) if (n > head) throw error
  const bad = numbers.filter((n) => n > head || mended.some((m) => m.n === n)).map((n) => layout.commit(n))
  const last = files.get(head)
  return {
    head,
    last,
    damaged: bad,
    ...listed(files, head),
    repaired: [...mended].sort((a, b) => a.n - b.n),
    lostFrom: evidence > head ? head + 1 : undefined,
    newestKnown: evidence,
    headCacheValid: hint !== undefined && hint.head === head && hint.sha256 === last?.sha256,
  }
}

interface Mending {
  readonly places: RecoverySources
  readonly files: Files
  /** Those that say that a newer program wrote them. */
  readonly newer: Map<number, { readonly sha256: Sha256; readonly error: AppError }>
  readonly mended: RepairedCommit[]
  readonly generation: number
}

/** The newest commit that something vouches for: the cache, or the chain that leads to it. */
function provenHead(mending: Mending & { readonly hint: HeadCache | undefined }): number {
  const { files, hint, mended } = mending
  let head = 0
  if (hint !== undefined && hint.head > 0 && tryFill(mending, hint.head, hint.sha256)) head = hint.head
  const numbers = [...files.keys()].sort((a, b) => b - a)
  if (head === 0) head = numbers.find((n) => n < (hint?.head ?? Number.POSITIVE_INFINITY) && leadsBack(mending, n)) ?? 0
  if (head === 0 && (numbers.length > 0 || mended.length > 0)) throw commitMissing(mending.places.layout.commit(1))
  for (;;) {
    const next = files.get(head + 1)
    if (head === 0 || next === undefined || next.record.previous !== files.get(head)?.sha256) return head
    head += 1
  }
}

function leadsBack(mending: Mending, n: number): boolean {
  const previous = mending.files.get(n)?.record.previous ?? null
  return n === 1 ? previous === null : previous !== null && tryFill(mending, n - 1, previous)
}

function fill(mending: Mending, n: number, want: Sha256 | null): void {
  if (want === null || !tryFill(mending, n, want)) throw commitMissing(mending.places.layout.commit(n))
}

/** Is commit `n` of this hash here, or can it be had? */
function tryFill({ places, files, newer, mended, generation }: Mending, n: number, want: Sha256): boolean {
  if (files.get(n)?.sha256 === want) return true
  const own = newer.get(n)
  if (own?.sha256 === want) throw own.error
  const path = findCommitCopy(places, n, want)
  const bytes = path === undefined ? undefined : readIfExists(path)
  const found: readonly RepairedCommit[] | undefined =
    bytes === undefined ? rebuildCommits(places, files, n, want, generation) : [{ n, bytes, from: path }]
  for (const commit of found ?? []) {
    files.set(commit.n, {
      record: parseCommit(commit.bytes, `commits/${commit.n}.json`, commit.n),
      sha256: sha256Hex(commit.bytes),
    })
    mended.push(commit)
  }
  return found !== undefined
}

function readCommit(layout: Layout, n: number, newer: Mending['newer']): CommitFile | undefined {
  const path = layout.commit(n)
  let bytes: Uint8Array | undefined
  try {
    bytes = readOwnedFile(path, COMMAND_LIMIT)
    return bytes && { record: parseCommit(bytes, path, n), sha256: sha256Hex(bytes) }
  } catch (error) {
    if (bytes !== undefined && isNewer(error)) newer.set(n, { sha256: sha256Hex(bytes), error })
    else if (!isCorrupt(error)) throw error
    return undefined
  }
}

/** The newest commit that a cache of an aggregate speaks of: caches are written after their commit. */
function newestKnown(layout: Layout): number {
  let newest = 0
  for (const kind of Object.values(KIND_FOLDERS))
    for (const name of listDir(join(layout.dir, kind))) {
      const info = exists(join(layout.dir, kind, name)) ? readInfo(join(layout.dir, kind, name)) : undefined
      if (typeof info === 'object') newest = Math.max(newest, info.commit)
    }
  return newest
}

function listed(files: Files, head: number): Pick<RepairedChain, 'named' | 'members'> {
  const named = new Map<string, NamedCommand[]>()
  let members: readonly AggregateId[] = []
  for (let n = 1; n <= head; n++) {
    const record = files.get(n)?.record
    if (record === undefined) continue
    members = record.members ?? members
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const entry = { commit: n, at: record.at, sequence, version, command }
      const list = named.get(name)
      if (list === undefined) named.set(name, [entry])
      else list.push(entry)
    }
  }
  return { named, members }
}
