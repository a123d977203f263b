/**
 * Past states of one aggregate: the position of a point in its history, and the state at that position.
 * Invariant: no state is returned if anything in the history up to that point differs from what was written.
 */
import { type CommandRef, type CommitChain, readCommitChain } from '../../audit/commits.js'
import { replayAggregate, type Watcher } from '../../audit/replay.js'
import { directorySource, type HistorySource } from '../../audit/source.js'
import { AppError } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { type HistoryPoint, resolveMoment } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import { findAggregate } from '../../eventsourcing/aggregate-name.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { Session } from '../session/session.js'
import { rulesOf } from './digest.js'
import { historyArchived } from './history-records.js'
import { refuseBroken } from './prove-history.js'

/** A position in the history of one aggregate. */
export interface HistoryPosition {
  /** 0 before the first command. */
  readonly sequence: number
  readonly version: number
  /** Null before the first command. */
  readonly at: Instant | null
  /** 0 before the first command. */
  readonly commit: number
}

export interface PastStates {
  readonly id: AggregateId
  /** Throws `sequence-unknown` (rejected). */
  positionOf(point: HistoryPoint): HistoryPosition
  newest(): HistoryPosition
  /** Returns the state at a position. Throws `history-archived` (rejected), `audit-broken` (corrupt). */
  replayTo(position: HistoryPosition, watcher?: Watcher): Json
  /** Returns the state before the first command. */
  initial(): Json
}

const BEGINNING: HistoryPosition = { sequence: 0, version: 0, at: null, commit: 0 }

/** The whole history of a data directory at one revision, verified commit by commit. */
export interface Histories {
  readonly reader: StoreReader
  readonly chain: CommitChain
  readonly now: Instant
  past(id: AggregateId): PastStates
}

/** Runs `work` over the past states of an aggregate, at one revision. Throws `aggregate-unknown` (rejected), `audit-broken` (corrupt). */
export function readPast<T>(session: Session, name: string, work: (past: PastStates) => T): Promise<T> {
  return readHistories(session, ({ chain, past }) => work(past(findAggregate(chain.roster, name))))
}

/** Runs `work` over the histories of all aggregates, at one revision. Throws `audit-broken` (corrupt). */
export function readHistories<T>(session: Session, work: (histories: Histories) => T | Promise<T>): Promise<T> {
  const { store, options } = session
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source, {
      step(done) {
        if (done % 500 === 0) options.onProgress?.(done, source.head, 'commits')
      },
    })
    refuseBroken(chain.problems)
    const now = session.clockFor(reader).now()
    return work({ reader, chain, now, past: (id) => pastStatesOf(source, id, chain, now) })
  })
}

function pastStatesOf(source: HistorySource, id: AggregateId, chain: CommitChain, now: Instant): PastStates {
  const rules = rulesOf(id)
  const named = chain.commands.get(formatAggregateId(id)) ?? []
  const newest = (): HistoryPosition => positionOf(named.at(-1))
  return {
    id,
    newest,
    positionOf: (point) =>
      'sequence' in point ? bySequence(id, named, point.sequence) : asOf(named, resolveMoment(point, now)),
    initial: () => rules.initial(id.handle) as Json,
    replayTo(position, watcher = {}) {
      if (position.sequence === 0) return rules.initial(id.handle) as Json
      const { state, problems } = replayAggregate({
        source,
        id,
        rules,
        commands: named,
        archive: chain.archive,
        full: false,
        through: position.sequence,
        watcher: {
          ...watcher,
          base(value, sequence) {
            if (sequence > position.sequence) throw historyArchived(id, position.sequence)
            watcher.base?.(value, sequence)
          },
        },
      })
      refuseBroken(problems)
      return (state?.value ?? null) as Json
    },
  }
}

function positionOf(entry: CommandRef | undefined): HistoryPosition {
  if (entry === undefined) return BEGINNING
  const { sequence, version, at, commit } = entry
  return { sequence, version, at, commit }
}

function bySequence(id: AggregateId, named: readonly CommandRef[], sequence: number): HistoryPosition {
  // a recovery may have left a gap
  const entry = named.find((n) => n.sequence === sequence)
  if (sequence === 0 || entry !== undefined) return positionOf(entry)
  const name = formatAggregateId(id)
  const newest = named.at(-1)?.sequence ?? 0
  throw new AppError('rejected', 'sequence-unknown', `${name} has no command ${sequence}; the newest is ${newest}`, {
    hint: `brine history list ${name}`,
    details: { newest },
  })
}

/** Returns the position after the last command at or before this instant. */
function asOf(named: readonly CommandRef[], at: Instant): HistoryPosition {
  return positionOf(named.findLast((entry) => entry.at <= at))
}
