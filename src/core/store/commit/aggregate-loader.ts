/**
 * Loads an aggregate at a revision: the newest valid snapshot, the events after it, and the content that its caches should have.
 * Invariants: the cost does not grow with history; every byte used is verified against a commit; damage that loses nothing is bypassed with
 * a warning.
 */
import { join } from 'node:path'
import type { Json } from '../../base/json.js'
import { type AggregateId, type DomainEvent, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { type Info, readInfo, type SnapshotRef } from '../disk/caches.js'
import { isCorrupt, unlessCorrupt } from '../disk/damage.js'
import { exists, readIfExists } from '../disk/fs.js'
import { commandName, eventName, snapshotName } from '../disk/paths.js'
import { parseEvent, parseSnapshot } from '../disk/records.js'
import { type FoundCommand, type FoundFile, findCommand, findFile, readCommand } from './aggregate-files.js'
import type { Revision } from './commit-log.js'
import { findNewest, type NewestCommand, verifiedInfo } from './newest-command.js'
import { snapshotState } from './snapshot-cache.js'

export interface LoadedAggregate {
  readonly version: number
  readonly sequence: number
  readonly command: FoundCommand
  readonly base: SnapshotRef | null
  /** State in the base snapshot. */
  readonly state: Json | undefined
  readonly events: readonly DomainEvent[]
  /** Content that `info.json` should have. */
  readonly info: Info
  /** An expected snapshot is missing or damaged: the next commit writes a new one. */
  readonly snapshotDamaged: boolean
  /** Committed files that a writer which lost a race moved to `surplus/`: the next writer moves them back. */
  readonly misplaced: readonly MisplacedFile[]
}

export interface MisplacedFile {
  readonly path: string
  readonly name: string
}

/** A snapshot to start from; `state` is set only on the first valid one. */
interface StartSnapshot {
  readonly ref: SnapshotRef
  readonly state?: Json
  readonly damaged?: true
}

/** Loads an aggregate of the roster. Throws `corrupt`, `io`. */
export function loadAggregate(revision: Revision, id: AggregateId): LoadedAggregate {
  const folder = revision.layout.folder(id)
  const raw = readInfo(folder)
  const info = verifiedInfo(revision, id, raw)
  const newest = findNewest(revision, id, info)
  // the first commit of an aggregate exists an instant before its cache
  const isBeingMade = raw === undefined && newest.sequence === 1 && newest.commit === revision.head
  if (info === undefined && !isBeingMade)
    revision.bypass({
      id,
      message: `${join(folder, 'info.json')} is ${raw === undefined ? 'missing' : 'invalid'}; read the commits instead`,
      isDamaged: raw === 'damaged',
    })
  const command = readCommand(revision.layout, id, newest.sequence, newest.sha256)
  const starts = readStarts(revision, id, info, newest, command)
  const firstValid = starts.find((b) => b.state !== undefined)
  const { start, records } =
    readTail(revision, id, newest, command, firstValid, info) ??
    readBack(revision, id, command, undefined) ??
    noHistory(id)
  const base = start?.ref ?? null
  const misplaced: MisplacedFile[] = []
  noteMisplaced(misplaced, command.file, commandName(newest.sequence))
  const events: DomainEvent[] = []
  for (const found of records) {
    if (found !== command) noteMisplaced(misplaced, found.file, commandName(found.record.sequence))
    events.push(...readEvents(revision, id, found.record, misplaced))
  }
  return {
    version: newest.version,
    sequence: newest.sequence,
    command,
    base,
    events,
    misplaced,
    state: start?.state,
    info: expectedInfo(newest, base, backupOf(starts, start), info, records),
    snapshotDamaged: starts.some((b) => b.damaged === true),
  }
}

/** Reads the events of one command record. Throws `corrupt`, `io`. */
export function readEvents(
  revision: Revision,
  id: AggregateId,
  record: StoredCommand,
  misplaced: MisplacedFile[] = [],
): readonly DomainEvent[] {
  if (record.effect.result !== 'accepted') return []
  return record.effect.events.map((sha256, i) => {
    const name = eventName(record.version + i)
    const found = findFile(revision.layout, name, sha256, id)
    noteMisplaced(misplaced, found, name)
    return parseEvent(found.bytes, found.path, id, record.version + i).event
  })
}

function noteMisplaced(misplaced: MisplacedFile[], file: FoundFile, name: string): void {
  if (file.where === 'surplus') misplaced.push({ path: file.path, name })
}

function backupOf(starts: readonly StartSnapshot[], start: StartSnapshot | undefined): SnapshotRef | null {
  const version = start?.ref.version ?? 0
  return starts.find((b) => b !== start && b.damaged !== true && b.ref.version < version)?.ref ?? null
}

function expectedInfo(
  newest: NewestCommand,
  base: SnapshotRef | null,
  backup: SnapshotRef | null,
  old: Info | undefined,
  records: readonly FoundCommand[],
): Info {
  const { version, sequence, commit } = newest
  // without the old cache the commands between the two snapshots are unknown, so the backup is left out
  const usable = old === undefined ? null : backup
  const between =
    usable === null ? [] : (old?.tail ?? []).filter((s) => s > usable.sequence && s <= (base?.sequence ?? 0))
  return {
    version,
    sequence,
    commit,
    snapshot: base,
    backup: usable,
    tail: [...between, ...records.map((r) => r.record.sequence)],
  }
}

/**
 * Lists snapshots to start from, newest first: the first valid one has its state, those before it are damaged, those after it are not read.
 */
function readStarts(
  revision: Revision,
  id: AggregateId,
  info: Info | undefined,
  newest: NewestCommand,
  command: FoundCommand,
): readonly StartSnapshot[] {
  const refs = info === undefined ? linkedSnapshots(revision, id) : [info.snapshot, info.backup]
  const out: StartSnapshot[] = []
  for (const ref of refs) {
    if (ref === null || ref.version > newest.version || ref.sequence > newest.sequence) continue
    if (out.some((b) => b.state !== undefined)) out.push({ ref })
    else out.push(...readStart(revision, id, ref, ref.sequence === newest.sequence ? command : undefined))
  }
  return out
}

/** `command` is the command of the snapshot, if it has been read. */
function readStart(
  revision: Revision,
  id: AggregateId,
  ref: SnapshotRef,
  command: FoundCommand | undefined,
): readonly StartSnapshot[] {
  try {
    const { record } = command ?? findCommand(revision, id, ref.sequence)
    const named = record.effect.result === 'rejected' ? null : record.effect.snapshot
    if (named?.version !== ref.version) return []
    const name = snapshotName(ref.version)
    const state = snapshotState(join(revision.layout.folder(id), name), named.sha256, () => {
      const { bytes, path } = findFile(revision.layout, name, named.sha256, id)
      return { path, bytes: bytes.length, state: parseSnapshot(bytes, path, id).state }
    })
    return [{ ref, state }]
  } catch (error) {
    if (!isCorrupt(error)) throw error
    const isDamaged = error.code !== 'file-missing'
    revision.bypass({ id, message: `${error.message}; used older data instead`, isDamaged })
    return [{ ref, damaged: true }]
  }
}

/** Reads which snapshots `snapshot.json` and `snapshot-bk.json` are. */
function linkedSnapshots(revision: Revision, id: AggregateId): readonly (SnapshotRef | null)[] {
  return ['snapshot.json', 'snapshot-bk.json'].map((name) => {
    const path = join(revision.layout.folder(id), name)
    try {
      const bytes = readIfExists(path)
      if (bytes === undefined) return null
      const { version, sequence } = parseSnapshot(bytes, path, id)
      return { version, sequence }
    } catch (error) {
      if (!isCorrupt(error)) throw error
      return null
    }
  })
}

interface Tail {
  /** Snapshot that they follow; undefined: the beginning of history. */
  readonly start: StartSnapshot | undefined
  /** Accepted commands, oldest first. */
  readonly records: readonly FoundCommand[]
}

/**
 * Reads the accepted commands after the snapshot: as listed by the cache if that leaves no gap, otherwise back along the chain of records.
 * Undefined if the snapshot is not on the live branch.
 */
function readTail(
  revision: Revision,
  id: AggregateId,
  newest: NewestCommand,
  last: FoundCommand,
  start: StartSnapshot | undefined,
  info: Info | undefined,
): Tail | undefined {
  const from = start?.ref ?? { version: 0, sequence: 0 }
  if (info !== undefined) {
    const known = info.tail.filter((s) => s > from.sequence && s <= newest.sequence)
    for (let s = info.sequence + 1; s <= newest.sequence; s++) known.push(s)
    const found = contiguousCommands(revision, id, newest, last, from.version, known)
    if (found !== undefined) return { start, records: found }
  }
  return readBack(revision, id, last, start)
}

/** Reads back along the chain of records; a recovery on the way leads to its own snapshot, or to its base. */
function readBack(
  revision: Revision,
  id: AggregateId,
  last: FoundCommand,
  start: StartSnapshot | undefined,
): Tail | undefined {
  const from = start?.ref.sequence ?? 0
  const out: FoundCommand[] = []
  for (let at = last; at.record.sequence > from; ) {
    const { effect, previous, sequence } = at.record
    // in a copy opened at an older commit the caches know only newer snapshots: an older one avoids reading commands that may be archived
    const own = start === undefined || effect.result === 'recovered' ? ownSnapshot(revision, id, at) : undefined
    if (own !== undefined) return { start: own, records: out.reverse() }
    if (effect.result === 'accepted') out.push(at)
    if (effect.result === 'recovered') {
      if (effect.base.sequence < from) return undefined
      if (effect.base.sequence === from) break
      at = findCommand(revision, id, effect.base.sequence)
      continue
    }
    if (previous === null) break
    at = readCommand(revision.layout, id, sequence - 1, previous)
  }
  return { start, records: out.reverse() }
}

/** Returns the snapshot that a command wrote, if it is kept and valid. */
function ownSnapshot(revision: Revision, id: AggregateId, command: FoundCommand): StartSnapshot | undefined {
  const { effect, sequence } = command.record
  const named = effect.result === 'rejected' ? null : effect.snapshot
  if (named === null || !exists(join(revision.layout.folder(id), snapshotName(named.version)))) return undefined
  return readStart(revision, id, { version: named.version, sequence }, command).find((b) => b.state !== undefined)
}

function noHistory(id: AggregateId): never {
  throw new TypeError(`${formatAggregateId(id)}: no branch of history reaches its beginning`)
}

/** Reads the accepted commands among these sequences; undefined unless they lead from `version` to the newest version without a gap. */
function contiguousCommands(
  revision: Revision,
  id: AggregateId,
  newest: NewestCommand,
  last: FoundCommand,
  version: number,
  sequences: readonly number[],
): readonly FoundCommand[] | undefined {
  const out: FoundCommand[] = []
  let at = version
  for (const sequence of sequences) {
    const found = sequence === newest.sequence ? last : unlessCorrupt(() => findCommand(revision, id, sequence))
    if (found === undefined) return undefined
    if (found.record.effect.result !== 'accepted') continue
    if (found.record.version !== at) return undefined
    at += found.record.effect.events.length
    out.push(found)
  }
  return at === newest.version ? out : undefined
}
