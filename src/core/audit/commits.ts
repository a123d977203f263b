/**
 * The chain of commits from the first to the head: each has the hash of the previous one, and each aggregate at most once.
 * Invariant: the expected history of an aggregate is taken from here only, never from the aggregate's own folder.
 */
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommit } from '../eventsourcing/types.js'
import { type ArchiveRule, ArchiveRuleCollector } from '../store/commit/archiving-commit.js'
import { commandName } from '../store/disk/paths.js'
import { parseCommand } from '../store/disk/records.js'
import { type Finding, noteDamage } from './finding.js'
import type { HistorySource } from './source.js'

/** The entry of a commit about one command. */
export interface CommandRef {
  readonly commit: number
  readonly at: Instant
  readonly sequence: number
  readonly version: number
  readonly command: Sha256
  /** Number of clock resets up to its commit. Times rise from one reset to the next. */
  readonly epoch: number
}

export interface CommitChain {
  readonly count: number
  /** Hash of the newest commit; null if there is none. */
  readonly head: Sha256 | null
  /** Entries by name of the aggregate, in the order of commits. */
  readonly commands: ReadonlyMap<string, readonly CommandRef[]>
  /** Every aggregate that a commit lists or changes, sorted by kind and handle. */
  readonly roster: readonly AggregateId[]
  /** Archived commands that commits name: nothing else may be absent. */
  readonly archive: ArchiveRule
  readonly problems: readonly Finding[]
}

export interface ChainOptions {
  /** Called with the number of commits read. */
  readonly step?: (done: number) => void
  /** Called with the bytes of each commit in order, over which checkpoints are computed. */
  readonly leaf?: (bytes: Uint8Array, n: number) => void
}

interface Walk {
  previous: { readonly sha256: Sha256; readonly record: StoredCommit } | undefined
  readonly members: Map<string, AggregateId>
  roster: number
  epoch: number
  /** True if the commit at hand is a clock reset. */
  isReset: boolean
}

/** Hash of a commit and of its predecessor; undefined if it could not be read. */
type Link = { readonly sha256: Sha256; readonly previous: Sha256 | null } | undefined

/** Reads every commit of the revision. Keeps the entries about aggregates, not the commits. */
export function readCommitChain(source: HistorySource, options: ChainOptions = {}): CommitChain {
  const problems: Finding[] = []
  const named = new Map<string, CommandRef[]>()
  const links: Link[] = []
  const walk: Walk = { previous: undefined, members: new Map(), roster: 0, epoch: 0, isReset: false }
  const archive = new ArchiveRuleCollector()
  let isComplete = true
  for (let n = 1; n <= source.head; n++) {
    options.step?.(n)
    const file = `commits/${n}.json`
    const found = noteDamage(problems, file, () => source.commit(n))
    links.push(found && { sha256: found.sha256, previous: found.record.previous })
    if (found === undefined) {
      walk.previous = undefined
      isComplete = false
      continue
    }
    const { record, sha256, bytes } = found
    options.leaf?.(bytes, n)
    walk.isReset = goesBack(record, walk) && resetsClock(source, record)
    if (walk.isReset) walk.epoch += 1
    for (const [path, problem] of commitProblems(record, walk, isComplete)) problems.push({ file, path, problem })
    for (const [path, problem] of namingProblems(record, walk, named)) problems.push({ file, path, problem })
    archive.add(record)
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const list = named.get(name)
      const entry = { commit: n, at: record.at, sequence, version, command, epoch: walk.epoch }
      if (list === undefined) named.set(name, [entry])
      else list.push(entry)
      walk.members.set(name, { kind, handle })
    }
    walk.previous = { sha256, record }
    walk.roster = record.roster
  }
  problems.push(...linkProblems(links, problems))
  const roster = [...walk.members.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const head = walk.previous?.sha256 ?? null
  return { count: source.head, head, commands: named, roster, archive: archive.rule(), problems }
}

function goesBack({ at }: StoredCommit, { previous }: Walk): boolean {
  return previous !== undefined && at < previous.record.at
}

/** Returns true if every command of a commit is a clock reset: only such a commit may be earlier than the one before it. */
function resetsClock(source: HistorySource, { aggregates }: StoredCommit): boolean {
  const isReset = ({ kind, handle, sequence, command }: StoredCommit['aggregates'][number]): boolean => {
    const id = { kind, handle }
    const record = noteDamage([], '', () => {
      const { bytes, path } = source.file(id, commandName(sequence), command)
      return parseCommand(bytes, path, id, sequence)
    })
    return record?.command.type === 'clock.reset'
  }
  return aggregates.length > 0 && aggregates.every(isReset)
}

function keyOf({ kind, handle }: AggregateId): string {
  return `${kind} ${handle}`
}

/** Verifies the hashes from the newest commit down: a commit is trusted unless its successor contradicts it. */
function linkProblems(links: readonly Link[], known: readonly Finding[]): readonly Finding[] {
  const damaged = new Set(known.map((p) => p.file))
  const found: Finding[] = []
  for (let n = links.length; n > 1; n--) {
    const [file, before] = [`commits/${n}.json`, `commits/${n - 1}.json`]
    if (damaged.has(file) || damaged.has(before)) continue
    if (links[n - 1]?.previous === links[n - 2]?.sha256) continue
    damaged.add(before)
    found.push({ file: before, path: '$', problem: `content does not match the hash in commit ${n}` })
  }
  return found
}

/** Yields the findings about a commit after its predecessor. `isComplete`: every commit up to it was read. */
function* commitProblems(record: StoredCommit, walk: Walk, isComplete: boolean): Generator<readonly [string, string]> {
  const { previous, members } = walk
  if (record.commit === 1 && record.previous !== null) yield ['$.previous', 'refers to a commit before the first']
  if (previous !== undefined) {
    if (goesBack(record, walk) && !walk.isReset)
      yield ['$.at', `${record.at} is before ${previous.record.at} of the previous commit`]
    if (record.generation < previous.record.generation) yield ['$.generation', 'is less than in the previous commit']
    if (record.format < previous.record.format) yield ['$.format', 'is older than in the previous commit']
    if (previous.record.marker !== undefined && record.marker !== previous.record.marker)
      yield ['$.marker', 'differs from the previous commit']
  }
  // only the commit that binds the marker after a history of format 1 lists none, and one that names archived commands
  const binds = (record.format === 2 && previous?.record.format === 1) || record.archived !== undefined
  if (record.aggregates.length === 0 && isComplete && !binds) yield ['$.aggregates', 'lists no aggregate']
  const changed = new Set(record.aggregates.map((a) => formatAggregateId(a)))
  if (changed.size !== record.aggregates.length) yield ['$.aggregates', 'lists an aggregate twice']
  if (record.members !== undefined) yield* memberProblems(record.members, members, changed)
  else if (previous !== undefined && record.roster !== walk.roster)
    yield ['$.roster', 'is not the newest list of aggregates']
  if (isComplete)
    for (const name of changed) if (!members.has(name)) yield ['$.aggregates', `${name} is in no list of aggregates`]
}

/** Yields the findings about the archived commands that a commit names. */
function* namingProblems(
  { format, archived, claimed, aggregates }: StoredCommit,
  { previous }: Walk,
  commands: ReadonlyMap<string, readonly CommandRef[]>,
): Generator<readonly [string, string]> {
  const begins = format >= 3 && previous !== undefined && previous.record.format < 3
  if (begins && archived === undefined) yield ['$.archived', 'is missing in the commit since which records are kept']
  if (claimed !== undefined && previous !== undefined && !begins)
    yield ['$.claimed', 'is allowed only in the commit since which records are kept']
  if (archived !== undefined && aggregates.length > 0) yield ['$.aggregates', 'is not empty in a commit about archives']
  for (const { commands: ranges, ...id } of [...(archived ?? []), ...(claimed ?? [])]) {
    const name = formatAggregateId(id)
    const newest = commands.get(name)?.at(-1)?.sequence ?? 0
    if (previous !== undefined && ranges.some(([from, to]) => from > to || to > newest))
      yield ['$.archived', `names commands of ${name} that there are not`]
  }
}

/** Checks that the list has its previous members and those that this commit made. */
function* memberProblems(
  listed: readonly AggregateId[],
  members: Map<string, AggregateId>,
  changed: ReadonlySet<string>,
): Generator<readonly [string, string]> {
  const names = new Map(listed.map((id) => [formatAggregateId(id), id]))
  for (const name of members.keys()) if (!names.has(name)) yield ['$.members', `${name} is missing`]
  for (const [name, id] of names) {
    if (!members.has(name) && !changed.has(name)) yield ['$.members', `${name} was created by no commit`]
    members.set(name, id)
  }
}
