/** Plan of recovery of one aggregate: the state that is kept, the files that move, the commands that are lost. */
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, Base, Gone, StoredCommand } from '../../eventsourcing/types.js'
import type { FileEvidence } from './evidence.js'
import type { Step } from './scan.js'

/** A file that is restored from an intact copy. */
export interface Replaced {
  readonly name: string
  readonly from: string
  readonly where: 'archived' | 'aside' | 'given'
  readonly to: string
  readonly sha256: Sha256
}

/** A command that the recovered state does not include. */
export interface LostCommand {
  readonly sequence: number
  /** Undefined if its record is lost. */
  readonly record: StoredCommand | undefined
  readonly events: readonly FileEvidence[]
  /** Without its record: versions of the events that it must have produced, and their paths. The content is unverified. */
  readonly unproved: readonly { readonly version: number; readonly path: string }[]
}

export interface AggregatePlan {
  readonly id: AggregateId
  /** Version and sequence from which its numbers continue: the newest known. */
  readonly newest: Base
  /** Hash of the newest record that a commit references. */
  readonly previous: Sha256
  /** The last command that the recovered state includes. */
  readonly base: Base
  /** Steps that produce the state at the base: the snapshot of the first, if `fromSnapshot`, and the events of the others. */
  readonly build: readonly Step[]
  readonly fromSnapshot: boolean
  readonly corrupt: readonly string[]
  readonly surplus: readonly string[]
  readonly replaced: readonly Replaced[]
  readonly gone: Gone
  readonly lost: readonly LostCommand[]
  /** The live branch up to the base, oldest first. */
  readonly branch: readonly Step[]
  /** Steps of the branch whose snapshot is intact and stays. */
  readonly snapshots: readonly Step[]
  /** Versions whose command record was archived elsewhere: their snapshots cannot be verified here and are not damage. */
  readonly unprovableVersions: ReadonlySet<number>
  /** True if a command in history records the recovery. */
  readonly recorded: boolean
}

/** Commands of newer commits that cannot be verified: their effect on this aggregate is lost. */
export interface LostTail {
  readonly newest: Base
  readonly lost: readonly LostCommand[]
}
