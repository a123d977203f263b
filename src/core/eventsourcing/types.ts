/**
 * What an aggregate is: a name, pure functions over its state, and the events that made it.
 * Invariant: `evolve` is total and reads nothing but its arguments, so replay gives the same state everywhere.
 */
import { AppError, type Violation } from '../base/errors.js'
import { type Handle, isHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { type Check, isName, objectOf, type Shape } from '../base/shape.js'
import { quoted } from '../base/text.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'

/** Each has a folder in DATA_DIR (`KIND_FOLDERS` in store/disk/paths.ts). */
export const KINDS = ['ca', 'pubd', 'ta', 'ha', 'est'] as const
export type Kind = (typeof KINDS)[number]

/** Is it the name of a kind, as files have it? */
export function isKind(value: unknown): value is Kind {
  return KINDS.some((kind) => kind === value)
}

export interface AggregateId {
  readonly kind: Kind
  readonly handle: Handle
}

export const isAggregateId: Check<AggregateId> = objectOf<AggregateId>({ kind: isKind, handle: isName })

/** The word people see for a kind. */
export function kindWord(kind: Kind): string {
  return kind === 'pubd' ? 'pubserver' : kind
}

/** The name people see: `ca/acme`, `pubserver/0`. */
export function formatAggregateId(id: AggregateId): string {
  return `${kindWord(id.kind)}/${id.handle}`
}

/** The aggregate that `KIND/HANDLE` names, whether or not it exists. Throws `aggregate-invalid` (usage). */
export function parseAggregateId(text: string): AggregateId {
  const slash = text.indexOf('/')
  const word = text.slice(0, Math.max(0, slash))
  const handle = text.slice(slash + 1)
  const kind = KINDS.find((k) => kindWord(k) === word)
  if (kind !== undefined && isHandle(handle)) return { kind, handle: handle as Handle }
  throw new AppError('usage', 'aggregate-invalid', `not the name of an aggregate: ${quoted(text)}`, {
    hint: `names are KIND/HANDLE with a kind of ${KINDS.map(kindWord).join(', ')}: ca/acme, pubserver/0`,
  })
}

/** STORED. A fact. Never renamed or re-typed: a new shape is a new `type`. */
export interface DomainEvent {
  readonly type: string
}

/** An intent. Not stored as it is: `summarize` picks what history keeps. */
export interface DomainCommand {
  readonly type: string
}

/** STORED. What history keeps of an intent. */
export interface CommandSummary {
  readonly type: string
  readonly args: Json
}

/** One kind of aggregate: pure functions and a name. No class, no ambient time, no I/O of its own. */
export interface Aggregate<S, C extends DomainCommand, E extends DomainEvent, P> {
  readonly kind: Kind
  /** Every type of event that this program knows, with the members that are stored of it besides `type`. A newer program wrote any other type. */
  readonly events: Readonly<Record<E['type'], Shape>>
  initial(handle: Handle): S
  /** Every fault of the command against this state; empty when it may run. Pure. */
  check(state: S, command: C): readonly Violation[]
  /** The facts that follow; empty is a no-op. May make keys, sign, and ask the clock through its ports. Called only when `check` found nothing. */
  decide(state: S, command: C, ports: P): Promise<readonly E[]>
  /** Total and pure: accepts every event ever stored. */
  evolve(state: S, event: E): S
  summarize(command: C): CommandSummary
  /** Returns true if commands of this type only publish what is configured already. False for a type that this program does not know. */
  publishesOnly(type: string): boolean
  /** The state without random keys, serials and times: equal after the same commands on two machines. */
  logical(state: S): Json
}

/** Signed objects on their way into the store: content-addressed, durable before the event that names them. */
export interface ObjectSink {
  /** `dated` is the time that the file will bear: versions of one name must differ in it (`signedAt` in issuing). */
  put(bytes: Uint8Array, dated: Instant): Sha256
}

/** STORED in `event-<version>.json`: the event and where it belongs. It turns `version` into `version + 1`. */
export interface StoredEvent<E extends DomainEvent = DomainEvent> {
  readonly kind: Kind
  readonly handle: Handle
  readonly version: number
  readonly event: E
}

/** Who made a commit, when and why, and under which configuration. */
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
      /** The snapshot written with this command, when a fifth event passed. */
      readonly snapshot: { readonly version: number; readonly sha256: Sha256 } | null
    }
  | { readonly result: 'rejected'; readonly code: string; readonly message: string }
  | {
      readonly result: 'recovered'
      /** The state goes on from what it was after this command (0: from nothing): the commands between it and this one are lost. */
      readonly base: Base
      /** The state as of the base. It spends one version, for which there is no event. */
      readonly snapshot: { readonly version: number; readonly sha256: Sha256 }
      readonly gone: Gone
    }

/** STORED. The place of one command in a history. */
export interface Base {
  readonly version: number
  readonly sequence: number
}

/** STORED. Inclusive. */
export type NumberRange = readonly [from: number, to: number]

/** STORED. Files of the history up to the base that a recovery could not bring back; the state did not need them. */
export interface Gone {
  readonly commands: readonly NumberRange[]
  readonly events: readonly NumberRange[]
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

/** STORED in `commits/<n>.json`: what this commit names happened, all of it or nothing. */
export interface StoredCommit {
  readonly format: 1
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
  /** The newest commit (this one included) that lists every aggregate ever made. */
  readonly roster: number
  /** Every aggregate ever made, sorted: only where this commit made one. */
  readonly members?: readonly AggregateId[]
  /** SHA-256 of commit n-1, null for the first. */
  readonly previous: Sha256 | null
}
