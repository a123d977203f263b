/**
 * One cut of the store, read without a lock.
 * Invariant: everything is as of one commit, and nothing on disk is changed.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Loaded, Reader, StagedCommit } from '../../eventsourcing/store.js'
import { type AggregateId, type DomainEvent, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { refuseOlderMarker } from '../directory/data-dir.js'
import type { Info } from '../disk/caches.js'
import { objectCorrupt } from '../disk/damage.js'
import { readIfExists, statIfExists } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import { findCommand } from './aggregate-files.js'
import { type LoadedAggregate, loadAggregate, readEvents } from './aggregate-loader.js'
import { type AggregateBase, type Plan, planCommit } from './commit-layout.js'
import { type CommitFile, CommitLog, type Head } from './commit-log.js'
import type { Revision } from './revision.js'

export interface RevisionOptions {
  readonly head: Head
  readonly generation: number
  readonly strict: boolean
  /** Newer commits that are not whole here. */
  readonly behind: number
  readonly warn: (text: string) => void
}

export class StoreReader implements Reader {
  readonly generation: number
  readonly behind: number
  /** False where the last writer did not come to its end: the newest commit may not be durable, until the next writer has sealed it. */
  readonly sealed: boolean
  protected revision: Revision
  readonly #views = new Map<string, LoadedAggregate>()
  #roster: ReadonlyMap<string, AggregateId> | undefined

  constructor(layout: Layout, options: RevisionOptions) {
    const { head, strict, warn } = options
    this.revision = { layout, log: new CommitLog(layout, head.cache), head: head.n, strict, warn }
    this.generation = options.generation
    this.behind = options.behind
    this.sealed = head.n === 0 || head.cache !== undefined
  }

  get head(): number {
    return this.revision.head
  }

  get at(): Instant | undefined {
    return this.revision.head === 0 ? undefined : this.commitAt(this.revision.head).record.at
  }

  /** The generation that the newest commit was made in; 0 without one. */
  get lastGeneration(): number {
    return this.revision.head === 0 ? 0 : this.commitAt(this.revision.head).record.generation
  }

  /** A commit record and its hash. Throws `commit-missing` or `file-damaged`. */
  commitAt(n: number): CommitFile {
    return this.revision.log.at(n)
  }

  roster(): readonly AggregateId[] {
    return [...this.members().values()]
  }

  load(id: AggregateId): Loaded | undefined {
    if (!this.members().has(formatAggregateId(id))) return undefined
    const { version, sequence, base, state, events, command } = this.aggregate(id)
    const snapshot = base === null || state === undefined ? undefined : { version: base.version, state }
    return { version, sequence, snapshot, events, lastAt: command.record.at }
  }

  /** What `info.json` of an aggregate of the roster should say at this cut. Throws `corrupt`. */
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
      throw objectCorrupt('object-damaged', path, 'its bytes do not have this hash')
    }
    throw objectCorrupt(
      'object-missing',
      this.revision.layout.object(sha256),
      'an event names this object and it is not there',
    )
  }

  /** What is wrong with an object's file, by a stat: its bytes are read only where size or time show that somebody wrote to it. */
  objectError({ sha256, size }: { readonly sha256: Sha256; readonly size: number }): AppError | undefined {
    const stat = this.#objectPaths(sha256)
      .map((path) => statIfExists(path))
      .find((found) => found !== undefined)
    // commits date objects to the second
    if (stat?.isFile() === true && stat.size === BigInt(size) && stat.mtimeNs % 1_000_000_000n === 0n) return undefined
    try {
      this.object(sha256)
      return undefined
    } catch (error) {
      if (error instanceof AppError) return error
      throw error
    }
  }

  /** Is there a file for this object? Its bytes are not looked at. */
  hasObject(sha256: Sha256): boolean {
    return this.#objectPaths(sha256).some((path) => statIfExists(path)?.isFile() === true)
  }

  #objectPaths(sha256: Sha256): readonly string[] {
    const { layout } = this.revision
    return [layout.object(sha256), ...layout.archivedObject(sha256)]
  }

  /** Bytes that must be free for a commit and all that goes with it. Throws `commit-lost` when the cut is not the one it was staged on. */
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
        interval,
        members: this.roster(),
        baseOf: (id) => this.baseOf(id),
      },
      staged,
    )
  }

  /** What a commit on this aggregate builds on. */
  protected baseOf(id: AggregateId): AggregateBase | undefined {
    if (!this.members().has(formatAggregateId(id))) return undefined
    const { version, sequence, command, info, snapshotDamaged } = this.aggregate(id)
    return { version, sequence, command: command.sha256, info, snapshotDamaged }
  }

  /** The roster by name, in its order. */
  protected members(): ReadonlyMap<string, AggregateId> {
    if (this.#roster === undefined) {
      const { log, head } = this.revision
      const members = head === 0 ? [] : (log.at(log.at(head).record.roster).record.members ?? [])
      this.#roster = new Map(members.map((id) => [formatAggregateId(id), id]))
    }
    return this.#roster
  }

  /** Everything about an aggregate of the roster. Throws `corrupt`. */
  protected aggregate(id: AggregateId): LoadedAggregate {
    const name = formatAggregateId(id)
    const known = this.#views.get(name)
    if (known !== undefined) return known
    const view = loadAggregate(this.revision, id)
    this.#views.set(name, view)
    return view
  }

  /** Takes over what another reader of the same cut has read and proved: files that a commit names do not change. */
  protected adopt(other: StoreReader): void {
    if (other.head !== this.head || !other.revision.strict) return
    for (const [name, view] of other.#views) this.#views.set(name, view)
    this.#roster = other.#roster
  }

  /** After a commit: the cut moves on, what was read before is forgotten. */
  protected advance(head: number, file: CommitFile): void {
    this.revision.log.add(head, file)
    this.revision = { ...this.revision, head }
    this.#views.clear()
    this.#roster = undefined
  }
}
