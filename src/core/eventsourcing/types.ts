/**
 * Aggregates and their stored records: a name, pure functions over a state, and the events that made the state.
 * Invariant: `evolve` is total and reads nothing but its arguments, so replay gives the same state everywhere.
 */
import type { Violation } from '../base/errors.js'
import { type Handle, isHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { type Check, isName, objectOf, type Shape } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'

/** Each has a folder in DATA_DIR (`KIND_FOLDERS` in store/disk/paths.ts). */
export const KINDS = ['ca', 'pubd', 'ta', 'ha', 'est'] as const
export type Kind = (typeof KINDS)[number]

/** Returns true if the value is the stored name of a kind. */
export function isKind(value: unknown): value is Kind {
  return KINDS.some((kind) => kind === value)
}

export interface AggregateId {
  readonly kind: Kind
  readonly handle: Handle
}

export const isAggregateId: Check<AggregateId> = objectOf<AggregateId>({ kind: isKind, handle: isName })

/** Returns the word for a kind in commands and output. */
export function kindWord(kind: Kind): string {
  return kind === 'pubd' ? 'pubserver' : kind
}

/** Returns the name of an aggregate in commands and output: `ca/acme`, `pubserver/0`. */
export function formatAggregateId(id: AggregateId): string {
  return `${kindWord(id.kind)}/${id.handle}`
}

/** Returns true if the text has the form `KIND/HANDLE`. */
export function isAggregateName(text: string): boolean {
  const slash = text.indexOf('/')
  return KINDS.some((kind) => kindWord(kind) === text.slice(0, Math.max(0, slash))) && isHandle(text.slice(slash + 1))
}

/** STORED. Types and members are never renamed: a new shape is a new `type`. */
export interface DomainEvent {
  readonly type: string
}

/** A command. Not stored as it is: `summarize` returns what history keeps. */
export interface DomainCommand {
  readonly type: string
}

/** STORED. What history keeps of a command. */
export interface CommandSummary {
  readonly type: string
  readonly args: Json
}

/** One kind of aggregate, as `declare` builds it: pure functions and a name, without ambient time or I/O of its own. */
export interface Aggregate<S, C extends DomainCommand, E extends DomainEvent, P> {
  readonly kind: Kind
  /** The declared types of events, each with its stored members apart from `type`. An event of any other type was written by a newer program. */
  readonly events: Readonly<Record<E['type'], Shape>>
  initial(handle: Handle): S
  /** Returns every violation of the command in this state; none when it may run. Pure. */
  check(state: S, command: C): readonly Violation[]
  /** Returns the events that follow; none is a no-op. May make keys, sign, and read the clock through its ports. Called only when `check` found nothing. */
  decide(state: S, command: C, ports: P): Promise<readonly E[]>
  /** Returns the state after an event. Total and pure: accepts every event ever stored. */
  evolve(state: S, event: E): S
  summarize(command: C): CommandSummary
  /** Returns true if commands of this type only publish what is configured already. False for a type that this program does not know. */
  publishesOnly(type: string): boolean
  /** Returns the state without random keys, serials and times: equal after the same commands on two machines. */
  logical(state: S): Json
}

/** Takes signed objects for the store: content-addressed, durable before the event that names them. */
export interface ObjectSink {
  /** `dated` becomes the modification time of the file: versions of one name must differ in it (`signedAt` in issuing). */
  put(bytes: Uint8Array, dated: Instant): Sha256
}

/** STORED in `event-<version>.json`: the event and its aggregate. It leads from `version` to `version + 1`. */
export interface StoredEvent<E extends DomainEvent = DomainEvent> {
  readonly kind: Kind
  readonly handle: Handle
  readonly version: number
  readonly event: E
}

/** Actor, time, reason and configuration of a commit. */
export interface CommitMeta {
  readonly at: Instant
  readonly actor: string
  readonly osUser: string
  readonly host: string
  readonly reason?: string
  readonly configDigest: Sha256
}

/** STORED in `command-<sequence>.json`. `previous` chains to the record before it. */
export interface StoredCommand extends CommitMeta {
  readonly format: 1
  readonly kind: Kind
  readonly handle: Handle
  readonly sequence: number
  /** The version the command was applied to. */
  readonly version: number
  /** The commit that this record belongs to; without that commit it did not happen. */
  readonly commit: number
  readonly command: CommandSummary
  readonly effect: StoredEffect
  /** SHA-256 of the record before it, null for the first. */
  readonly previous: Sha256 | null
}

/** STORED. */
export type StoredEffect =
  | {
      readonly result: 'accepted'
      /** SHA-256 of each event file, from `version` upward. */
      readonly events: readonly Sha256[]
      /** The snapshot written with this command, if one was due. */
      readonly snapshot: { readonly version: number; readonly sha256: Sha256 } | null
    }
  | { readonly result: 'rejected'; readonly code: string; readonly message: string }
  | {
      readonly result: 'recovered'
      /** The state continues from that after this command (0: the initial state); the commands between it and this one are lost. */
      readonly base: Base
      /** The state as of the base. It takes one version without an event. */
      readonly snapshot: { readonly version: number; readonly sha256: Sha256 }
      readonly gone: Gone
    }

/** STORED. The position of one command in a history. */
export interface Base {
  readonly version: number
  readonly sequence: number
}

/** STORED. Inclusive. */
export type NumberRange = readonly [from: number, to: number]

/** STORED. Files of the history up to the base that a recovery could not restore; the state did not need them. */
export interface Gone {
  readonly commands: readonly NumberRange[]
  readonly events: readonly NumberRange[]
  /** Versions of snapshots of earlier recoveries, from which a replay continued. */
  readonly snapshots?: readonly NumberRange[]
}

/** STORED in `snapshot-<version>.json`. */
export interface StoredSnapshot {
  readonly format: 1
  readonly kind: Kind
  readonly handle: Handle
  readonly version: number
  /** The command that wrote it: its record holds this file's hash. */
  readonly sequence: number
  readonly state: Json
}

/** STORED. Commands of one aggregate, sorted ranges. */
export interface ArchivedCommands extends AggregateId {
  readonly commands: readonly NumberRange[]
}

/** STORED in `commits/<n>.json`: makes the commands that it references take effect, all of them or none. */
export interface StoredCommit {
  /**
   * 1 up to the migration to data format 2, then 2; 3 from the commit on since which records of archived commands are kept, 4 from the commit
   * on since which old files may be in segments.
   */
  readonly format: 1 | 2 | 3 | 4
  readonly commit: number
  readonly at: Instant
  readonly generation: number
  readonly aggregates: readonly {
    readonly kind: Kind
    readonly handle: Handle
    readonly version: number
    readonly sequence: number
    readonly command: Sha256
  }[]
  /** Number of the newest commit (this one included) that lists every aggregate ever created. */
  readonly roster: number
  /** Every aggregate ever created, sorted: only if this commit created one. */
  readonly members?: readonly AggregateId[]
  /** SHA-256 of what never changes in `brine.json` (`markerDigest` in store/directory): from format 2 on. */
  readonly marker?: Sha256
  /** Commands whose events may be absent from now on, in a commit that changes no aggregate. Format 3. */
  readonly archived?: readonly ArchivedCommands[]
  /** Commands that were archived before format 3 and whose records were not at hand: only in the commit that begins it. */
  readonly claimed?: readonly ArchivedCommands[]
  /** SHA-256 of commit n-1, null for the first. */
  readonly previous: Sha256 | null
}
