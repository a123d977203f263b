/** What a rule that issues objects may reach: the clock, chance, keys, the object store, and how long things last. */
import type { Clock, Random } from '../base/ports.js'
import type { Signer } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/findings.js'
import type { ObjectSink } from '../eventsourcing/types.js'
import type { Timing } from './timing.js'

export interface IssuingPorts {
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly objects: ObjectSink
  readonly timing: Timing
  /** Decodes strictly what was just made and verifies it against the issuing key; a rehearsal, which signs nothing, finds no fault. */
  readonly review: (name: string, bytes: Uint8Array, issuerSpki: Uint8Array) => readonly ObjectFinding[]
}
