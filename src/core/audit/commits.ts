/**
 * The chain of commits from the first to the head: each names the hash of the one before, and every aggregate once.
 * Invariant: what an aggregate's history must be is taken from here alone, never from the aggregate's own folder.
 */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../eventsourcing/types.js'
import type { FileReader } from '../store/reader.js'
import { noting, type Problem } from './problem.js'

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
  readonly problems: readonly Problem[]
}

interface Walk {
  previous: { readonly sha256: Sha256; readonly record: StoredCommit } | undefined
  readonly members: Set<string>
  roster: number
}

/** Reads every commit of the cut. `step` is told how many are done. */
export function readCommitChain(reader: FileReader, step: (done: number) => void): CommitChain {
  const problems: Problem[] = []
  const named = new Map<string, Named[]>()
  const walk: Walk = { previous: undefined, members: new Set(), roster: 0 }
  let whole = true
  for (let n = 1; n <= reader.head; n++) {
    step(n)
    const file = `commits/${n}.json`
    const found = noting(problems, file, () => reader.commitAt(n))
    if (found === undefined) {
      walk.previous = undefined
      whole = false
      continue
    }
    const { record, sha256 } = found
    for (const [path, problem] of faultsOf(record, walk, whole)) problems.push({ file, path, problem })
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const list = named.get(name)
      const entry = { commit: n, at: record.at, sequence, version, command }
      if (list === undefined) named.set(name, [entry])
      else list.push(entry)
    }
    walk.previous = { sha256, record }
    walk.roster = record.roster
  }
  problems.push(...linkFaults(reader, problems))
  return { count: reader.head, head: walk.previous?.sha256 ?? null, named, problems }
}

/** From the newest down: the one that vouches is believed, unless it was accused itself. */
function linkFaults(reader: FileReader, known: readonly Problem[]): readonly Problem[] {
  const accused = new Set(known.map((p) => p.file))
  const found: Problem[] = []
  for (let n = reader.head; n > 1; n--) {
    const [file, before] = [`commits/${n}.json`, `commits/${n - 1}.json`]
    if (accused.has(file) || accused.has(before)) continue
    if (reader.commitAt(n).record.previous === reader.commitAt(n - 1).sha256) continue
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
  members: Set<string>,
  seen: ReadonlySet<string>,
): Generator<readonly [string, string]> {
  const names = listed.map(formatAggregateId)
  for (const name of members) if (!names.includes(name)) yield ['$.members', `${name} is missing`]
  for (const name of names) {
    if (!members.has(name) && !seen.has(name)) yield ['$.members', `${name} was made by no commit`]
    members.add(name)
  }
}
