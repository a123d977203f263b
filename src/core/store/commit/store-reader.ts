/**
 * Reads one revision of the store without a lock.
 * Invariant: everything is as of one commit, and nothing on disk changes.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Loaded, Reader, StagedCommit } from '../../eventsourcing/store.js'
import { type AggregateId, type DomainEvent, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { type AnyMarker, refuseChangedMarker, refuseOlderMarker } from '../directory/data-dir.js'
import { markerDigest } from '../directory/marker-binding.js'
import type { Info, SnapshotRef } from '../disk/caches.js'
import { isCorrupt, objectCorrupt } from '../disk/damage.js'
import { readIfExists, statIfExists } from '../disk/fs.js'
import { eventName, type Layout, snapshotName } from '../disk/paths.js'
import { findCommand } from './aggregate-files.js'
import { type LoadedAggregate, loadAggregate, readEvents } from './aggregate-loader.js'
import { type AggregateBase, type Plan, planCommit, type SnapshotSizes } from './commit-layout.js'
import { type BypassedFile, type CommitFile, CommitLog, type Head, type Revision } from './commit-log.js'

export interface RevisionOptions {
  readonly head: Head
  readonly marker: AnyMarker
  readonly strict: boolean
  /** Number of newer commits that are incomplete here. */
  readonly behind: number
  /** Damage because of which newer commits of a copy are not used; undefined if some of their files are only missing. */
  readonly copyDamage?: string | undefined
  readonly warn: (text: string) => void
}

export class StoreReader implements Reader {
  readonly #marker: AnyMarker
  readonly behind: number
  readonly copyDamage: string | undefined
  /** False if the last writer was interrupted: the newest commit may not be durable until the next writer rewrites it. */
  readonly sealed: boolean
  protected revision: Revision
  readonly #loaded = new Map<string, LoadedAggregate>()
  #roster: ReadonlyMap<string, AggregateId> | undefined
  #ids: readonly AggregateId[] | undefined
  readonly #bypassed: BypassedFile[] = []

  constructor(layout: Layout, options: RevisionOptions) {
    const { head, strict, warn } = options
    this.revision = {
      layout,
      log: new CommitLog(layout, head.cache),
      head: head.n,
      strict,
      warn,
      bypass: (note) => {
        this.#bypassed.push(note)
        warn(note.message)
      },
    }
    this.#marker = options.marker
    this.behind = options.behind
    this.copyDamage = options.copyDamage
    this.sealed = head.n === 0 || head.cache !== undefined
  }

  get generation(): number {
    return this.#marker.generation
  }

  /** Throws `marker-changed` (corrupt) unless the newest commit names the marker that this was opened with. A damaged commit is left to its readers. */
  checkMarker(): void {
    const { head, layout } = this.revision
    if (head === 0) return
    let last: CommitFile
    try {
      last = this.commitAt(head)
    } catch (error) {
      if (isCorrupt(error)) return
      throw error
    }
    refuseChangedMarker(layout.dir, this.#marker, last.record)
  }

  get head(): number {
    return this.revision.head
  }

  get at(): Instant | undefined {
    return this.revision.head === 0 ? undefined : this.commitAt(this.revision.head).record.at
  }

  /** Generation of the newest commit; 0 without one. */
  get lastGeneration(): number {
    return this.revision.head === 0 ? 0 : this.commitAt(this.revision.head).record.generation
  }

  /**
   * Returns the files that were not used so far because they are damaged or missing, without a loss. A copy that was taken while commands ran
   * may lack some, so that only damaged ones count there.
   */
  get bypassed(): readonly BypassedFile[] {
    return this.revision.strict ? this.#bypassed : this.#bypassed.filter(({ isDamaged }) => isDamaged)
  }

  /** Reads a commit record and its hash. Throws `commit-missing` or `file-damaged`. */
  commitAt(n: number): CommitFile {
    return this.revision.log.at(n)
  }

  roster(): readonly AggregateId[] {
    this.#ids ??= [...this.members().values()]
    return this.#ids
  }

  load(id: AggregateId): Loaded | undefined {
    if (!this.members().has(formatAggregateId(id))) return undefined
    const { version, sequence, base, state, events, command } = this.aggregate(id)
    const snapshot = base === null || state === undefined ? undefined : { version: base.version, state }
    return { version, sequence, snapshot, events, lastAt: command.record.at }
  }

  /** Returns the content that `info.json` of an aggregate of the roster should have at this revision. Throws `corrupt`. */
  infoOf(id: AggregateId): Info {
    return this.aggregate(id).info
  }

  command(id: AggregateId, sequence: number): StoredCommand {
    return findCommand(this.revision, id, sequence).record
  }

  eventsOf(id: AggregateId, record: StoredCommand): readonly DomainEvent[] {
    return readEvents(this.revision, id, record)
  }

  object(sha256: Sha256): Uint8Array {
    for (const path of this.#objectPaths(sha256)) {
      const bytes = readIfExists(path)
      if (bytes === undefined) continue
      if (sha256Hex(bytes) === sha256) return bytes
      throw objectCorrupt('object-damaged', path, 'content does not match its hash')
    }
    throw objectCorrupt(
      'object-missing',
      this.revision.layout.object(sha256),
      'object is missing, and an event references it',
    )
  }

  /**
   * Checks an object by the status of its file and returns the error, if any: bytes are read only if size or time show that it was
   * modified.
   */
  objectError({ sha256, size }: { readonly sha256: Sha256; readonly size: number }): AppError | undefined {
    const stat = this.#statOf(sha256)
    // commits set the modification time of objects to whole seconds
    if (stat?.isFile() === true && stat.size === BigInt(size) && stat.mtimeNs % 1_000_000_000n === 0n) return undefined
    try {
      this.object(sha256)
      return undefined
    } catch (error) {
      if (error instanceof AppError) return error
      throw error
    }
  }

  /** Returns true if the object has a file, whose bytes are not read. */
  hasObject(sha256: Sha256): boolean {
    return this.#objectPaths(sha256).some((path) => statIfExists(path)?.isFile() === true)
  }

  /** Returns the status of the first file of an object that exists. */
  #statOf(sha256: Sha256): ReturnType<typeof statIfExists> {
    for (const path of this.#objectPaths(sha256)) {
      const found = statIfExists(path)
      if (found !== undefined) return found
    }
    return undefined
  }

  #objectPaths(sha256: Sha256): readonly string[] {
    const { layout } = this.revision
    return [layout.object(sha256), ...layout.archivedObject(sha256)]
  }

  /**
   * Returns the bytes of free space that a commit requires, lock and caches included. Throws `commit-lost` if it was staged on another
   * revision.
   */
  requiredSpace(staged: StagedCommit, interval: number): number {
    return this.plan(staged, interval).requiredSpace
  }

  protected plan(staged: StagedCommit, interval: number): Plan {
    const { head, layout } = this.revision
    const last = head === 0 ? undefined : this.commitAt(head)
    refuseOlderMarker(layout.dir, this.generation, last?.record)
    return planCommit(
      {
        head,
        last,
        generation: this.generation,
        marker: markerDigest(this.#marker),
        interval,
        members: this.roster(),
        baseOf: (id) => this.baseOf(id),
      },
      staged,
    )
  }

  /** Returns what a commit on this aggregate builds on; undefined if it is not in the roster. Throws `corrupt`. */
  protected baseOf(id: AggregateId): AggregateBase | undefined {
    if (!this.members().has(formatAggregateId(id))) return undefined
    const { version, sequence, command, info, snapshotDamaged } = this.aggregate(id)
    const sizes = (): SnapshotSizes | undefined => this.#sizes(id, info.snapshot, version)
    return { version, sequence, command: command.sha256, info, snapshotDamaged, sizes }
  }

  /** Returns the bytes of the snapshot and of the events after it; undefined if one of the files is not in its place. */
  #sizes(id: AggregateId, snapshot: SnapshotRef | null, version: number): SnapshotSizes | undefined {
    if (snapshot === null) return undefined
    const folder = this.revision.layout.folder(id)
    const names = Array.from({ length: version - snapshot.version }, (_, at) => eventName(snapshot.version + at))
    const sizes = [snapshotName(snapshot.version), ...names].map((name) => statIfExists(join(folder, name))?.size)
    if (sizes.includes(undefined)) return undefined
    const [first = 0, ...events] = sizes.map(Number)
    return { snapshot: first, events: events.reduce((sum, size) => sum + size, 0) }
  }

  /** Returns the roster by name, in its order. */
  protected members(): ReadonlyMap<string, AggregateId> {
    if (this.#roster === undefined) {
      const { log, head } = this.revision
      const members = head === 0 ? [] : (log.at(log.at(head).record.roster).record.members ?? [])
      this.#roster = new Map(members.map((id) => [formatAggregateId(id), id]))
    }
    return this.#roster
  }

  /** Loads an aggregate of the roster once. Throws `corrupt`. */
  protected aggregate(id: AggregateId): LoadedAggregate {
    const name = formatAggregateId(id)
    const known = this.#loaded.get(name)
    if (known !== undefined) return known
    const loaded = loadAggregate(this.revision, id)
    this.#loaded.set(name, loaded)
    return loaded
  }

  /** Reuses what another reader of the same revision has read and verified: files that a commit references do not change. */
  protected adopt(other: StoreReader): void {
    if (other.head !== this.head || !other.revision.strict) return
    for (const [name, loaded] of other.#loaded) this.#loaded.set(name, loaded)
    this.#roster = other.#roster
    this.#ids = other.#ids
  }

  /** Moves to the revision of a new commit and drops what was loaded before. */
  protected advance(head: number, file: CommitFile): void {
    this.revision.log.add(head, file)
    this.revision = { ...this.revision, head }
    this.#loaded.clear()
    this.#roster = undefined
    this.#ids = undefined
  }
}
