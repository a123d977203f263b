/**
 * What of an aggregate may go to the archive, and what its first files may go: read at one cut, without a lock, nothing changed.
 * Invariant: every byte that counts is what a commit names; an aggregate whose backup snapshot does not carry it to its newest version gives nothing.
 */
import { join } from 'node:path'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, type Kind, type StoredCommand } from '../../eventsourcing/types.js'
import { type FoundFile, findFile, readCommand } from '../commit/aggregate-files.js'
import { readArchivedIndex } from '../commit/archived-index.js'
import { type ArchivedRange, rangeOf } from '../commit/archived-ranges.js'
import { followBranch, inRanges, isOffBranch, type LiveBranch, newBranch } from '../commit/live-branch.js'
import { unusedSnapshots } from '../commit/snapshot-retention.js'
import type { StoreReader } from '../commit/store-reader.js'
import type { SnapshotRef } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { listDir, readIfExists } from '../disk/fs.js'
import { commandName, eventName, type Layout, parseFileName, snapshotName } from '../disk/paths.js'
import { type HistoryEntry, isArchivable, isReleasable } from './archive-plan.js'

export interface ArchiveRules {
  /** Commands older than this; undefined: none. */
  readonly cutoff: Instant | undefined
  readonly now: Instant
  /** Does a command of this type do nothing but publish? */
  readonly isPublication: (kind: Kind, type: string) => boolean
  readonly generation: number
  /** The folder that takes them; null: `archived/` of each aggregate. */
  readonly dir: string | null
}

export interface ArchivedFile {
  readonly name: string
  readonly sha256: Sha256
  readonly size: number
}

/** One command with its events, the record last. */
export interface DueCommand {
  readonly range: ArchivedRange
  readonly at: Instant
  readonly files: readonly ArchivedFile[]
}

export interface AggregateSurvey {
  readonly id: AggregateId
  /** All commands that it ever had. */
  readonly commands: number
  readonly index: readonly ArchivedRange[]
  readonly due: readonly DueCommand[]
  /** Snapshots that nobody starts from any more, by version. */
  readonly unusedSnapshots: readonly number[]
  /** Archived a day ago or longer, and to leave their place. */
  readonly release: readonly ArchivedRange[]
}

/** Every command of every aggregate, by its name, oldest first: one pass over the commits. */
export function historyOf(reader: StoreReader): ReadonlyMap<string, readonly HistoryEntry[]> {
  const out = new Map<string, HistoryEntry[]>()
  for (let n = 1; n <= reader.head; n++) {
    const { record } = reader.commitAt(n)
    for (const { kind, handle, sequence, version, command } of record.aggregates) {
      const name = formatAggregateId({ kind, handle })
      const list = out.get(name) ?? []
      const fromVersion = list.at(-1)?.toVersion ?? 0
      list.push({ sequence, commit: n, at: record.at, fromVersion, toVersion: version, command })
      out.set(name, list)
    }
  }
  return out
}

/** Looks through one aggregate; `names` is told the text of every snapshot and event that stays. Throws `corrupt`. */
export function surveyAggregate(
  layout: Layout,
  reader: StoreReader,
  id: AggregateId,
  entries: readonly HistoryEntry[],
  rules: ArchiveRules,
  names: (bytes: Uint8Array) => void,
): AggregateSurvey {
  const note = readArchivedIndex(layout, id)
  const backup = soundBackup(layout, reader, id)
  const { snapshot } = reader.infoOf(id)
  const outdated = unusedSnapshots(layout.folder(id), [snapshot?.version ?? 0, backup?.version ?? 0])
  const kept = keptSnapshots(layout, id, outdated)
  for (const version of kept) tellSnapshot(layout, id, version, names)
  const due: DueCommand[] = []
  const line = newBranch()
  for (const entry of [...entries].reverse()) {
    const range = rangeOf(note, entry.sequence)
    if (isOffBranch(line, entry.sequence)) continue
    if (range !== undefined && !goesOn(range, rules)) continue
    const found = readEntry(layout, id, entry, line, range !== undefined)
    if (found === undefined) continue
    if (range !== undefined || isDue(id, entry, found, { backup, kept, rules })) due.push(dueOf(entry, found, rules))
    else for (const event of found.events) names(event.bytes)
    followBranch(line, found.record)
  }
  const release = note.filter((range) => isReleasable(range, rules.now, rules.generation))
  return { id, commands: entries.length, index: note, due: due.reverse(), unusedSnapshots: outdated, release }
}

/** What lies in `archived/` goes on to a folder that was named; what another generation put there is put there once more. */
function goesOn(range: ArchivedRange, rules: ArchiveRules): boolean {
  if (range.since !== undefined) return range.generation !== rules.generation
  return rules.dir !== null && range.dir === null
}

interface Found {
  readonly record: StoredCommand
  readonly command: FoundFile
  readonly events: readonly FoundFile[]
  /** No recovery declared any of them gone. */
  readonly whole: boolean
}

/** A command with its events; undefined where it was archived and was moved on by others. */
function readEntry(
  layout: Layout,
  id: AggregateId,
  entry: HistoryEntry,
  line: LiveBranch,
  archived: boolean,
): Found | undefined {
  try {
    const { record, file } = readCommand(layout, id, entry.sequence, entry.command)
    const hashes = record.effect.result === 'accepted' ? record.effect.events : []
    const there = hashes.flatMap((sha256, i) => {
      const version = record.version + i
      return inRanges(line.events, version) ? [] : [findFile(layout, eventName(version), sha256, id)]
    })
    return { record, command: file, events: there, whole: there.length === hashes.length }
  } catch (error) {
    if (archived && isCorrupt(error)) return undefined
    throw error
  }
}

interface Ground {
  readonly backup: SnapshotRef | null
  readonly kept: ReadonlySet<number>
  readonly rules: ArchiveRules
}

function isDue(id: AggregateId, entry: HistoryEntry, found: Found, { backup, kept, rules }: Ground): boolean {
  const { record } = found
  if (!found.whole || !isArchivable(entry, backup, rules.cutoff) || !rules.isPublication(id.kind, record.command.type))
    return false
  // a snapshot that is there is proved by its record
  const { effect } = record
  return !(effect.result === 'accepted' && effect.snapshot !== null && kept.has(effect.snapshot.version))
}

function dueOf(entry: HistoryEntry, { record, command, events }: Found, rules: ArchiveRules): DueCommand {
  const hashes = record.effect.result === 'accepted' ? record.effect.events : []
  const files = hashes.map((sha256, i) => ({
    name: eventName(record.version + i),
    sha256,
    size: events[i]?.bytes.length ?? 0,
  }))
  const { sequence, at } = entry
  const range: ArchivedRange = {
    from: sequence,
    to: sequence,
    fromVersion: record.version,
    toVersion: record.version + hashes.length,
    type: record.command.type,
    actor: record.actor,
    dir: rules.dir,
    since: rules.now,
    generation: rules.generation,
  }
  const own = { name: commandName(sequence), sha256: entry.command, size: command.bytes.length }
  return { range, at, files: [...files, own] }
}

function keptSnapshots(layout: Layout, id: AggregateId, outdated: readonly number[]): ReadonlySet<number> {
  const files = listDir(layout.folder(id)).map(parseFileName)
  return new Set(files.flatMap((file) => (file?.type === 'snapshot' && !outdated.includes(file.n) ? [file.n] : [])))
}

function tellSnapshot(layout: Layout, id: AggregateId, version: number, names: (bytes: Uint8Array) => void): void {
  const path = join(layout.folder(id), snapshotName(version))
  const bytes = readIfExists(path)
  if (bytes !== undefined) names(bytes)
}

/** The backup snapshot, if it is as its record says and every event after it is there: then nothing before it is ever needed to recover. */
function soundBackup(layout: Layout, reader: StoreReader, id: AggregateId): SnapshotRef | null {
  const { backup, tail } = reader.infoOf(id)
  if (backup === null) return null
  const { effect } = reader.command(id, backup.sequence)
  const named = effect.result === 'rejected' ? null : effect.snapshot
  if (named?.version !== backup.version) return null
  findFile(layout, snapshotName(backup.version), named.sha256, id)
  for (const sequence of tail) reader.eventsOf(id, reader.command(id, sequence))
  return backup
}
