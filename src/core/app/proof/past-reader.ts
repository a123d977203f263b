/**
 * Reads all aggregates as of a past commit through the port of the store, so that a pure read of the present can be made of the past.
 * Invariant: every state is replayed from verified files, and all of them are as of one commit.
 */
import { AppError } from '../../base/errors.js'
import { type Moment, resolveMoment } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import type { Loaded, Reader } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import type { Histories } from './past-state.js'

export interface PastRevision {
  readonly reader: Reader
  /** The time that was asked for. */
  readonly asked: Instant
  /** Number and time of the newest commit at that time. */
  readonly commit: number
  readonly at: Instant
}

/** Returns the revision of a past time. Throws `time-in-future`, `time-before-history` (usage); its reader throws as `replayTo` does. */
export function revisionAt(histories: Histories, moment: Moment): PastRevision {
  const { chain, now } = histories
  const asked = resolveMoment(moment, now)
  if (asked > now)
    throw new AppError('usage', 'time-in-future', `${asked} is after the present, ${now}`, {
      hint: 'brine history list shows the times of commands',
    })
  const all = [...chain.commands.values()].flat()
  const last = all.reduce<(typeof all)[number] | undefined>(
    (newest, one) => (one.at <= asked && one.commit > (newest?.commit ?? 0) ? one : newest),
    undefined,
  )
  if (last === undefined) {
    const first = all.reduce<Instant | undefined>(
      (least, { at }) => (least === undefined || at < least ? at : least),
      undefined,
    )
    const begins = first === undefined ? 'it has no history' : `history begins at ${first}`
    throw new AppError('usage', 'time-before-history', `this data directory had no state at ${asked}: ${begins}`, {
      hint: 'brine history list shows the times of commands',
    })
  }
  return { reader: pastReader(histories, last.commit, last.at), asked, commit: last.commit, at: last.at }
}

function pastReader({ reader, chain, past }: Histories, commit: number, at: Instant): Reader {
  const known = new Map<string, Loaded | undefined>()
  const entryOf = (id: AggregateId) =>
    chain.commands.get(formatAggregateId(id))?.findLast((entry) => entry.commit <= commit)
  const ids = chain.roster.filter((id) => entryOf(id) !== undefined)
  const replayed = (id: AggregateId): Loaded | undefined => {
    const position = entryOf(id)
    if (position === undefined) return undefined
    const { version, sequence } = position
    return {
      version,
      sequence,
      snapshot: { version, state: past(id).replayTo(position) },
      events: [],
      lastAt: position.at,
    }
  }
  return {
    head: commit,
    at,
    generation: reader.generation,
    roster: () => ids,
    load(id) {
      const name = formatAggregateId(id)
      if (!known.has(name)) known.set(name, replayed(id))
      return known.get(name)
    },
    command: (id, sequence) => reader.command(id, sequence),
    eventsOf: (id, record) => reader.eventsOf(id, record),
    object: (sha256) => reader.object(sha256),
  }
}
