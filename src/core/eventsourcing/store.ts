/** The store as a port: what a command reads, and the one way to make a change durable. */
import type { Json } from '../base/json.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId, Base, CommandSummary, CommitMeta, DomainEvent, Gone, StoredCommand } from './types.js'

/** An aggregate as the store has it: fold `events` over `snapshot.state`, or over the initial state. */
export interface Loaded {
  /** Number of events so far; the next event is `event-<version>`. */
  readonly version: number
  /** Number of the newest command record; 0 when there is none. */
  readonly sequence: number
  readonly snapshot: { readonly version: number; readonly state: Json } | undefined
  readonly events: readonly DomainEvent[]
  /** When the newest command was recorded. */
  readonly lastAt: Instant | undefined
}

/** One consistent cut: everything as of one commit. */
export interface Reader {
  /** Number of the newest commit; 0 when nothing was committed yet. */
  readonly head: number
  /** When the newest commit was made. */
  readonly at: Instant | undefined
  /** Generation of this data directory: up by one with each promote. */
  readonly generation: number
  /** Every aggregate ever made, removed ones included, sorted by kind and handle. */
  roster(): readonly AggregateId[]
  /** Undefined when no commit ever made it. Throws `corrupt` when one did and its files are missing or wrong. */
  load(id: AggregateId): Loaded | undefined
  /** The record of one command. Throws `corrupt`. */
  command(id: AggregateId, sequence: number): StoredCommand
  /** The events of one accepted command. */
  eventsOf(id: AggregateId, record: StoredCommand): readonly DomainEvent[]
  /** A signed object by hash. Throws `object-missing` (corrupt). */
  object(sha256: Sha256): Uint8Array
}

/** One aggregate's part of a commit. `version` and `sequence` are those that were loaded: a fence against another writer. */
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
  /** The times that the files of `objects` bear; the present where none is given. */
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

/** What the lock holder has: a fresh cut and the right to commit. */
export interface Writer extends Reader {
  /**
   * Persists objects, events, snapshots, command records, then the commit by one exclusive link; durable when it returns.
   * Throws `commit-lost` (locked) when another writer won, `io` when anything could not be stored: then nothing happened, and the
   * program must end.
   */
  commit(staged: StagedCommit): CommitResult
}

export interface Store {
  /** Runs `work` over one commit, without a lock; once more when it found damage and a command was at work meanwhile. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>
  /** Runs `work` as the only writer. Surplus files have been moved aside before. Throws `locked` after the lock timeout, `standby` in a copy. */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>
}
