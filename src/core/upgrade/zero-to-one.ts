/**
 * Format 0 to 1: one chain of commits over all aggregates, records chained and hashed, objects in folders by their first byte.
 * Invariant: events, command summaries, times, actors and reasons are carried as they are, and the same source gives the same bytes.
 */
import { join } from 'node:path'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId, StoredCommand, StoredCommit } from '../eventsourcing/types.js'
import type { Info, SnapshotRef } from '../store/disk/caches.js'
import { fileDamaged } from '../store/disk/damage.js'
import { listDir, readIfExists } from '../store/disk/fs.js'
import { commandName, eventName, KIND_FOLDERS, type Layout, layoutOf, snapshotName } from '../store/disk/paths.js'
import { encodeRecord, parseObject } from '../store/disk/records.js'
import {
  type ZeroAggregate,
  type ZeroCommand,
  type ZeroSnapshot,
  zeroAggregates,
  zeroCommand,
  zeroEvent,
  zeroSnapshots,
} from './format-zero.js'
import type { Carried, Step, StepTools } from './step.js'
import { addFile, addFolder, addLink, blocksOf, sizeOf } from './work-tree.js'

export const zeroToOne: Step = {
  from: 0,
  to: 1,
  title: 'commits over all aggregates, command records chained by hash, objects in folders by hash',
  needs,
  migrate,
}

/** Where the walk stands in one aggregate. */
interface Cursor {
  readonly from: ZeroAggregate
  readonly folder: string
  readonly snapshots: readonly ZeroSnapshot[]
  next: ZeroCommand | undefined
  version: number
  previous: Sha256 | null
  commit: number
  snapshot: SnapshotRef | null
  backup: SnapshotRef | null
  tail: readonly number[]
}

function needs(source: string): number {
  let bytes = blocksOf(1)
  for (const { folder } of zeroAggregates(source)) {
    for (const name of listDir(folder)) {
      bytes += blocksOf(sizeOf(join(folder, name)))
      // its commit
      if (name.startsWith('command-')) bytes += blocksOf(1)
    }
  }
  return bytes + 256 * blocksOf(1)
}

function migrate(source: string, target: string, tools: StepTools): Carried {
  const layout = layoutOf(target)
  for (const folder of [layout.commits, layout.objects, ...Object.values(KIND_FOLDERS).map((k) => join(target, k))])
    addFolder(folder)
  const cursors = zeroAggregates(source).map((from) => begin(layout, from, tools))
  const { generation } = parseObject(readIfExists(layoutOf(source).marker) ?? new Uint8Array(), layoutOf(source).marker)
  const commits = writeHistory(layout, cursors, Number(generation), tools)
  for (const cursor of cursors) finish(cursor)
  const objects = linkObjects(source, layout)
  writeMarker(source, target)
  return {
    commits,
    aggregates: cursors.length,
    commands: sum(cursors, (c) => c.from.sequence),
    events: sum(cursors, (c) => c.from.version),
    objects,
  }
}

function sum(cursors: readonly Cursor[], of: (cursor: Cursor) => number): number {
  return cursors.reduce((total, cursor) => total + of(cursor), 0)
}

function begin(layout: Layout, from: ZeroAggregate, tools: StepTools): Cursor {
  const folder = layout.folder(from.id)
  addFolder(folder)
  return {
    from,
    folder,
    snapshots: zeroSnapshots(from, tools.notice),
    next: zeroCommand(from, 1),
    version: 0,
    previous: null,
    commit: 0,
    snapshot: null,
    backup: null,
    tail: [],
  }
}

/**
 * One commit for what was done at one time by one person for one reason, which format 0 does not hold together: at most one command of each
 * aggregate, each aggregate in its own order.
 */
function writeHistory(layout: Layout, cursors: readonly Cursor[], generation: number, tools: StepTools): number {
  const total = sum(cursors, (c) => c.from.sequence)
  const members: AggregateId[] = []
  let done = 0
  let last: { readonly record: StoredCommit; readonly sha256: Sha256 } | undefined
  for (let n = 1; ; n++) {
    const first = earliest(cursors)
    if (first === undefined) return n - 1
    const group = cursors.filter((c) => c.next !== undefined && sameOccasion(c.next, first))
    const made = group.filter((c) => c.next?.sequence === 1).map((c) => c.from.id)
    members.push(...made)
    const record: StoredCommit = {
      format: 1,
      commit: n,
      at: first.at,
      generation,
      aggregates: group.map((cursor) => carry(cursor, n)),
      roster: made.length > 0 ? n : (last?.record.roster ?? n),
      ...(made.length > 0 ? { members: sorted(members) } : {}),
      previous: last?.sha256 ?? null,
    }
    const bytes = encodeRecord(record)
    addFile(layout.commit(n), bytes)
    last = { record, sha256: sha256Hex(bytes) }
    done += group.length
    if (n % 100 === 0) tools.progress(done, total, 'commands')
  }
}

function earliest(cursors: readonly Cursor[]): ZeroCommand | undefined {
  let first: ZeroCommand | undefined
  for (const { next } of cursors) if (next !== undefined && (first === undefined || next.at < first.at)) first = next
  return first
}

function sorted(members: readonly AggregateId[]): readonly AggregateId[] {
  const key = ({ kind, handle }: AggregateId): string => `${kind} ${handle}`
  return members.map(({ kind, handle }) => ({ kind, handle })).sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function sameOccasion(a: ZeroCommand, b: ZeroCommand): boolean {
  return (['at', 'actor', 'osUser', 'host', 'reason', 'configDigest'] as const).every((key) => a[key] === b[key])
}

/** Writes one command with its events and snapshot, and moves on; returns what the commit says of it. */
function carry(cursor: Cursor, n: number): StoredCommit['aggregates'][number] {
  const { from, folder, next } = cursor
  const { id } = from
  if (next === undefined) throw new TypeError('nothing to carry')
  const path = join(from.folder, commandName(next.sequence))
  if (next.version !== cursor.version)
    throw fileDamaged(path, `it begins at version ${next.version}, and ${cursor.version} events came before it`, id)
  const effect = carryEffect(cursor, next)
  const { format, previous } = { format: 1 as const, previous: cursor.previous }
  const record: StoredCommand = { ...next, format, kind: id.kind, handle: id.handle, commit: n, effect, previous }
  const bytes = encodeRecord(record)
  addFile(join(folder, commandName(next.sequence)), bytes)
  cursor.previous = sha256Hex(bytes)
  cursor.commit = n
  cursor.next = next.sequence < from.sequence ? zeroCommand(from, next.sequence + 1) : undefined
  if (cursor.next === undefined && cursor.version !== from.version)
    throw fileDamaged(path, `it ends at version ${cursor.version}, and info.json says ${from.version}`, id)
  const { kind, handle } = id
  return { kind, handle, version: cursor.version, sequence: next.sequence, command: cursor.previous }
}

function carryEffect(cursor: Cursor, { sequence, version, effect }: ZeroCommand): StoredCommand['effect'] {
  if (effect.result === 'rejected') return effect
  const { from, folder } = cursor
  const { kind, handle } = from.id
  const events = Array.from({ length: effect.events }, (_, i) => {
    const at = version + i
    const bytes = encodeRecord({ kind, handle, version: at, event: zeroEvent(from, at) })
    addFile(join(folder, eventName(at)), bytes)
    return sha256Hex(bytes)
  })
  cursor.version += events.length
  cursor.tail = [...cursor.tail, sequence]
  const kept = cursor.snapshots.find((s) => s.version === cursor.version)
  if (kept === undefined) return { result: 'accepted', events, snapshot: null }
  const bytes = encodeRecord({ format: 1, kind, handle, version: kept.version, sequence, state: kept.state })
  addFile(join(folder, snapshotName(kept.version)), bytes)
  if (cursor.snapshot !== null) cursor.tail = cursor.tail.filter((s) => s > (cursor.snapshot?.sequence ?? 0))
  cursor.backup = cursor.snapshot
  cursor.snapshot = { version: kept.version, sequence }
  return { result: 'accepted', events, snapshot: { version: kept.version, sha256: sha256Hex(bytes) } }
}

/** The caches: links to the snapshots, `info.json`. */
function finish({ from, folder, version, commit, snapshot, backup, tail }: Cursor): void {
  if (snapshot !== null) addLink(join(folder, snapshotName(snapshot.version)), join(folder, 'snapshot.json'))
  if (backup !== null) addLink(join(folder, snapshotName(backup.version)), join(folder, 'snapshot-bk.json'))
  const info: Info = { version, sequence: from.sequence, commit, snapshot, backup, tail }
  addFile(join(folder, 'info.json'), encodeRecord({ format: 1, ...info }))
}

/** The same files under their new names; one that is not what its name says stays where it is, and is damage if a state names it. */
function linkObjects(source: string, layout: Layout): number {
  let linked = 0
  const from = layoutOf(source).objects
  for (const name of listDir(from)) {
    if (!/^[0-9a-f]{64}$/.test(name) || sha256Hex(readIfExists(join(from, name)) ?? '') !== name) continue
    const path = layout.object(name as Sha256)
    addFolder(join(layout.objects, name.slice(0, 2)))
    addLink(join(from, name), path)
    linked += 1
  }
  return linked
}

/** The marker as it is, in the new format: a damaged one is found when the new tree is opened. */
function writeMarker(source: string, target: string): void {
  const path = layoutOf(source).marker
  const old = parseObject(readIfExists(path) ?? new Uint8Array(), path)
  addFile(layoutOf(target).marker, encodeRecord({ ...old, format: 1 }))
}
