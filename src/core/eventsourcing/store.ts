/** The store as a port: reading aggregates at one revision, and the one way to make a change durable. */
import type { Json } from '../base/json.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId, Base, CommandSummary, CommitMeta, DomainEvent, Gone, StoredCommand } from './types.js'

/** A stored aggregate. Its state is `events` applied to `snapshot.state`, or to the initial state without a snapshot. */
export interface Loaded {
  /** Number of events so far; the next event is `event-<version>`. */
  readonly version: number
  /** Number of the newest command record; 0 when there is none. */
  readonly sequence: number
  readonly snapshot: { readonly version: number; readonly state: Json } | undefined
  readonly events: readonly DomainEvent[]
  /** Time of the newest command record. */
  readonly lastAt: Instant | undefined
}

/** Reads one revision: the store as of one commit. */
export interface Reader {
  /** Number of the newest commit; 0 when nothing was committed yet. */
  readonly head: number
  /** Time of the newest commit. */
  readonly at: Instant | undefined
  /** Generation of this data directory: up by one with each promote. */
  readonly generation: number
  /** Returns every aggregate that any commit created, removed ones included, sorted by kind and handle. */
  roster(): readonly AggregateId[]
  /** Returns undefined if no commit ever created it. Throws `corrupt` if one did and its files are missing or damaged. */
  load(id: AggregateId): Loaded | undefined
  /** Returns the record of one command. Throws `corrupt`. */
  command(id: AggregateId, sequence: number): StoredCommand
  /** Returns the events of one accepted command. */
  eventsOf(id: AggregateId, record: StoredCommand): readonly DomainEvent[]
  /** Returns a signed object by hash. Throws `object-missing` (corrupt). */
  object(sha256: Sha256): Uint8Array
}

/** One aggregate's part of a commit. `version` and `sequence` are those that were loaded: the commit fails if another writer changed them. */
export interface Staged {
  readonly id: AggregateId
  readonly version: number
  readonly sequence: number
  readonly command: CommandSummary
  readonly effect:
    | { readonly result: 'accepted'; readonly events: readonly DomainEvent[]; readonly state: Json }
    | { readonly result: 'rejected'; readonly code: string; readonly message: string }
    | { readonly result: 'recovered'; readonly base: Base; readonly gone: Gone; readonly state: Json }
}

export interface StagedCommit {
  readonly meta: CommitMeta
  readonly aggregates: readonly Staged[]
  readonly objects: ReadonlyMap<Sha256, Uint8Array>
  /** Modification times for the files of `objects`; the current time where none is given. */
  readonly dates?: ReadonlyMap<Sha256, Instant>
}

export interface CommitResult {
  readonly commit: number
  readonly aggregates: readonly {
    readonly id: AggregateId
    readonly version: number
    readonly sequence: number
  }[]
}

/** The holder of the write lock: reads the newest revision and may commit. */
export interface Writer extends Reader {
  /**
   * Persists objects, events, snapshots, command records, then the commit by one exclusive link; durable when it returns.
   * Throws `commit-lost` (locked) when another writer won, `io` when anything could not be stored: then nothing happened, and the
   * program must exit.
   */
  commit(staged: StagedCommit): CommitResult
}

export interface Store {
  /** Runs `work` on one revision, without the lock, and repeats it if it found damage while a writer was active. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>
  /** Runs `work` under the write lock, after files that no commit references were moved to quarantine. Throws `locked` after the lock timeout, `standby` in a copy. */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>
}
