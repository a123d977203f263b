/**
 * The past of one aggregate: where a point lies in its history, and its state there.
 * Invariant: nothing is said of a history in which anything up to that point is not as it was written.
 */
import { type Named, readCommitChain } from '../../audit/commits.js'
import { replayAggregate, type Watcher } from '../../audit/replay.js'
import { directorySource, type HistorySource } from '../../audit/source.js'
import { AppError } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { type HistoryPoint, resolveMoment } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import { type AggregateId, formatAggregateId, parseAggregateId } from '../../eventsourcing/types.js'
import type { Session } from '../transaction/session.js'
import { rulesOf } from './digest.js'
import { historyArchived, knownAggregate } from './history.js'
import { refuseBroken } from './prove-history.js'

/** A place in the history of one aggregate. */
export interface Place {
  /** 0 before the first command. */
  readonly sequence: number
  readonly version: number
  /** Null before the first command. */
  readonly at: Instant | null
  /** 0 before the first command. */
  readonly commit: number
}

export interface Past {
  readonly id: AggregateId
  /** Throws `sequence-unknown` (rejected). */
  placeOf(point: HistoryPoint): Place
  newest(): Place
  /** The state at a place. Throws `history-archived` (rejected), `audit-broken` (corrupt). */
  replayTo(place: Place, watcher?: Watcher): Json
  /** The state before the first command. */
  initial(): Json
}

const BEGINNING: Place = { sequence: 0, version: 0, at: null, commit: 0 }

/** Runs `work` over the past of an aggregate, at one cut. Throws `aggregate-unknown` (rejected), `audit-broken` (corrupt). */
export function readPast<T>(session: Session, name: string, work: (past: Past) => T): Promise<T> {
  const wanted = parseAggregateId(name)
  const { store, options } = session
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source, {
      step(done) {
        if (done % 500 === 0) options.onProgress?.(done, source.head, 'commits')
      },
    })
    refuseBroken(chain.problems)
    const id = knownAggregate({ roster: () => chain.roster }, wanted)
    const named = chain.named.get(formatAggregateId(id)) ?? []
    return work(pastOf(source, id, named, session.clockFor(reader).now()))
  })
}

function pastOf(source: HistorySource, id: AggregateId, named: readonly Named[], now: Instant): Past {
  const rules = rulesOf(id)
  const newest = (): Place => placeOf(named.at(-1))
  return {
    id,
    newest,
    placeOf: (point) =>
      'sequence' in point ? bySequence(id, named, point.sequence) : asOf(named, resolveMoment(point, now)),
    initial: () => rules.initial(id.handle) as Json,
    replayTo(place, watcher = {}) {
      if (place.sequence === 0) return rules.initial(id.handle) as Json
      const { state, problems } = replayAggregate({
        source,
        id,
        rules,
        named,
        full: false,
        through: place.sequence,
        watcher: {
          ...watcher,
          base(value, sequence) {
            if (sequence > place.sequence) throw historyArchived(id, place.sequence)
            watcher.base?.(value, sequence)
          },
        },
      })
      refuseBroken(problems)
      return (state?.value ?? null) as Json
    },
  }
}

function placeOf(entry: Named | undefined): Place {
  if (entry === undefined) return BEGINNING
  const { sequence, version, at, commit } = entry
  return { sequence, version, at, commit }
}

function bySequence(id: AggregateId, named: readonly Named[], sequence: number): Place {
  // a recovery may have left a gap
  const entry = named.find((n) => n.sequence === sequence)
  if (sequence === 0 || entry !== undefined) return placeOf(entry)
  const name = formatAggregateId(id)
  const newest = named.at(-1)?.sequence ?? 0
  throw new AppError('rejected', 'sequence-unknown', `${name} has no command ${sequence}; the newest is ${newest}`, {
    hint: `brine history list ${name}`,
    details: { newest },
  })
}

/** After the last command of this instant or before it. */
function asOf(named: readonly Named[], at: Instant): Place {
  return placeOf(named.findLast((entry) => entry.at <= at))
}
