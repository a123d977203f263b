/**
 * STORED. State of the publication server: names, hashes and sizes of objects, never bytes.
 * Invariant: the published tree follows from this state and the signed objects alone, byte for byte, however often it is rebuilt (RFC 8182 section 3.3).
 */
import type { Table } from '../base/record.js'
import { type Check, isHash, isPositive, isText, listOf, objectOf, type ShapeOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import type { IdKey } from '../identity/id-keys.js'

/** A signed object by hash, with its length in bytes. */
export interface ObjectRef {
  readonly sha256: Sha256
  readonly size: number
}

export interface Publisher {
  /** rsync URI with a final slash; bases never nest. */
  readonly base: string
  readonly addedAt: Instant
  /** Time of the last change of its content. */
  readonly updatedAt: Instant
  /** Keyed by name relative to `base`. */
  readonly objects: Table<ObjectRef>
  /** Changes that wait for the next RRDP delta; null: withdrawn. Left out: there are none. */
  readonly staged?: Table<ObjectRef | null>
  /** Left out for a CA of this data directory. */
  readonly remote?: RemotePublisher
}

/** ID certificate and replay clock of a publisher elsewhere. */
export interface RemotePublisher {
  /** Base64 DER of the ID certificate that verifies its messages. */
  readonly peer: string
  /** When that certificate was given to us: a message that was signed before is a replay. Left out: by a version that did not record it. */
  readonly since?: Instant
  /** Our ID key that it was given. */
  readonly id: KeyId
  /** End of the certificate of that key which it holds; left out: of the first one. */
  readonly idUntil?: Instant
  /** Signing time of its last message that changed something: an older one is a replay. */
  readonly signedAt?: Instant
}

/** One publish or update of a delta; `replaces` is the object that had the name before. */
export interface DeltaPut extends ObjectRef {
  readonly name: string
  readonly replaces?: ObjectRef
}

export interface DeltaDrop extends ObjectRef {
  readonly name: string
}

export const REF: ShapeOf<ObjectRef> = { sha256: isHash, size: isPositive }

/** Changes of one serial below one base, names sorted. The base is kept here because its publisher may be removed since. */
export interface DeltaChange {
  readonly publisher: string
  readonly base: string
  readonly put: readonly DeltaPut[]
  readonly drop: readonly DeltaDrop[]
}

export const isDeltaChange: Check<DeltaChange> = objectOf<DeltaChange>({
  publisher: isText,
  base: isText,
  put: listOf(objectOf<DeltaPut>({ ...REF, name: isText, 'replaces?': objectOf<ObjectRef>(REF) })),
  drop: listOf(objectOf<DeltaDrop>({ ...REF, name: isText })),
})

export interface StoredDelta {
  readonly serial: number
  readonly at: Instant
  /** Unguessable folder name of this serial: no HTTP cache holds an answer that it is missing. */
  readonly part: string
  readonly changes: readonly DeltaChange[]
}

export interface PubdState {
  /** `rsync://host/module/`; empty before `pubserver.init`. */
  readonly rsyncBase: string
  /** `https://host/rrdp/`; empty before `pubserver.init`. */
  readonly rrdpBase: string
  readonly sessionId: string
  /** 0 before `pubserver.init`. */
  readonly serial: number
  readonly updatedAt: Instant | ''
  /** Folder name of the current serial. */
  readonly part: string
  readonly publishers: Table<Publisher>
  /** Retained deltas, newest first, serials without a gap. */
  readonly deltas: readonly StoredDelta[]
  /** ID keys, newest last; left out: none was made yet. */
  readonly ids?: readonly IdKey[]
  /** Replay clocks of the ID keys of removed publishers. */
  readonly clocks?: Table<Instant>
}

/** The state before `pubserver.init`. */
export const EMPTY_PUBD: PubdState = {
  rsyncBase: '',
  rrdpBase: '',
  sessionId: '',
  serial: 0,
  updatedAt: '',
  part: '',
  publishers: {},
  deltas: [],
}
