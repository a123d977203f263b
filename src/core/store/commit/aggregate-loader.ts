/**
 * An aggregate at a cut: the best snapshot, the events after it, and what the caches should say.
 * Invariants: the cost does not grow with history; every byte used is vouched for by a commit; what loses nothing is read past with a warning.
 */
import { join } from 'node:path'
import type { Json } from '../../base/json.js'
import { type AggregateId, type DomainEvent, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { type Info, readInfo, type SnapshotRef } from '../disk/caches.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, readIfExists } from '../disk/fs.js'
import { commandName, eventName, snapshotName } from '../disk/paths.js'
import { parseEvent, parseSnapshot } from '../disk/records.js'
import { type FoundCommand, type FoundFile, findCommand, findFile, readCommand } from './aggregate-files.js'
import { findNewest, type NewestCommand, verifiedInfo } from './newest-command.js'
import type { Revision } from './revision.js'

export interface LoadedAggregate {
  readonly version: number
  readonly sequence: number
  readonly command: FoundCommand
  readonly base: SnapshotRef | null
  /** The state that the base snapshot holds. */
  readonly state: Json | undefined
  readonly events: readonly DomainEvent[]
  /** The cache that would be right. */
  readonly info: Info
  /** A snapshot that should be there is not sound: the next commit writes a new one. */
  readonly snapshotDamaged: boolean
  /** Files that an overtaken writer swept away, to be put back by the next writer. */
  readonly misplaced: readonly MisplacedFile[]
}

export interface MisplacedFile {
  readonly path: string
  readonly name: string
}

interface Base {
  readonly hint: SnapshotRef
  readonly state?: Json
  readonly damaged?: true
}

/** Reads an aggregate of the roster. Throws `corrupt`, `io`. */
export function loadAggregate(revision: Revision, id: AggregateId): LoadedAggregate {
  const folder = revision.layout.folder(id)
  const raw = readInfo(folder)
  const info = verifiedInfo(revision, id, raw)
  const newest = findNewest(revision, id, info)
  // a first commit is there an instant before its cache
  const isBeingMade = raw === undefined && newest.sequence === 1 && newest.commit === revision.head
  if (info === undefined && !isBeingMade)
    revision.warn(
      `${join(folder, 'info.json')} is ${raw === undefined ? 'missing' : 'wrong'}: read the commits instead`,
    )
  const command = readCommand(revision.layout, id, newest.sequence, newest.sha256)
  const bases = readBases(revision, id, info, newest)
  const hinted = bases.find((b) => b.state !== undefined)
  const { good, records } =
    readTail(revision, id, newest, command, hinted, info) ?? readBack(revision, id, command, undefined) ?? neverSo(id)
  const base = good?.hint ?? null
  const astray: MisplacedFile[] = []
  note(astray, command.file, commandName(newest.sequence))
  const events: DomainEvent[] = []
  for (const found of records) {
    if (found !== command) note(astray, found.file, commandName(found.record.sequence))
    events.push(...readEvents(revision, id, found.record, astray))
  }
  return {
    version: newest.version,
    sequence: newest.sequence,
    command,
    base,
    events,
    misplaced: astray,
    state: good?.state,
    info: rightInfo(newest, base, backupOf(bases, good), info, records),
    snapshotDamaged: bases.some((b) => b.damaged === true),
  }
}

/** The events of one record. */
export function readEvents(
  revision: Revision,
  id: AggregateId,
  record: StoredCommand,
  astray: MisplacedFile[] = [],
): readonly DomainEvent[] {
  if (record.effect.result !== 'accepted') return []
  return record.effect.events.map((sha256, i) => {
    const name = eventName(record.version + i)
    const found = findFile(revision.layout, name, sha256, id)
    note(astray, found, name)
    return parseEvent(found.bytes, found.path, id, record.version + i).event
  })
}

function note(astray: MisplacedFile[], file: FoundFile, name: string): void {
  if (file.where === 'surplus') astray.push({ path: file.path, name })
}

function backupOf(bases: readonly Base[], good: Base | undefined): SnapshotRef | null {
  const version = good?.hint.version ?? 0
  return bases.find((b) => b !== good && b.damaged !== true && b.hint.version < version)?.hint ?? null
}

function rightInfo(
  newest: NewestCommand,
  base: SnapshotRef | null,
  backup: SnapshotRef | null,
  old: Info | undefined,
  records: readonly FoundCommand[],
): Info {
  const { version, sequence, commit } = newest
  // without the old cache the commands between the two snapshots are not known, so the backup is not offered
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

/** Snapshots to start from, the best first: the first sound one has its state, those before it are damaged, those after it are not looked at. */
function readBases(
  revision: Revision,
  id: AggregateId,
  info: Info | undefined,
  newest: NewestCommand,
): readonly Base[] {
  const hints = info === undefined ? linkedSnapshots(revision, id) : [info.snapshot, info.backup]
  const out: Base[] = []
  for (const hint of hints) {
    if (hint === null || hint.version > newest.version || hint.sequence > newest.sequence) continue
    if (out.some((b) => b.state !== undefined)) out.push({ hint })
    else out.push(...readBase(revision, id, hint))
  }
  return out
}

function readBase(revision: Revision, id: AggregateId, hint: SnapshotRef): readonly Base[] {
  try {
    const { record } = findCommand(revision, id, hint.sequence)
    const named = record.effect.result === 'rejected' ? null : record.effect.snapshot
    if (named?.version !== hint.version) return []
    const { bytes, path } = findFile(revision.layout, snapshotName(hint.version), named.sha256, id)
    return [{ hint, state: parseSnapshot(bytes, path, id).state }]
  } catch (error) {
    if (!isCorrupt(error)) throw error
    revision.warn(`${error.message}; used what was before it`)
    return [{ hint, damaged: true }]
  }
}

/** What `snapshot.json` and `snapshot-bk.json` say they are. */
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
  /** What they follow; undefined: nothing. */
  readonly good: Base | undefined
  /** Accepted commands, oldest first. */
  readonly records: readonly FoundCommand[]
}

/** The accepted commands after the snapshot: by the cache when it fits without a gap, else back along the chain. Undefined where the snapshot is of a line that a recovery ended. */
function readTail(
  revision: Revision,
  id: AggregateId,
  newest: NewestCommand,
  last: FoundCommand,
  good: Base | undefined,
  info: Info | undefined,
): Tail | undefined {
  const from = good?.hint ?? { version: 0, sequence: 0 }
  if (info !== undefined) {
    const known = info.tail.filter((s) => s > from.sequence && s <= newest.sequence)
    for (let s = info.sequence + 1; s <= newest.sequence; s++) known.push(s)
    const found = gapless(revision, id, newest, last, from.version, known)
    if (found !== undefined) return { good, records: found }
  }
  return readBack(revision, id, last, good)
}

/** Back along the chain; a recovery on the way leads to its own snapshot, or to its base. */
function readBack(revision: Revision, id: AggregateId, last: FoundCommand, good: Base | undefined): Tail | undefined {
  const from = good?.hint.sequence ?? 0
  const out: FoundCommand[] = []
  for (let at = last; at.record.sequence > from; ) {
    const { effect, previous, sequence } = at.record
    // in a copy that went back the caches know newer snapshots alone: an older one that is kept spares what may be archived
    const own = good === undefined || effect.result === 'recovered' ? ownSnapshot(revision, id, at.record) : undefined
    if (own !== undefined) return { good: own, records: out.reverse() }
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
  return { good, records: out.reverse() }
}

/** The snapshot that a command wrote, where it is kept and sound. */
function ownSnapshot(revision: Revision, id: AggregateId, { effect, sequence }: StoredCommand): Base | undefined {
  const named = effect.result === 'rejected' ? null : effect.snapshot
  if (named === null || !exists(join(revision.layout.folder(id), snapshotName(named.version)))) return undefined
  return readBase(revision, id, { version: named.version, sequence }).find((b) => b.state !== undefined)
}

function neverSo(id: AggregateId): never {
  throw new TypeError(`${formatAggregateId(id)}: no line of history leads to its beginning`)
}

function gapless(
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
    const found = sequence === newest.sequence ? last : ifSound(() => findCommand(revision, id, sequence))
    if (found === undefined) return undefined
    if (found.record.effect.result !== 'accepted') continue
    if (found.record.version !== at) return undefined
    at += found.record.effect.events.length
    out.push(found)
  }
  return at === newest.version ? out : undefined
}

/** The chain names what is wrong; the cache may speak of commands that a recovery gave up. */
function ifSound<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}
