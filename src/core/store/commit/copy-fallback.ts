/**
 * A copy taken while commands ran opens at the newest commit whose every file is there.
 * Invariant: only a copy goes back, never the original; it goes back no further than the day that a copy may take.
 */
import { AppError } from '../../base/errors.js'
import { secondsBetween } from '../../base/time.js'
import type { Reader } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { readHeadCache } from '../disk/caches.js'
import { commitMissing, isCorrupt } from '../disk/damage.js'
import type { Layout } from '../disk/paths.js'
import { tryReadArchivedIndex } from './archived-index.js'
import { rangeOf } from './archived-ranges.js'
import { listCommits, refuseOrphans } from './commit-log.js'
import { liveRecords } from './live-branch.js'
import { type RevisionOptions, StoreReader } from './store-reader.js'

/** The longest a copy may take: nothing that a commit names is moved before it has been out of use for as long. */
const WINDOW_SECONDS = 86400

export interface CopyOptions {
  readonly generation: number
  readonly warn: (text: string) => void
  /** Does the rest that the states name (objects, keys) exist at this cut? */
  readonly complete: (reader: Reader) => boolean
}

/** The newest whole cut of a copy. Throws `corrupt` when there is none within a day of its newest commit. */
export function openCopy(layout: Layout, options: CopyOptions): StoreReader {
  const numbers = listCommits(layout)
  const newest = Math.max(numbers.at(-1) ?? 0, readHeadCache(layout.head)?.head ?? 0)
  let n = 0
  while (numbers[n] === n + 1) n++
  if (n === 0 && numbers.length > 0) throw commitMissing(layout.commit(1))
  if (n === 0) refuseOrphans(layout)
  let last: { readonly reader: StoreReader; readonly fault: AppError } | undefined
  let youngest: StoreReader['at']
  while (n > 0) {
    const reader = new StoreReader(layout, cutAt(n, newest, options))
    const fault = faultAt(layout, reader, options)
    if (fault === undefined) return told(reader, options)
    last ??= { reader, fault: fault.error }
    youngest ??= atOf(reader)
    n = Math.min(n - 1, fault.before ?? n - 1)
    if (youngest !== undefined && n > 0 && isTooOld(layout, n, youngest)) break
  }
  if (last !== undefined) throw last.fault
  return new StoreReader(layout, cutAt(0, newest, options))
}

function cutAt(n: number, newest: number, options: CopyOptions): RevisionOptions {
  return {
    head: { n, cache: undefined },
    generation: options.generation,
    strict: false,
    behind: newest - n,
    warn: () => undefined,
  }
}

function told(reader: StoreReader, options: CopyOptions): StoreReader {
  if (reader.behind > 0)
    options.warn(
      `this copy was taken while commands ran: opened at commit ${reader.head}, ${reader.behind} newer ones are not whole`,
    )
  return reader
}

function atOf(reader: StoreReader): StoreReader['at'] {
  try {
    return reader.at
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

function isTooOld(layout: Layout, n: number, youngest: NonNullable<StoreReader['at']>): boolean {
  const at = atOf(new StoreReader(layout, cutAt(n, n, { generation: 0, warn: () => undefined, complete: () => true })))
  return at !== undefined && secondsBetween(at, youngest) > WINDOW_SECONDS
}

interface CutFault {
  readonly error: AppError
  /** The newest commit that can be whole, as far as the failing aggregate tells. */
  readonly before: number | undefined
}

/** Why the store is not whole at this cut; undefined when it is. */
function faultAt(layout: Layout, reader: StoreReader, options: CopyOptions): CutFault | undefined {
  let id: AggregateId | undefined
  try {
    for (id of reader.roster()) checkRecent(layout, reader, id)
    id = undefined
    if (options.complete(reader)) return undefined
    return {
      error: new AppError(
        'corrupt',
        'copy-incomplete',
        `objects or keys that commit ${reader.head} names are not in this copy`,
        {
          hint: 'make another copy',
        },
      ),
      before: undefined,
    }
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return { error, before: id === undefined ? undefined : touchedBefore(reader, id) }
  }
}

/** The commit before the newest one that touches this aggregate. */
function touchedBefore(reader: StoreReader, id: AggregateId): number | undefined {
  for (let n = reader.head; n >= 1; n--)
    if (reader.commitAt(n).record.aggregates.some((a) => formatAggregateId(a) === formatAggregateId(id))) return n - 1
  return undefined
}

/** Loads an aggregate, and reads its history as far back as a copy may have taken: a listing of a folder that grows misses files anywhere in it. */
function checkRecent(layout: Layout, reader: StoreReader, id: AggregateId): void {
  const loaded = reader.load(id)
  const newest = reader.at
  if (loaded === undefined || newest === undefined) return
  // what was archived was older than that by then, and may be gone from there
  const archived = tryReadArchivedIndex(layout, id)
  for (const { record, complete: whole } of liveRecords(reader, id, (s) => rangeOf(archived, s) !== undefined)) {
    if (whole) reader.eventsOf(id, record)
    if (secondsBetween(record.at, newest) > WINDOW_SECONDS) return
  }
}
