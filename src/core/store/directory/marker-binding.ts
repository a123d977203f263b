/**
 * Binds `brine.json` to history: each commit of format 2 holds the hash of what never changes in the marker.
 * Invariant: nothing but the generation, which commits hold themselves, may differ between two markers of one history.
 */
import { jsonDigest } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { StoredCommit } from '../../eventsourcing/types.js'

/** The members of the marker that are bound. */
export interface MarkerIdentity {
  readonly format: number
  readonly id: string
  readonly createdAt: string
  readonly test?: true
}

/** SHA-256 of the canonical JSON of the members that never change. */
export function markerDigest({ format, id, createdAt, test }: MarkerIdentity): Sha256 {
  return jsonDigest({ format, id, createdAt, ...(test === undefined ? {} : { test }) })
}

/**
 * The commit that binds a marker after a history of format 1. It names no aggregate, and all of it follows from the commit before it, its time
 * included: a lost one can be built anew, and two copies that are migrated stay equal.
 */
export function bindingCommit(
  { record, sha256 }: { readonly record: StoredCommit; readonly sha256: Sha256 },
  marker: Sha256,
  generation: number,
): StoredCommit {
  const { commit, at, roster } = record
  return { format: 2, commit: commit + 1, at, generation, aggregates: [], roster, marker, previous: sha256 }
}
