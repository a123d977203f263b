/**
 * Opens a copy that was taken while commands ran, at the newest commit of which every file exists.
 * Invariant: only a copy falls back to an older commit, never the original; it falls back at most 24 hours, the longest a copy may take.
 */
import { AppError } from '../../base/errors.js'
import { secondsBetween } from '../../base/time.js'
import type { Reader } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import type { AnyMarker } from '../directory/data-dir.js'
import { readHeadCache } from '../disk/caches.js'
import { commitMissing, isCorrupt } from '../disk/damage.js'
import type { Layout } from '../disk/paths.js'
import { tryReadArchivedIndex } from './archived-index.js'
import { rangeOf } from './archived-ranges.js'
import { listCommits, refuseOrphans } from './commit-log.js'
import { liveRecords } from './live-branch.js'
import { type RevisionOptions, StoreReader } from './store-reader.js'

/** Longest time that a copy may take: a file that a commit references is moved only after being unused for as long. */
const WINDOW_SECONDS = 86400

export interface CopyOptions {
  readonly marker: AnyMarker
  readonly warn: (text: string) => void
  /** Returns true if the objects and keys that the states of this revision reference exist. */
  readonly complete: (reader: Reader) => boolean
}

/** Opens the newest complete revision of a copy. Throws `corrupt` if there is none within 24 hours of its newest commit. */
export function openCopy(layout: Layout, options: CopyOptions): StoreReader {
  const numbers = listCommits(layout)
  const newest = Math.max(numbers.at(-1) ?? 0, readHeadCache(layout.head)?.head ?? 0)
  let n = 0
  while (numbers[n] === n + 1) n++
  if (n === 0 && numbers.length > 0) throw commitMissing(layout.commit(1))
  if (n === 0) refuseOrphans(layout)
  const errors: AppError[] = []
  let newestTime: StoreReader['at']
  while (n > 0) {
    const reader = new StoreReader(layout, {
      ...revisionAt(n, newest, options),
      copyDamage: damageOf(errors, n, newest),
    })
    const failure = checkRevision(layout, reader, options)
    if (failure === undefined) return withWarning(reader, options)
    errors.push(failure.error)
    newestTime ??= timeOf(reader)
    n = Math.min(n - 1, failure.before ?? n - 1)
    if (newestTime !== undefined && n > 0 && isTooOld(layout, n, newestTime, options)) break
  }
  const [newestError] = errors
  if (newestError !== undefined) throw newestError
  return new StoreReader(layout, revisionAt(0, newest, options))
}

function revisionAt(n: number, newest: number, options: CopyOptions): RevisionOptions {
  return {
    head: { n, cache: undefined },
    marker: options.marker,
    strict: false,
    behind: newest - n,
    warn: () => undefined,
  }
}

/** Says why the newest commit is not used: files that are missing may not have been copied yet, one with other content is damaged. */
function withWarning(reader: StoreReader, options: CopyOptions): StoreReader {
  const { head, behind, copyDamage } = reader
  if (behind === 0) return reader
  options.warn(
    copyDamage === undefined
      ? `this copy was taken while commands ran: opened at commit ${head}, ${behind} newer ${behind === 1 ? 'one is' : 'ones are'} incomplete`
      : `${copyDamage}; recover can keep more than a promote: brine recover --dry-run`,
  )
  return reader
}

/** Returns the damage of a copy in words; undefined if nothing but missing files was found. */
function damageOf(errors: readonly AppError[], n: number, newest: number): string | undefined {
  const damaged = errors.find(({ code }) => code === 'file-damaged' || code === 'file-foreign')
  const newer = `${newest - n} newer ${newest - n === 1 ? 'one' : 'ones'}`
  return damaged && `this copy is damaged: ${damaged.message}; opened at commit ${n}, without ${newer}`
}

/** Returns the time of the revision's commit; undefined if that is damaged. */
function timeOf(reader: StoreReader): StoreReader['at'] {
  try {
    return reader.at
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

function isTooOld(
  layout: Layout,
  n: number,
  newestTime: NonNullable<StoreReader['at']>,
  options: CopyOptions,
): boolean {
  const at = timeOf(new StoreReader(layout, revisionAt(n, n, options)))
  return at !== undefined && secondsBetween(at, newestTime) > WINDOW_SECONDS
}

interface IncompleteRevision {
  readonly error: AppError
  /** The newest commit that can be complete, as far as the failing aggregate is concerned. */
  readonly before: number | undefined
}

/** Checks that the revision is complete and returns the reason if not. Throws `io`. */
function checkRevision(layout: Layout, reader: StoreReader, options: CopyOptions): IncompleteRevision | undefined {
  let id: AggregateId | undefined
  try {
    for (id of reader.roster()) checkRecent(layout, reader, id)
    id = undefined
    if (options.complete(reader)) return undefined
    return {
      error: new AppError(
        'corrupt',
        'copy-incomplete',
        `objects or keys that commit ${reader.head} references are missing from this copy`,
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

/** Returns the commit before the newest one that lists this aggregate. */
function touchedBefore(reader: StoreReader, id: AggregateId): number | undefined {
  for (let n = reader.head; n >= 1; n--)
    if (reader.commitAt(n).record.aggregates.some((a) => formatAggregateId(a) === formatAggregateId(id))) return n - 1
  return undefined
}

/**
 * Loads an aggregate and reads its history as far back as a copy may have taken: listing a folder that grows may miss files anywhere in it.
 * Throws `corrupt`, `io`.
 */
function checkRecent(layout: Layout, reader: StoreReader, id: AggregateId): void {
  const loaded = reader.load(id)
  const newest = reader.at
  if (loaded === undefined || newest === undefined) return
  // archived commands were older than that when they were archived, and may have been moved from the archive
  const archived = tryReadArchivedIndex(layout, id)
  for (const { record, complete } of liveRecords(reader, id, (s) => rangeOf(archived, s) !== undefined)) {
    if (complete) reader.eventsOf(id, record)
    if (secondsBetween(record.at, newest) > WINDOW_SECONDS) return
  }
}
