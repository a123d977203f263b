/**
 * Survey of one aggregate for the archive: which commands may be archived, and which archived ones may leave their original place. Read at
 * one revision without a lock, changes nothing.
 * Invariant: every byte used is verified against a commit; nothing is due unless the backup snapshot and the events after it are intact.
 */
import { join } from 'node:path'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, type Kind, type StoredCommand } from '../../eventsourcing/types.js'
import { type FoundFile, findFile, readCommand } from '../commit/aggregate-files.js'
import { readArchivedIndex } from '../commit/archived-index.js'
import { type ArchivedRange, rangeOf } from '../commit/archived-ranges.js'
import { covers } from '../commit/archiving-commit.js'
import { followBranch, inRanges, isOffBranch, type LiveBranch, newBranch } from '../commit/live-branch.js'
import { unusedSnapshots } from '../commit/snapshot-retention.js'
import type { StoreReader } from '../commit/store-reader.js'
import type { SnapshotRef } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { listDir, readIfExists } from '../disk/fs.js'
import { commandName, eventName, type Layout, parseFileName, snapshotName } from '../disk/paths.js'
import { type BindingSurvey, type NamedArchives, surveyBinding } from './archive-binding.js'
import { type HistoryEntry, isArchivable, isReleasable } from './archive-plan.js'

export interface ArchiveRules {
  /** Commands older than this; undefined: none. */
  readonly cutoff: Instant | undefined
  readonly now: Instant
  /** Returns true if commands of this type only publish what is configured already. */
  readonly publishesOnly: (kind: Kind, type: string) => boolean
  readonly generation: number
  /** Archive folder; null: `archived/` of each aggregate. */
  readonly dir: string | null
  readonly named: NamedArchives
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
  /** Number of all commands of its history. */
  readonly commands: number
  readonly index: readonly ArchivedRange[]
  readonly due: readonly DueCommand[]
  /** Versions of snapshots that are no longer used. */
  readonly unusedSnapshots: readonly number[]
  /** Ranges archived and named by a commit at least one day ago, whose original files may be removed. */
  readonly release: readonly ArchivedRange[]
  readonly binding: BindingSurvey
}

/** Reads the commands of every aggregate, by name, oldest first, in one pass over the commits. Throws `corrupt`, `io`. */
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

/** Surveys one aggregate; `names` receives the bytes of every snapshot and event that stays. Throws `corrupt`, `io`. */
export function surveyAggregate(
  layout: Layout,
  reader: StoreReader,
  id: AggregateId,
  entries: readonly HistoryEntry[],
  rules: ArchiveRules,
  names: (bytes: Uint8Array) => void,
): AggregateSurvey {
  const index = readArchivedIndex(layout, id)
  const backup = intactBackup(layout, reader, id)
  const { snapshot } = reader.infoOf(id)
  const unused = unusedSnapshots(layout.folder(id), [snapshot?.version ?? 0, backup?.version ?? 0])
  const kept = keptSnapshots(layout, id, unused)
  for (const version of kept) reportSnapshot(layout, id, version, names)
  const due: DueCommand[] = []
  const branch = newBranch()
  for (const entry of [...entries].reverse()) {
    const range = rangeOf(index, entry.sequence)
    if (isOffBranch(branch, entry.sequence)) continue
    if (range !== undefined && !isArchivedAgain(range, rules)) continue
    const found = readEntry(layout, id, entry, branch, range !== undefined)
    if (found === undefined) continue
    if (range !== undefined || isDue(id, entry, found, { backup, kept, rules })) due.push(dueOf(entry, found, rules))
    else for (const event of found.events) names(event.bytes)
    followBranch(branch, found.record)
  }
  const name = formatAggregateId(id)
  const old = rules.named.dayAgo.archived.get(name) ?? []
  const release = index.filter(
    (range) => isReleasable(range, rules.now, rules.generation) && covers(old, range.from, range.to),
  )
  const binding = surveyBinding(layout, id, { name, entries, index, branch }, rules.named.now, rules.publishesOnly)
  return { id, commands: entries.length, index, due: due.reverse(), unusedSnapshots: unused, release, binding }
}

/** Returns true if an archived range is archived again: from `archived/` to a named folder, or because another generation archived it. */
function isArchivedAgain(range: ArchivedRange, rules: ArchiveRules): boolean {
  if (range.since !== undefined) return range.generation !== rules.generation
  return rules.dir !== null && range.dir === null
}

interface Found {
  readonly record: StoredCommand
  readonly command: FoundFile
  readonly events: readonly FoundFile[]
  /** No event of it was declared gone by a recovery. */
  readonly complete: boolean
}

/** Reads a command with its events; undefined if it was archived and others moved it from there. Throws `corrupt`, `io`. */
function readEntry(
  layout: Layout,
  id: AggregateId,
  entry: HistoryEntry,
  branch: LiveBranch,
  archived: boolean,
): Found | undefined {
  try {
    const { record, file } = readCommand(layout, id, entry.sequence, entry.command)
    const hashes = record.effect.result === 'accepted' ? record.effect.events : []
    const events = hashes.flatMap((sha256, i) => {
      const version = record.version + i
      return inRanges(branch.events, version) ? [] : [findFile(layout, eventName(version), sha256, id)]
    })
    return { record, command: file, events, complete: events.length === hashes.length }
  } catch (error) {
    if (archived && isCorrupt(error)) return undefined
    throw error
  }
}

interface DueContext {
  readonly backup: SnapshotRef | null
  readonly kept: ReadonlySet<number>
  readonly rules: ArchiveRules
}

function isDue(id: AggregateId, entry: HistoryEntry, found: Found, { backup, kept, rules }: DueContext): boolean {
  const { record } = found
  if (
    !found.complete ||
    !isArchivable(entry, backup, rules.cutoff) ||
    !rules.publishesOnly(id.kind, record.command.type)
  )
    return false
  // the record is needed to verify a kept snapshot
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

function keptSnapshots(layout: Layout, id: AggregateId, unused: readonly number[]): ReadonlySet<number> {
  const files = listDir(layout.folder(id)).map(parseFileName)
  return new Set(files.flatMap((file) => (file?.type === 'snapshot' && !unused.includes(file.n) ? [file.n] : [])))
}

function reportSnapshot(layout: Layout, id: AggregateId, version: number, names: (bytes: Uint8Array) => void): void {
  const path = join(layout.folder(id), snapshotName(version))
  const bytes = readIfExists(path)
  if (bytes !== undefined) names(bytes)
}

/**
 * Returns the backup snapshot if it matches its record and every event after it exists: then a recovery never needs anything before it;
 * null if there is none. Throws `corrupt`, `io`.
 */
function intactBackup(layout: Layout, reader: StoreReader, id: AggregateId): SnapshotRef | null {
  const { backup, tail } = reader.infoOf(id)
  if (backup === null) return null
  const { effect } = reader.command(id, backup.sequence)
  const named = effect.result === 'rejected' ? null : effect.snapshot
  if (named?.version !== backup.version) return null
  findFile(layout, snapshotName(backup.version), named.sha256, id)
  for (const sequence of tail) reader.eventsOf(id, reader.command(id, sequence))
  return backup
}
