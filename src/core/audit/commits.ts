/**
 * The chain of commits from the first to the head: each names the hash of the one before, and every aggregate once.
 * Invariant: what an aggregate's history must be is taken from here alone, never from the aggregate's own folder.
 */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../eventsourcing/types.js'
import { type Finding, noting } from './finding.js'
import type { HistorySource } from './source.js'

/** What a commit says of one command. */
export interface Named {
  readonly commit: number
  readonly at: Instant
  readonly sequence: number
  readonly version: number
  readonly command: Sha256
}

export interface CommitChain {
  readonly count: number
  /** Hash of the newest; null when nothing was committed. */
  readonly head: Sha256 | null
  /** By name of the aggregate, in the order of the commits. */
  readonly named: ReadonlyMap<string, readonly Named[]>
  /** Every aggregate that a commit lists or names, sorted by kind and handle. */
  readonly roster: readonly AggregateId[]
  readonly problems: readonly Finding[]
}

export interface ChainOptions {
  /** Told how many commits are done. */
  readonly step?: (done: number) => void
  /** Given the bytes of each commit in order: what a checkpoint is over. */
  readonly leaf?: (bytes: Uint8Array, n: number) => void
}

interface Walk {
  previous: { readonly sha256: Sha256; readonly record: StoredCommit } | undefined
  readonly members: Map<string, AggregateId>
  roster: number
}

/** Hash of a commit and the one that it names before it; undefined where it could not be read. */
type Link = { readonly sha256: Sha256; readonly previous: Sha256 | null } | undefined

/** Reads every commit of the cut. Keeps what it says of aggregates, not the commits. */
export function readCommitChain(source: HistorySource, options: ChainOptions = {}): CommitChain {
  const problems: Finding[] = []
  const named = new Map<string, Named[]>()
  const links: Link[] = []
  const walk: Walk = { previous: undefined, members: new Map(), roster: 0 }
  let whole = true
  for (let n = 1; n <= source.head; n++) {
    options.step?.(n)
    const file = `commits/${n}.json`
    const found = noting(problems, file, () => source.commit(n))
    links.push(found && { sha256: found.sha256, previous: found.record.previous })
    if (found === undefined) {
      walk.previous = undefined
      whole = false
      continue
    }
    const { record, sha256, bytes } = found
    options.leaf?.(bytes, n)
    for (const [path, problem] of faultsOf(record, walk, whole)) problems.push({ file, path, problem })
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const list = named.get(name)
      const entry = { commit: n, at: record.at, sequence, version, command }
      if (list === undefined) named.set(name, [entry])
      else list.push(entry)
      walk.members.set(name, { kind, handle })
    }
    walk.previous = { sha256, record }
    walk.roster = record.roster
  }
  problems.push(...linkFaults(links, problems))
  const roster = [...walk.members.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return { count: source.head, head: walk.previous?.sha256 ?? null, named, roster, problems }
}

function keyOf({ kind, handle }: AggregateId): string {
  return `${kind} ${handle}`
}

/** From the newest down: the one that vouches is believed, unless it was accused itself. */
function linkFaults(links: readonly Link[], known: readonly Finding[]): readonly Finding[] {
  const accused = new Set(known.map((p) => p.file))
  const found: Finding[] = []
  for (let n = links.length; n > 1; n--) {
    const [file, before] = [`commits/${n}.json`, `commits/${n - 1}.json`]
    if (accused.has(file) || accused.has(before)) continue
    if (links[n - 1]?.previous === links[n - 2]?.sha256) continue
    accused.add(before)
    found.push({ file: before, path: '$', problem: `its hash is not the one that commit ${n} names` })
  }
  return found
}

/** What is wrong with a commit after the one before it. `whole`: every commit up to it was read. */
function* faultsOf(record: StoredCommit, walk: Walk, whole: boolean): Generator<readonly [string, string]> {
  const { previous, members } = walk
  if (record.commit === 1 && record.previous !== null) yield ['$.previous', 'names a commit before the first']
  if (previous !== undefined) {
    if (record.at < previous.record.at)
      yield ['$.at', `${record.at} lies before ${previous.record.at} of the commit before it`]
    if (record.generation < previous.record.generation) yield ['$.generation', 'is less than in the commit before it']
  }
  const seen = new Set(record.aggregates.map((a) => formatAggregateId(a)))
  if (seen.size !== record.aggregates.length) yield ['$.aggregates', 'names an aggregate twice']
  if (record.members !== undefined) yield* memberFaults(record.members, members, seen)
  else if (previous !== undefined && record.roster !== walk.roster)
    yield ['$.roster', 'is not the newest list of aggregates']
  if (whole)
    for (const name of seen) if (!members.has(name)) yield ['$.aggregates', `${name} stands in no list of aggregates`]
}

/** The list must hold what it held, and what this commit made. */
function* memberFaults(
  listed: readonly AggregateId[],
  members: Map<string, AggregateId>,
  seen: ReadonlySet<string>,
): Generator<readonly [string, string]> {
  const names = new Map(listed.map((id) => [formatAggregateId(id), id]))
  for (const name of members.keys()) if (!names.has(name)) yield ['$.members', `${name} is missing`]
  for (const [name, id] of names) {
    if (!members.has(name) && !seen.has(name)) yield ['$.members', `${name} was made by no commit`]
    members.set(name, id)
  }
}
