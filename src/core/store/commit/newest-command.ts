/**
 * Finds the newest command of an aggregate at a revision.
 * Invariant: the result always comes from a commit; the cache only determines where the search starts.
 */
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import type { Info } from '../disk/caches.js'
import { commitMissing } from '../disk/damage.js'
import { exists } from '../disk/fs.js'
import { peekCommand } from './aggregate-files.js'
import type { Revision } from './commit-log.js'

export interface NewestCommand {
  readonly version: number
  readonly sequence: number
  readonly commit: number
  readonly sha256: Sha256
}

/** Returns the cache if a commit confirms it, undefined otherwise. Throws `commit-missing` if it proves that a commit is lost. */
export function verifiedInfo(
  revision: Revision,
  id: AggregateId,
  info: Info | 'damaged' | undefined,
): Info | undefined {
  if (info === undefined || info === 'damaged' || info.commit === 0) return undefined
  if (info.commit > revision.head) {
    // the cache is written after its commit is durable, so the commit existed
    if (revision.strict && !exists(revision.layout.commit(info.commit)))
      throw commitMissing(revision.layout.commit(info.commit), id)
    return info
  }
  const entry = revision.log.entry(info.commit, id)
  return entry?.sequence === info.sequence && entry.version === info.version ? info : undefined
}

/** Finds the newest command of an aggregate of the roster. Throws `commit-missing`. */
export function findNewest(revision: Revision, id: AggregateId, info: Info | undefined): NewestCommand {
  const entry = revision.log.entry(revision.head, id)
  if (entry !== undefined) return { ...entry, commit: revision.head, sha256: entry.command }
  if (info === undefined) return scan(revision, id, 1) ?? lost(revision, id)
  if (info.commit > revision.head) return before(revision, id, info.sequence)
  const there = revision.log.entry(info.commit, id) ?? lost(revision, id)
  return after(revision, id, { ...there, commit: info.commit, sha256: there.command })
}

function lost(revision: Revision, id: AggregateId): never {
  throw commitMissing(revision.layout.commits, id)
}

/** Searches the commits back from the head. Slow: reads each of them. */
function scan(revision: Revision, id: AggregateId, to: number): NewestCommand | undefined {
  const found = revision.log.newest(id, revision.head, to)
  return found && { ...found.entry, commit: found.commit, sha256: found.entry.command }
}

/** Searches back from a cache that is newer than this revision. */
function before(revision: Revision, id: AggregateId, sequence: number): NewestCommand {
  for (let s = sequence; s >= 1; s--) {
    const peek = peekCommand(revision.layout, id, s)
    if (peek === undefined || peek === 'unread') break
    if (peek.commit > revision.head) continue
    const entry = revision.log.entry(peek.commit, id)
    if (entry?.sequence !== s) break
    return { ...entry, commit: peek.commit, sha256: entry.command }
  }
  return scan(revision, id, 1) ?? lost(revision, id)
}

/** Searches forward from a cache that may be older than this revision. */
function after(revision: Revision, id: AggregateId, from: NewestCommand): NewestCommand {
  let newest = from
  for (;;) {
    const sequence = newest.sequence + 1
    const next = peekCommand(revision.layout, id, sequence)
    // in a copy the cache may be older than a recovery that moved what follows
    if (next === undefined) return (revision.strict ? undefined : scan(revision, id, newest.commit + 1)) ?? newest
    if (next !== 'unread' && next.commit > revision.head) return newest
    const entry = next === 'unread' ? undefined : revision.log.entry(next.commit, id)
    // not the record that a commit references: only the commits themselves show whether a later one exists
    if (next === 'unread' || entry?.sequence !== sequence) return scan(revision, id, newest.commit + 1) ?? newest
    newest = { ...entry, commit: next.commit, sha256: entry.command }
  }
}
