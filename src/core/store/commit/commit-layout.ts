/**
 * Plans the files of a staged commit before the first byte is written.
 * Invariant: pure; a commit that cannot be encoded or conflicts with the revision fails here, with nothing changed.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult, Staged, StagedCommit } from '../../eventsourcing/store.js'
import {
  type AggregateId,
  type DomainEvent,
  formatAggregateId,
  type StoredCommand,
  type StoredCommit,
  type StoredEffect,
} from '../../eventsourcing/types.js'
import { bindingCommit } from '../directory/marker-binding.js'
import type { Info, SnapshotRef } from '../disk/caches.js'
import { commandName, eventName, snapshotName } from '../disk/paths.js'
import { encodeRecord } from '../disk/records.js'
import { type ArchivedNames, archivingCommit, packingCommit } from './archiving-commit.js'
import type { CommitFile } from './commit-log.js'

export interface PlannedFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface PlannedAggregate {
  readonly id: AggregateId
  readonly events: readonly PlannedFile[]
  readonly snapshot: PlannedFile | undefined
  readonly command: PlannedFile
  readonly version: number
  readonly sequence: number
  readonly info: Info
}

export interface Plan {
  readonly n: number
  readonly bytes: Uint8Array
  readonly file: CommitFile
  readonly aggregates: readonly PlannedAggregate[]
  readonly objects: ReadonlyMap<Sha256, Uint8Array>
  readonly dates: ReadonlyMap<Sha256, Instant>
  readonly result: CommitResult
  /** Bytes of free space that the files require, in whole blocks. */
  readonly size: number
  /** Bytes of free space that a command requires that has not begun: files, lock and caches. */
  readonly requiredSpace: number
}

/** The revision that a plan builds on. */
export interface CommitBase {
  readonly head: number
  readonly last: CommitFile | undefined
  readonly generation: number
  /** Digest of the marker. */
  readonly marker: Sha256
  readonly interval: number
  readonly members: readonly AggregateId[]
  /** Returns what a commit on this aggregate builds on; undefined if it does not exist. */
  baseOf(id: AggregateId): AggregateBase | undefined
}

export interface AggregateBase {
  readonly version: number
  readonly sequence: number
  readonly command: Sha256
  readonly info: Info
  readonly snapshotDamaged: boolean
  /** Returns the bytes of the newest snapshot and of the events after it; undefined without one, and where they are not known. */
  readonly sizes?: () => SnapshotSizes | undefined
}

export interface SnapshotSizes {
  readonly snapshot: number
  readonly events: number
}

export const BLOCK = 4096
/** Blocks of the lock: its owner file and its folder. */
const LOCK_BLOCKS = 2

/** Error for a conflict with another writer: nothing was changed, and the same command may be run again. */
export function commitConflict(what: string): AppError {
  return new AppError('locked', 'commit-lost', `another command committed first: ${what}`, {
    hint: 'run the command again',
    retry: true,
    retryAfter: 1,
  })
}

function misuse(text: string): AppError {
  return new AppError('internal', 'commit-misuse', text)
}

/** Plans the files of a commit. Throws `commit-lost` if an aggregate has advanced since it was loaded. */
export function planCommit(base: CommitBase, staged: StagedCommit): Plan {
  const n = base.head + 1
  const names = new Set(staged.aggregates.map((s) => formatAggregateId(s.id)))
  if (names.size === 0 || names.size !== staged.aggregates.length)
    throw misuse('a commit must list each of its aggregates once')
  const aggregates = staged.aggregates.map((s) => planAggregate(base, staged, s, n))
  const made = aggregates.filter((a) => base.baseOf(a.id) === undefined).map((a) => a.id)
  const members = made.length === 0 ? undefined : sortMembers([...base.members, ...made])
  const record: StoredCommit = {
    format: formatAfter(base.last),
    commit: n,
    at: staged.meta.at,
    generation: base.generation,
    // in a fixed order, so that a lost commit can be rebuilt from its command records
    aggregates: [...aggregates].sort(byName).map((a) => ({
      kind: a.id.kind,
      handle: a.id.handle,
      version: a.version,
      sequence: a.sequence,
      command: sha256Hex(a.command.bytes),
    })),
    roster: members === undefined ? (base.last?.record.roster ?? n) : n,
    ...(members === undefined ? {} : { members }),
    marker: base.marker,
    previous: base.last?.sha256 ?? null,
  }
  const bytes = encodeRecord(record)
  const size = sizeOf(bytes, aggregates, staged.objects)
  return {
    n,
    bytes,
    file: { record, sha256: sha256Hex(bytes) },
    aggregates,
    objects: staged.objects,
    dates: staged.dates ?? new Map(),
    result: { commit: n, aggregates: aggregates.map(({ id, version, sequence }) => ({ id, version, sequence })) },
    size,
    requiredSpace: size + BLOCK * (LOCK_BLOCKS + 1 + aggregates.length),
  }
}

/** Returns the format of the next ordinary commit: only `planArchiving` and `planPacking` raise it. */
function formatAfter(last: CommitFile | undefined): StoredCommit['format'] {
  return last === undefined ? 3 : last.record.format === 1 ? 2 : last.record.format
}

/** Plans the commit that binds the marker to a history of format 1 (see `bindingCommit`). */
export function planBinding(last: CommitFile, marker: Sha256, generation: number): Plan {
  return planAlone(bindingCommit(last, marker, generation))
}

/** Plans the commit that names archived commands (see `archivingCommit`). */
export function planArchiving(last: CommitFile, names: ArchivedNames, generation: number): Plan {
  return planAlone(archivingCommit(last, names, generation))
}

/** Plans the commit since which old files may be in segments (see `packingCommit`). */
export function planPacking(last: CommitFile, generation: number): Plan {
  return planAlone(packingCommit(last, generation))
}

/** Plans a commit that changes no aggregate. */
function planAlone(record: StoredCommit): Plan {
  const bytes = encodeRecord(record)
  const size = sizeOf(bytes, [], new Map())
  return {
    n: record.commit,
    bytes,
    file: { record, sha256: sha256Hex(bytes) },
    aggregates: [],
    objects: new Map(),
    dates: new Map(),
    result: { commit: record.commit, aggregates: [] },
    size,
    requiredSpace: size + BLOCK * (LOCK_BLOCKS + 1),
  }
}

function byName(a: { readonly id: AggregateId }, b: { readonly id: AggregateId }): number {
  const key = ({ kind, handle }: AggregateId): string => `${kind} ${handle}`
  return key(a.id) < key(b.id) ? -1 : 1
}

/** Returns the identifiers in the order of a roster, without other members. */
export function sortMembers(members: readonly AggregateId[]): readonly AggregateId[] {
  return members
    .map(({ kind, handle }) => ({ id: { kind, handle } }))
    .sort(byName)
    .map(({ id }) => id)
}

function sizeOf(
  commit: Uint8Array,
  aggregates: readonly PlannedAggregate[],
  objects: ReadonlyMap<Sha256, Uint8Array>,
): number {
  const files = aggregates.flatMap((a) => [...a.events, a.command, ...(a.snapshot === undefined ? [] : [a.snapshot])])
  const lengths = [commit.length, ...files.map((f) => f.bytes.length), ...[...objects.values()].map((o) => o.length)]
  return lengths.reduce((sum, length) => sum + Math.ceil(length / BLOCK) * BLOCK, 0)
}

function planAggregate(base: CommitBase, commit: StagedCommit, staged: Staged, n: number): PlannedAggregate {
  const { id, effect } = staged
  const old = base.baseOf(id)
  const name = formatAggregateId(id)
  if ((old?.version ?? 0) !== staged.version || (old?.sequence ?? 0) !== staged.sequence)
    throw commitConflict(`${name} advanced from command ${staged.sequence} to ${old?.sequence ?? 0}`)
  if (effect.result === 'rejected' && old === undefined)
    throw misuse(`${name} does not exist: its rejected commands are not stored`)
  if (effect.result === 'accepted' && effect.events.length === 0) throw misuse(`${name}: a no-op is not stored`)
  const sequence = staged.sequence + 1
  const events = effect.result === 'accepted' ? planEvents(staged, effect.events) : []
  const version = staged.version + (effect.result === 'recovered' ? 1 : events.length)
  const snapshot = planSnapshot(base.interval, old, staged, version, events)
  const command: StoredCommand = {
    format: 1,
    kind: id.kind,
    handle: id.handle,
    sequence,
    version: staged.version,
    commit: n,
    ...commit.meta,
    command: staged.command,
    effect: storedEffect(effect, events, snapshot, version),
    previous: old?.command ?? null,
  }
  return {
    id,
    events,
    snapshot,
    version,
    sequence,
    command: { name: commandName(sequence), bytes: encodeRecord(command) },
    info: nextInfo(old?.info, { version, sequence, commit: n }, effect.result, snapshot !== undefined),
  }
}

function planEvents({ id, version }: Staged, events: readonly DomainEvent[]): readonly PlannedFile[] {
  return events.map((event, i) => {
    const record = { kind: id.kind, handle: id.handle, version: version + i, event }
    return { name: eventName(version + i), bytes: encodeRecord(record) }
  })
}

/** A large state waits for so many intervals at most. */
export const LONGEST_WAIT = 5

/**
 * Plans a snapshot where a multiple of the interval is passed and the events since the last one have half of its bytes, where a multiple of five
 * intervals is passed, where the expected one is damaged, and for each recovery. So a large state is not written for small changes, and what is
 * read besides a snapshot is half of it or two dozen events.
 */
function planSnapshot(
  interval: number,
  old: AggregateBase | undefined,
  staged: Staged,
  version: number,
  events: readonly PlannedFile[],
): PlannedFile | undefined {
  if (staged.effect.result === 'rejected') return undefined
  const passed = (every: number): boolean => Math.floor(version / every) > Math.floor(staged.version / every)
  const isWorthIt = (): boolean => {
    const sizes = old?.sizes?.()
    if (sizes === undefined) return true
    return 2 * events.reduce((sum, { bytes }) => sum + bytes.length, sizes.events) >= sizes.snapshot
  }
  const isDue = passed(interval) && (passed(LONGEST_WAIT * interval) || isWorthIt())
  if (!isDue && old?.snapshotDamaged !== true && staged.effect.result !== 'recovered') return undefined
  const { kind, handle } = staged.id
  const record = { format: 1, kind, handle, version, sequence: staged.sequence + 1, state: staged.effect.state }
  return { name: snapshotName(version), bytes: encodeRecord(record) }
}

function storedEffect(
  effect: Staged['effect'],
  events: readonly PlannedFile[],
  snapshot: PlannedFile | undefined,
  version: number,
): StoredEffect {
  if (effect.result === 'rejected') return { result: 'rejected', code: effect.code, message: effect.message }
  const named = snapshot === undefined ? null : { version, sha256: sha256Hex(snapshot.bytes) }
  if (effect.result === 'accepted')
    return { result: 'accepted', events: events.map((e) => sha256Hex(e.bytes)), snapshot: named }
  if (named === null) throw misuse('a recovery without a snapshot')
  return { result: 'recovered', base: effect.base, snapshot: named, gone: effect.gone }
}

function nextInfo(
  old: Info | undefined,
  now: Pick<Info, 'version' | 'sequence' | 'commit'>,
  result: StoredEffect['result'],
  withSnapshot: boolean,
): Info {
  const snapshot: SnapshotRef = { version: now.version, sequence: now.sequence }
  // a snapshot before a recovery may be of a discarded branch
  if (result === 'recovered') return { ...now, snapshot, backup: null, tail: [] }
  const tail = [...(old?.tail ?? []), ...(result === 'accepted' ? [now.sequence] : [])]
  const before = old?.snapshot ?? null
  if (!withSnapshot) return { ...now, snapshot: before, backup: old?.backup ?? null, tail }
  return { ...now, snapshot, backup: before, tail: tail.filter((s) => s > (before?.sequence ?? 0)) }
}
