/**
 * Replays one aggregate from event 0: compares every record with its commit, every event with its record, and every snapshot with the
 * state computed from the events. Invariant: only content that a commit references by hash is trusted.
 */
import type { Json } from '../base/json.js'
import { quoted } from '../base/text.js'
import type { Sha256 } from '../crypto/ports.js'
import { storedMismatch } from '../eventsourcing/declare.js'
import type {
  Aggregate,
  AggregateId,
  DomainCommand,
  DomainEvent,
  NumberRange,
  StoredCommand,
} from '../eventsourcing/types.js'
import { replay } from '../eventsourcing/work.js'
import type { FoundFile } from '../store/commit/aggregate-files.js'
import type { ArchiveRule } from '../store/commit/archiving-commit.js'
import { fileDamaged } from '../store/disk/damage.js'
import { commandName, eventName, snapshotName } from '../store/disk/paths.js'
import { isCanonical, NOT_CANONICAL, parseCommand, parseEvent, parseSnapshot } from '../store/disk/records.js'
import { type Absences, absencesOf, checkPrefix, findReplayStart, type ReplayStart } from './archived.js'
import type { CommandRef } from './commits.js'
import { type Finding, noteDamage, noteMalformed } from './finding.js'
import { GAP, isDeclaredLost, type Progress, type Recovered, type Recovery, recordProblems } from './replay-progress.js'
import { Snapshots, type State } from './snapshots.js'
import type { HistorySource } from './source.js'

export type Rules = Pick<
  Aggregate<unknown, DomainCommand, DomainEvent, never>,
  'kind' | 'events' | 'initial' | 'evolve' | 'publishesOnly'
>

export interface Replayed {
  readonly version: number
  readonly commands: number
  readonly events: number
  /** Number of files in `archived/`. */
  readonly archived: number
  /** 0, or the version of the snapshot that it starts from because earlier files are archived elsewhere. */
  readonly verifiedFrom: number
  /** Hash of the newest command record. */
  readonly head: Sha256 | null
  /** Undefined if an event could not be read. */
  readonly state: State
  /** Losses that recoveries declared, in order; these are not findings. */
  readonly recoveries: readonly Recovery[]
  /** Commands that were archived before records were kept and whose records are not here: that they only published is claimed, not proved. */
  readonly unproved: readonly NumberRange[]
  readonly problems: readonly Finding[]
}

/** Callbacks during a replay, in order. */
export interface Watcher {
  /** Called with a command and the states before and after it; undefined if an earlier event could not be read. */
  readonly command?: (record: StoredCommand, before: State, after: State) => void
  readonly event?: (event: DomainEvent) => void
  /** Called with the state from which the replay continues if earlier files are lost or archived elsewhere. */
  readonly base?: (state: Json, sequence: number) => void
}

export interface ReplayOptions {
  readonly source: HistorySource
  readonly id: AggregateId
  readonly rules: Rules
  /** Its entries in the commits, oldest first. */
  readonly commands: readonly CommandRef[]
  /** Archived commands that commits name. */
  readonly archive: ArchiveRule
  /** True if archived files must be present. */
  readonly full: boolean
  /** The last command to replay; default the newest. Only then are other files of the folder checked. */
  readonly through?: number
  readonly watcher?: Watcher
  /** States that recoveries went back to, by sequence: each is computed once, however many recoveries a history has. */
  readonly bases?: Map<number, State>
}

/** Replays and compares. Does not throw for damage, which is reported in `problems`. */
export function replayAggregate(options: ReplayOptions): Replayed {
  const { source, id, rules, through } = options
  const named = through === undefined ? options.commands : options.commands.filter((n) => n.sequence <= through)
  const progress: Progress = {
    file: (name) => source.nameOf(id, name),
    problems: [],
    state: { value: rules.initial(id.handle) },
    version: 0,
    previous: null,
    known: true,
    at: undefined,
    epoch: 0,
    archived: 0,
    verifiedFrom: 0,
    unproved: [],
    recoveries: [],
    bases: new Map(),
    snapshots: new Snapshots(source, id),
  }
  const absences = absencesOf(source, id, options.archive, rules.publishesOnly)
  const start = options.full ? undefined : findReplayStart(source, id, options.commands, absences, through)
  if (start !== undefined) startFrom(options, progress, start, absences)
  let last = 0
  for (const entry of named) {
    if (entry.sequence !== last + 1) {
      const problem = `${GAP} ${entry.sequence}, but ${last + 1} should follow`
      progress.problems.push({ file: `commits/${entry.commit}.json`, path: '$.aggregates', problem })
      Object.assign(progress, { state: undefined, known: false })
    }
    last = entry.sequence
    if (start === undefined || entry.sequence > start.entry.sequence) replayCommand(options, progress, entry)
  }
  if (through === undefined)
    progress.snapshots.reportUnreferenced(progress.problems, start?.entry.version ?? 0, progress.version)
  const { version, archived, verifiedFrom, previous: head, state, recoveries, unproved, problems } = progress
  const commands = named.at(-1)?.sequence ?? 0
  return { version, commands, events: version, archived, verifiedFrom, head, state, recoveries, unproved, problems }
}

/** Verifies the files before the start, which are not replayed, against their commits. */
function startFrom(
  { source, id, commands: named, watcher }: ReplayOptions,
  progress: Progress,
  start: ReplayStart,
  absences: Absences,
): void {
  const { version, command: previous, at, epoch, sequence } = start.entry
  Object.assign(progress, { state: { value: start.state }, version, previous, at, epoch, verifiedFrom: version })
  progress.snapshots.reference(start.snapshot)
  watcher?.base?.(start.state, sequence)
  const kept = checkPrefix(source, id, named, start.entry, absences)
  progress.archived += kept.archived
  progress.unproved = kept.unproved
  progress.problems.push(...kept.problems)
  for (const { sequence, at, effect } of kept.recoveries)
    if (effect.result === 'recovered') progress.recoveries.push({ sequence, at, base: effect.base, gone: effect.gone })
}

function replayCommand(options: ReplayOptions, progress: Progress, entry: CommandRef): void {
  const { source, id, watcher } = options
  const { problems, state: before } = progress
  const name = commandName(entry.sequence)
  const found = noteDamage(problems, progress.file(name), () => {
    const file = source.file(id, name, entry.command)
    return { file, record: requireCanonical(parseCommand(file.bytes, file.path, id, entry.sequence), file, id) }
  })
  if (found === undefined) {
    advance(progress, entry)
    progress.state = undefined
    return
  }
  countArchived(progress, found.file)
  const { record } = found
  for (const [path, problem] of recordProblems(record, progress, entry))
    problems.push({ file: progress.file(name), path, problem })
  if (record.effect.result === 'accepted') {
    for (const [i, sha256] of record.effect.events.entries()) replayEvent(options, progress, record.version + i, sha256)
    const { snapshot } = record.effect
    if (snapshot !== null) progress.snapshots.compare(problems, record.sequence, snapshot, progress.state)
  }
  if (record.effect.result === 'recovered') replayRecovery(options, progress, record, record.effect)
  advance(progress, entry)
  watcher?.command?.(record, before, progress.state)
}

/** Applies a recovery: what it declares lost is not a finding, and the state continues from its base, as replayed or else from its snapshot. */
function replayRecovery(options: ReplayOptions, progress: Progress, record: StoredCommand, effect: Recovered): void {
  const { source, id, commands: named } = options
  const { base, snapshot, gone } = effect
  const remaining = progress.problems.filter((p) => !isDeclaredLost(p, progress, record, effect))
  progress.problems.splice(0, progress.problems.length, ...remaining)
  progress.snapshots.discard(base.version, record.version)
  if (base.sequence < record.sequence - 1) {
    const { watcher: _, bases = progress.bases, ...silent } = options
    const known = named.filter((n) => n.sequence <= base.sequence)
    if (!bases.has(base.sequence))
      bases.set(base.sequence, replayAggregate({ ...silent, bases, commands: known }).state)
    progress.state = bases.get(base.sequence)
  }
  if (progress.state === undefined) {
    const name = snapshotName(snapshot.version)
    progress.snapshots.reference(snapshot)
    progress.verifiedFrom = snapshot.version
    progress.state = noteDamage(progress.problems, progress.file(name), () => {
      const { bytes, path } = source.file(id, name, snapshot.sha256)
      return { value: parseSnapshot(bytes, path, id).state }
    })
    if (progress.state !== undefined) options.watcher?.base?.(progress.state.value as Json, record.sequence)
  } else progress.snapshots.compare(progress.problems, record.sequence, snapshot, progress.state)
  progress.recoveries.push({ sequence: record.sequence, at: record.at, base, gone })
}

/** Verifies that the text is canonical, as this program writes it. Throws `file-damaged`. */
function requireCanonical<R extends object>(record: R, { bytes, path }: FoundFile, id: AggregateId): R {
  if (isCanonical(record, bytes)) return record
  throw fileDamaged(path, NOT_CANONICAL, id)
}

function advance(progress: Progress, { version, command, at, epoch }: CommandRef): void {
  Object.assign(progress, { version, previous: command, at, epoch, known: true })
}

function countArchived(progress: Progress, file: FoundFile): void {
  if (file.where === 'archived') progress.archived += 1
}

function replayEvent(options: ReplayOptions, progress: Progress, version: number, sha256: Sha256): void {
  const { source, id } = options
  const name = eventName(version)
  const event = noteDamage(progress.problems, progress.file(name), () => {
    const file = source.file(id, name, sha256)
    countArchived(progress, file)
    return requireCanonical(parseEvent(file.bytes, file.path, id, version), file, id).event
  })
  progress.state = event && stateAfter(options, progress, version, event)
}

/** Reports the first stored member that does not fit the event's type, and continues with the state that `evolve` computes from it, as a load does. */
function stateAfter(options: ReplayOptions, progress: Progress, version: number, event: DomainEvent): State {
  const file = progress.file(eventName(version))
  const found = storedMismatch(options.rules, event, '$.event')
  if (found !== undefined) {
    const problem = `${found.problem} ${quoted(found.member, 40)} of ${event.type}`
    progress.problems.push({ file, path: found.path, problem })
  }
  // if evolve throws because of this mismatch, it is reported only once
  return noteMalformed(found === undefined ? progress.problems : [], file, () =>
    applyEvent(options, progress, version, event),
  )
}

/** Returns the state after an event, with the same function as a load. */
function applyEvent(
  { id, rules, watcher }: ReplayOptions,
  progress: Progress,
  version: number,
  event: DomainEvent,
): State {
  watcher?.event?.(event)
  if (progress.state === undefined) return undefined
  const snapshot = { version, state: progress.state.value as Json }
  return { value: replay(rules, id.handle, { snapshot, events: [event] }) }
}
