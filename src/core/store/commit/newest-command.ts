/**
 * Which command of an aggregate is its newest at a cut.
 * Invariant: the answer always comes from a commit; the cache only says where to look first.
 */
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import type { Info } from '../disk/caches.js'
import { commitMissing } from '../disk/damage.js'
import { exists } from '../disk/fs.js'
import { peekCommand } from './aggregate-files.js'
import type { Cut } from './revision.js'

export interface Newest {
  readonly version: number
  readonly sequence: number
  readonly commit: number
  readonly sha256: Sha256
}

/** The cache, when a commit says the same as it does. Throws `commit-missing` when it proves that one is lost. */
export function believableInfo(cut: Cut, id: AggregateId, info: Info | 'damaged' | undefined): Info | undefined {
  if (info === undefined || info === 'damaged' || info.commit === 0) return undefined
  if (info.commit > cut.head) {
    // the cache is written after its commit is durable: the commit was there
    if (cut.strict && !exists(cut.layout.commit(info.commit))) throw commitMissing(cut.layout.commit(info.commit), id)
    return info
  }
  const entry = cut.log.entry(info.commit, id)
  return entry?.sequence === info.sequence && entry.version === info.version ? info : undefined
}

/** The newest command of an aggregate of the roster. Throws `commit-missing`. */
export function findNewest(cut: Cut, id: AggregateId, info: Info | undefined): Newest {
  const entry = cut.log.entry(cut.head, id)
  if (entry !== undefined) return { ...entry, commit: cut.head, sha256: entry.command }
  if (info === undefined) return scan(cut, id, 1) ?? lost(cut, id)
  if (info.commit > cut.head) return before(cut, id, info.sequence)
  const there = cut.log.entry(info.commit, id) ?? lost(cut, id)
  return after(cut, id, { ...there, commit: info.commit, sha256: there.command })
}

function lost(cut: Cut, id: AggregateId): never {
  throw commitMissing(cut.layout.commits, id)
}

/** Cold: reads commits back from the head. */
function scan(cut: Cut, id: AggregateId, to: number): Newest | undefined {
  const found = cut.log.newest(id, cut.head, to)
  return found && { ...found.entry, commit: found.commit, sha256: found.entry.command }
}

/** From a cache that has moved on since this cut was taken. */
function before(cut: Cut, id: AggregateId, sequence: number): Newest {
  for (let s = sequence; s >= 1; s--) {
    const peek = peekCommand(cut.layout, id, s)
    if (peek === undefined || peek === 'unread') break
    if (peek.commit > cut.head) continue
    const entry = cut.log.entry(peek.commit, id)
    if (entry?.sequence !== s) break
    return { ...entry, commit: peek.commit, sha256: entry.command }
  }
  return scan(cut, id, 1) ?? lost(cut, id)
}

/** From a cache that may lag behind the cut. */
function after(cut: Cut, id: AggregateId, from: Newest): Newest {
  let newest = from
  for (;;) {
    const sequence = newest.sequence + 1
    const next = peekCommand(cut.layout, id, sequence)
    // in a copy the cache may be older than a recovery that moved what follows
    if (next === undefined) return (cut.strict ? undefined : scan(cut, id, newest.commit + 1)) ?? newest
    if (next !== 'unread' && next.commit > cut.head) return newest
    const entry = next === 'unread' ? undefined : cut.log.entry(next.commit, id)
    // not what a commit names: only the commits themselves can say whether one is lost behind it
    if (next === 'unread' || entry?.sequence !== sequence) return scan(cut, id, newest.commit + 1) ?? newest
    newest = { ...entry, commit: next.commit, sha256: entry.command }
  }
}
