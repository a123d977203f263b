/**
 * Binds `brine.json` to history: each commit of format 2 holds the hash of the members of the marker that never change.
 * Invariant: two markers of one history differ at most in their generation, which commits hold as well.
 */
import { jsonDigest } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { StoredCommit } from '../../eventsourcing/types.js'

/** Members of the marker that never change. */
export interface MarkerIdentity {
  readonly format: number
  readonly id: string
  readonly createdAt: string
  readonly test?: true
}

/** Returns the SHA-256 of the canonical JSON of the members that never change. */
export function markerDigest({ format, id, createdAt, test }: MarkerIdentity): Sha256 {
  return jsonDigest({ format, id, createdAt, ...(test === undefined ? {} : { test }) })
}

/**
 * Returns the commit that binds a marker after a history of format 1. It lists no aggregate, and all of it follows from the commit before it,
 * its time included: a lost one can be rebuilt, and two copies that are migrated stay equal.
 */
export function bindingCommit(
  { record, sha256 }: { readonly record: StoredCommit; readonly sha256: Sha256 },
  marker: Sha256,
  generation: number,
): StoredCommit {
  const { commit, at, roster } = record
  return { format: 2, commit: commit + 1, at, generation, aggregates: [], roster, marker, previous: sha256 }
}
