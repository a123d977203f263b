/**
 * Replay of a history of which archived parts are absent: where it can start, and what can be verified before that.
 * Invariant: only files that `archived.json` lists may be missing; every other file before the start must match its commit.
 */
import type { Json } from '../base/json.js'
import type { AggregateId, NumberRange, StoredCommand } from '../eventsourcing/types.js'
import { inRanges } from '../store/commit/live-branch.js'
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

/** Returns the first snapshot after the last missing archived file; undefined if nothing is missing, or no snapshot is that new. */
export function findReplayStart(
  source: HistorySource,
  id: AggregateId,
  named: readonly CommandRef[],
  through = Number.POSITIVE_INFINITY,
): ReplayStart | undefined {
  const last = named.findLastIndex(
    (entry, i) => entry.sequence <= through && isMissing(source, id, entry, named[i - 1]?.version ?? 0),
  )
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
): readonly NumberRange[] {
  const out: [number, number][] = []
  for (const [i, entry] of named.entries()) {
    if (!isMissing(source, id, entry, named[i - 1]?.version ?? 0)) continue
    const last = out.at(-1)
    if (last?.[1] === entry.sequence - 1) last[1] = entry.sequence
    else out.push([entry.sequence, entry.sequence])
  }
  return out
}

function isMissing(source: HistorySource, id: AggregateId, { sequence, version }: CommandRef, before: number): boolean {
  if (!source.isArchived(id, sequence)) return false
  if (!source.has(id, commandName(sequence))) return true
  for (let n = before; n < version; n++) if (!source.has(id, eventName(n))) return true
  return false
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
  readonly problems: readonly Finding[]
}

/** Verifies by hash every file before the start that is present. */
export function checkPrefix(
  source: HistorySource,
  id: AggregateId,
  named: readonly CommandRef[],
  start: CommandRef,
): PrefixCheck {
  const problems: Finding[] = []
  const recoveries: StoredCommand[] = []
  const gone: { upTo: number; readonly commands: NumberRange[]; readonly events: NumberRange[] } = {
    upTo: start.sequence,
    commands: [],
    events: [],
  }
  let archived = 0
  for (let i = named.length - 1; i >= 0; i--) {
    const entry = named[i]
    if (entry === undefined || entry.sequence > gone.upTo || inRanges(gone.commands, entry.sequence)) continue
    const mayMiss = source.isArchived(id, entry.sequence)
    const name = commandName(entry.sequence)
    if (mayMiss && !source.has(id, name)) continue
    const found = noteDamage(problems, source.nameOf(id, name), () => recordOf(source, id, entry))
    if (found === undefined) continue
    const { record, where } = found
    if (where === 'archived') archived += 1
    for (const [path, problem] of recordProblems(record, entry, named[i - 1]))
      problems.push({ file: source.nameOf(id, name), path, problem })
    archived += checkEvents(source, id, record, (n) => inRanges(gone.events, n), mayMiss, problems)
    const { effect } = record
    if (effect.result !== 'recovered') continue
    recoveries.unshift(record)
    gone.upTo = effect.base.sequence
    gone.commands.push(...effect.gone.commands)
    gone.events.push(...effect.gone.events)
  }
  return { archived, recoveries, problems }
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
