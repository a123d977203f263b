/**
 * Replay of a history of which archived parts are absent: where it can start, and what can be verified before that.
 * Invariant: the record of every command must exist and match its commit, and only events of commands that only publish may be missing, if a
 * commit names them as archived. What was archived before records were kept is the one exception, and is reported as unproved.
 */
import type { Json } from '../base/json.js'
import { type AggregateId, formatAggregateId, type NumberRange, type StoredCommand } from '../eventsourcing/types.js'
import type { ArchiveRule } from '../store/commit/archiving-commit.js'
import { inRanges, rangesOf } from '../store/commit/live-branch.js'
import { isCorrupt } from '../store/disk/damage.js'
import { commandName, eventName, snapshotName } from '../store/disk/paths.js'
import { parseCommand, parseEvent, parseSnapshot } from '../store/disk/records.js'
import type { CommandRef } from './commits.js'
import { type Finding, noteDamage } from './finding.js'
import type { RecordedSnapshot } from './snapshots.js'
import type { HistorySource } from './source.js'

export interface ReplayStart {
  readonly entry: CommandRef
  readonly state: Json
  readonly snapshot: RecordedSnapshot
}

/** The files of one aggregate that may be missing. */
export interface Absences {
  /** Returns true if the record of this command may be missing: it was archived before records were kept. */
  record(sequence: number): boolean
  /** Returns true if events of this command may be missing. */
  events(record: StoredCommand): boolean
  /** Returns true if any file of this command may be missing. */
  some(sequence: number): boolean
}

/**
 * Returns what may be missing, from what commits name; before records were kept, from what `archived.json` claims. `publishesOnly` returns for a
 * type of command whether its events may be missing at all.
 */
export function absencesOf(
  source: Pick<HistorySource, 'isArchived'>,
  id: AggregateId,
  rule: ArchiveRule,
  publishesOnly: (type: string) => boolean,
): Absences {
  const name = formatAggregateId(id)
  const [archived, claimed] = [rule.archived.get(name) ?? [], rule.claimed.get(name) ?? []]
  const record = (sequence: number): boolean =>
    rule.keepsRecords ? inRanges(claimed, sequence) : source.isArchived(id, sequence)
  const some = (sequence: number): boolean => record(sequence) || inRanges(archived, sequence)
  return { record, some, events: ({ sequence, command }) => some(sequence) && publishesOnly(command.type) }
}

/** Returns the first snapshot after the last missing archived file; undefined if nothing is missing, or no snapshot is that new. */
export function findReplayStart(
  source: HistorySource,
  id: AggregateId,
  named: readonly CommandRef[],
  absences: Absences,
  through = Number.POSITIVE_INFINITY,
): ReplayStart | undefined {
  const last = named.findLastIndex((entry) => entry.sequence <= through && isMissing(source, id, entry, absences))
  if (last < 0) return undefined
  for (const entry of named.slice(last + 1)) {
    try {
      const start = startAt(source, id, entry)
      if (start !== undefined) return start
    } catch (error) {
      if (!isCorrupt(error)) throw error
    }
  }
  return undefined
}

/** Returns ranges of archived commands of which a file is missing. */
export function missingCommands(
  source: HistorySource,
  id: AggregateId,
  named: readonly CommandRef[],
  absences: Absences,
): readonly NumberRange[] {
  return rangesOf(named.filter((entry) => isMissing(source, id, entry, absences)).map((entry) => entry.sequence))
}

function isMissing(source: HistorySource, id: AggregateId, entry: CommandRef, absences: Absences): boolean {
  if (!absences.some(entry.sequence)) return false
  const record = tryRecord(source, id, entry)
  if (record === undefined) return isRecordAbsent(source, id, entry, absences)
  if (record.effect.result !== 'accepted' || !absences.events(record)) return false
  return record.effect.events.some((_, i) => !source.has(id, eventName(record.version + i)))
}

/** Returns true if there is no record, and there need be none. One that is damaged is a finding. */
function isRecordAbsent(source: HistorySource, id: AggregateId, { sequence }: CommandRef, absences: Absences): boolean {
  return absences.record(sequence) && !source.has(id, commandName(sequence))
}

function tryRecord(source: HistorySource, id: AggregateId, entry: CommandRef): StoredCommand | undefined {
  try {
    return recordOf(source, id, entry).record
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}

function startAt(source: HistorySource, id: AggregateId, entry: CommandRef): ReplayStart | undefined {
  const record = recordOf(source, id, entry).record
  const named = record.effect.result === 'rejected' ? null : record.effect.snapshot
  if (named === null) return undefined
  const name = snapshotName(named.version)
  const { bytes, path } = source.file(id, name, named.sha256)
  return { entry, state: parseSnapshot(bytes, path, id).state, snapshot: named }
}

function recordOf(source: HistorySource, id: AggregateId, { sequence, command }: CommandRef) {
  const file = source.file(id, commandName(sequence), command)
  return { where: file.where, record: parseCommand(file.bytes, file.path, id, sequence) }
}

export interface PrefixCheck {
  /** Number of files in an archive. */
  readonly archived: number
  /** Recoveries that lost commands, oldest first. */
  readonly recoveries: readonly StoredCommand[]
  /** Commands without a record, which were archived before records were kept. */
  readonly unproved: readonly NumberRange[]
  readonly problems: readonly Finding[]
}

/** Verifies by hash every file before the start that is present. */
export function checkPrefix(
  source: HistorySource,
  id: AggregateId,
  named: readonly CommandRef[],
  start: CommandRef,
  absences: Absences,
): PrefixCheck {
  const problems: Finding[] = []
  const recoveries: StoredCommand[] = []
  const gone: { upTo: number; readonly commands: NumberRange[]; readonly events: NumberRange[] } = {
    upTo: start.sequence,
    commands: [],
    events: [],
  }
  const unproved: number[] = []
  let archived = 0
  for (let i = named.length - 1; i >= 0; i--) {
    const entry = named[i]
    if (entry === undefined || entry.sequence > gone.upTo || inRanges(gone.commands, entry.sequence)) continue
    const name = commandName(entry.sequence)
    if (tryRecord(source, id, entry) === undefined && isRecordAbsent(source, id, entry, absences)) {
      unproved.push(entry.sequence)
      continue
    }
    const found = noteDamage(problems, source.nameOf(id, name), () => recordOf(source, id, entry))
    if (found === undefined) continue
    const { record, where } = found
    if (where === 'archived') archived += 1
    for (const [path, problem] of recordProblems(record, entry, named[i - 1]))
      problems.push({ file: source.nameOf(id, name), path, problem })
    archived += checkEvents(source, id, record, (n) => inRanges(gone.events, n), absences.events(record), problems)
    const { effect } = record
    if (effect.result !== 'recovered') continue
    recoveries.unshift(record)
    gone.upTo = effect.base.sequence
    gone.commands.push(...effect.gone.commands)
    gone.events.push(...effect.gone.events)
  }
  return { archived, recoveries, unproved: rangesOf(unproved), problems }
}

function* recordProblems(
  record: StoredCommand,
  entry: CommandRef,
  before: CommandRef | undefined,
): Generator<readonly [string, string]> {
  if (record.previous !== (before?.command ?? null)) yield ['$.previous', 'is not the hash of the previous command']
  if (record.commit !== entry.commit) yield ['$.commit', `commit ${entry.commit} references it, not ${record.commit}`]
  if (record.at !== entry.at) yield ['$.at', `its commit is from ${entry.at}`]
}

/** Returns the number of files in an archive. */
function checkEvents(
  source: HistorySource,
  id: AggregateId,
  record: StoredCommand,
  isGone: (version: number) => boolean,
  mayMiss: boolean,
  problems: Finding[],
): number {
  if (record.effect.result !== 'accepted') return 0
  let archived = 0
  for (const [i, sha256] of record.effect.events.entries()) {
    const version = record.version + i
    const name = eventName(version)
    if (isGone(version) || (mayMiss && !source.has(id, name))) continue
    const where = noteDamage(problems, source.nameOf(id, name), () => {
      const file = source.file(id, name, sha256)
      parseEvent(file.bytes, file.path, id, version)
      return file.where
    })
    if (where === 'archived') archived += 1
  }
  return archived
}
