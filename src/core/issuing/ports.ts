/** Ports of the rules that issue objects: clock, randomness, keys, object store, lifetimes. */
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
  /** Decodes a new object strictly and verifies it against the issuing key; a dry run, which signs nothing, has no findings. */
  readonly review: (name: string, bytes: Uint8Array, issuerSpki: Uint8Array) => Promise<readonly ObjectFinding[]>
}
