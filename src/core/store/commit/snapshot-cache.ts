/**
 * Decoded snapshots that a process which answers many requests keeps: books of certificates are read for each renewal and change rarely.
 * Invariant: a snapshot is used again only for the same hash and while the status of its file is unchanged, so damage is still found.
 */
import type { BigIntStats } from 'node:fs'
import type { Json } from '../../base/json.js'
import type { Sha256 } from '../../crypto/ports.js'
import { statIfExists } from '../disk/fs.js'

interface Kept {
  readonly status: string
  readonly bytes: number
  readonly state: Json
}

/** Reads a snapshot from its place or, if that is damaged, from another one. */
type ReadSnapshot = () => { readonly path: string; readonly bytes: number; readonly state: Json }

/** By hash, the one that was used last at the end. */
const kept = new Map<Sha256, Kept>()
let limit = 0

/** Keeps snapshots of this many bytes altogether from now on; 0 keeps none. */
export function keepSnapshots(bytes: number): void {
  limit = bytes
  kept.clear()
}

/** Returns the state of the snapshot `sha256` at `path`, read only if it is not kept. States are never changed in place. */
export function snapshotState(path: string, sha256: Sha256, read: ReadSnapshot): Json {
  if (limit === 0) return read().state
  const status = statusOf(statIfExists(path))
  const known = kept.get(sha256)
  kept.delete(sha256)
  if (known !== undefined && known.status === status) {
    kept.set(sha256, known)
    return known.state
  }
  const found = read()
  // the status is of before the read: a change during it is seen at the next one
  if (status !== undefined && found.path === path && found.bytes <= limit) {
    kept.set(sha256, { status, bytes: found.bytes, state: found.state })
    shrink()
  }
  return found.state
}

function shrink(): void {
  let total = [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  for (const [sha256, { bytes }] of kept) {
    if (total <= limit) return
    kept.delete(sha256)
    total -= bytes
  }
}

function statusOf(stat: BigIntStats | undefined): string | undefined {
  return stat === undefined ? undefined : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
}
