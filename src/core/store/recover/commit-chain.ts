/**
 * Repairs the chain of commits: from copies, or rebuilt from the command records of a commit.
 * Invariant: a commit is trusted only by the hash that the next one, or the head cache, records of it; a gap is an error.
 */
import { join } from 'node:path'
import type { AppError } from '../../base/errors.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../../eventsourcing/types.js'
import { type ArchiveRule, ArchiveRuleCollector } from '../commit/archiving-commit.js'
import { type CommitFile, listCommits } from '../commit/commit-log.js'
import type { Marker } from '../directory/data-dir.js'
import { type HeadCache, readHeadCache, readInfo } from '../disk/caches.js'
import { commitMissing, isCorrupt, isNewer } from '../disk/damage.js'
import { exists, listDir, readIfExists, readOwnedFile } from '../disk/fs.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { COMMAND_LIMIT, parseCommit } from '../disk/records.js'
import { findCommitCopy, type RecoverySources } from './evidence.js'
import { type RepairedCommit, rebuildCommits } from './rebuild-commits.js'

/** One command as listed by its commit. */
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
  /** Archived commands that commits name. */
  readonly archive: ArchiveRule
  readonly repaired: readonly RepairedCommit[]
  /** Paths of commit files with other content. */
  readonly damaged: readonly string[]
  /** The first of the newer commits that were made but can no longer be verified. */
  readonly lostFrom: number | undefined
  /** The newest commit that any cache refers to. */
  readonly newestKnown: number
  /** False if the head cache must be rewritten. */
  readonly headCacheValid: boolean
}

type Files = Map<number, CommitFile>

/** Reads the chain and repairs it in memory. Throws `commit-missing` for a gap that cannot be filled, `io`. */
export function repairChain(sources: RecoverySources, marker: Marker): RepairedChain {
  const { layout } = sources
  const cache = readHeadCache(layout.head)
  const numbers = listCommits(layout)
  const newest = Math.max(cache?.head ?? 0, newestCachedCommit(layout))
  const files: Files = new Map()
  const newer: ChainRepair['newer'] = new Map()
  for (const n of numbers) {
    const file = readCommit(layout, n, newer)
    if (file !== undefined) files.set(n, file)
  }
  const repaired: RepairedCommit[] = []
  const repair: ChainRepair = { sources, files, newer, repaired, marker }
  const head = verifiedHead({ ...repair, cache })
  for (let n = head; n > 1; n--) fill(repair, n - 1, files.get(n)?.record.previous ?? null)
  // nothing contradicts these files: a newer program continued this history
  for (const [n, { error }] of newer) if (n > head) throw error
  const damaged = numbers.filter((n) => n > head || repaired.some((m) => m.n === n)).map((n) => layout.commit(n))
  const last = files.get(head)
  return {
    head,
    last,
    damaged,
    ...listed(files, head),
    repaired: [...repaired].sort((a, b) => a.n - b.n),
    lostFrom: newest > head ? head + 1 : undefined,
    newestKnown: newest,
    headCacheValid: cache !== undefined && cache.head === head && cache.sha256 === last?.sha256,
  }
}

interface ChainRepair {
  readonly sources: RecoverySources
  readonly files: Files
  /** Files that claim to be written by a newer program. */
  readonly newer: Map<number, { readonly sha256: Sha256; readonly error: AppError }>
  readonly repaired: RepairedCommit[]
  readonly marker: Marker
}

/** Finds the newest verified commit: by the cache, or by the chain that leads to it. Throws `commit-missing`. */
function verifiedHead(repair: ChainRepair & { readonly cache: HeadCache | undefined }): number {
  const { files, cache, repaired } = repair
  let head = 0
  if (cache !== undefined && cache.head > 0 && tryFill(repair, cache.head, cache.sha256)) head = cache.head
  const numbers = [...files.keys()].sort((a, b) => b - a)
  if (head === 0)
    head = numbers.find((n) => n < (cache?.head ?? Number.POSITIVE_INFINITY) && isLinkedBack(repair, n)) ?? 0
  if (head === 0 && (numbers.length > 0 || repaired.length > 0)) throw commitMissing(repair.sources.layout.commit(1))
  for (;;) {
    const next = files.get(head + 1)
    if (head === 0 || next === undefined || next.record.previous !== files.get(head)?.sha256) return head
    head += 1
  }
}

function isLinkedBack(repair: ChainRepair, n: number): boolean {
  const previous = repair.files.get(n)?.record.previous ?? null
  return n === 1 ? previous === null : previous !== null && tryFill(repair, n - 1, previous)
}

function fill(repair: ChainRepair, n: number, expected: Sha256 | null): void {
  if (expected === null || !tryFill(repair, n, expected)) throw commitMissing(repair.sources.layout.commit(n))
}

/** Returns true if commit `n` of this hash exists, or could be restored from a copy or rebuilt. */
function tryFill({ sources, files, newer, repaired, marker }: ChainRepair, n: number, expected: Sha256): boolean {
  if (files.get(n)?.sha256 === expected) return true
  const own = newer.get(n)
  if (own?.sha256 === expected) throw own.error
  const path = findCommitCopy(sources, n, expected)
  const bytes = path === undefined ? undefined : readIfExists(path)
  const found: readonly RepairedCommit[] | undefined =
    bytes === undefined ? rebuildCommits(sources, files, n, expected, marker) : [{ n, bytes, from: path }]
  for (const commit of found ?? []) {
    files.set(commit.n, {
      record: parseCommit(commit.bytes, `commits/${commit.n}.json`, commit.n),
      sha256: sha256Hex(commit.bytes),
    })
    repaired.push(commit)
  }
  return found !== undefined
}

function readCommit(layout: Layout, n: number, newer: ChainRepair['newer']): CommitFile | undefined {
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

/** Finds the newest commit that the cache of an aggregate refers to: caches are written after their commit. */
function newestCachedCommit(layout: Layout): number {
  let newest = 0
  for (const kind of Object.values(KIND_FOLDERS))
    for (const name of listDir(join(layout.dir, kind))) {
      const info = exists(join(layout.dir, kind, name)) ? readInfo(join(layout.dir, kind, name)) : undefined
      if (typeof info === 'object') newest = Math.max(newest, info.commit)
    }
  return newest
}

function listed(files: Files, head: number): Pick<RepairedChain, 'named' | 'members' | 'archive'> {
  const named = new Map<string, NamedCommand[]>()
  const archive = new ArchiveRuleCollector()
  let members: readonly AggregateId[] = []
  for (let n = 1; n <= head; n++) {
    const record = files.get(n)?.record
    if (record === undefined) continue
    archive.add(record)
    members = record.members ?? members
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const entry = { commit: n, at: record.at, sequence, version, command }
      const list = named.get(name)
      if (list === undefined) named.set(name, [entry])
      else list.push(entry)
    }
  }
  return { named, members, archive: archive.rule() }
}
