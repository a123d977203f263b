/**
 * Records of history as `brine history` reads them: newest first, with those that a recovery discarded as far as they can still be read.
 * Invariant: a record of the live branch that cannot be read is an error; none is left out silently.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Reader } from '../../eventsourcing/store.js'
import { type AggregateId, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { liveRecords } from '../../store/commit/live-branch.js'

/** Parts of a reader that records are read with. */
export type Records = Pick<Reader, 'load' | 'command'>

export interface HistoryRecord {
  readonly record: StoredCommand
  /** True if a recovery discarded it. */
  readonly lost: boolean
}

/** Finds the record of a command. Throws `command-lost` (rejected) if a recovery discarded it and it cannot be read any more. */
export function findRecord(reader: Records, id: AggregateId, sequence: number): HistoryRecord {
  let by: StoredCommand | undefined
  for (const entry of allRecords(reader, id)) {
    if (entry.record.sequence === sequence) return entry
    if (entry.record.sequence < sequence) break
    if (entry.record.effect.result === 'recovered') by = entry.record
  }
  if (by === undefined) return { record: reader.command(id, sequence), lost: false }
  const name = formatAggregateId(id)
  throw new AppError(
    'rejected',
    'command-lost',
    `${name}: command ${sequence} was lost in the recovery that command ${by.sequence} records`,
    {
      hint: `brine history show ${name} ${by.sequence}`,
      details: { recovery: by.sequence },
    },
  )
}

/** Yields the records of several aggregates as one list, newest first. Each record is read when it is needed. */
export function* newestFirst(
  reader: Records,
  ids: readonly AggregateId[],
  oldest: Instant | undefined,
): Generator<HistoryRecord> {
  const heads: { readonly rest: Generator<HistoryRecord>; entry: HistoryRecord }[] = []
  for (const id of ids) {
    const rest = allRecords(reader, id)
    const first = rest.next()
    if (first.done !== true) heads.push({ rest, entry: first.value })
  }
  for (;;) {
    let newest: (typeof heads)[number] | undefined
    for (const head of heads) if (newest === undefined || isLater(head.entry.record, newest.entry.record)) newest = head
    if (newest === undefined || (oldest !== undefined && newest.entry.record.at < oldest)) return
    yield newest.entry
    const next = newest.rest.next()
    if (next.done === true) heads.splice(heads.indexOf(newest), 1)
    else newest.entry = next.value
  }
}

/** Yields every record of one aggregate, newest first, with those that a recovery discarded as far as they can still be read. */
function* allRecords(reader: Records, id: AggregateId): Generator<HistoryRecord> {
  for (const { record } of liveRecords(reader, id)) {
    yield { record, lost: false }
    const { effect } = record
    if (effect.result !== 'recovered') continue
    for (let s = record.sequence - 1; s > effect.base.sequence; s--) {
      const lost = ifReadable(() => reader.command(id, s))
      if (lost !== undefined) yield { record: lost, lost: true }
    }
  }
}

/** Returns what was read; undefined for a damaged file. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    return undefined
  }
}

/** Compares by commit; inside one commit the order of the roster remains. */
function isLater(a: StoredCommand, b: StoredCommand): boolean {
  return a.commit > b.commit
}

/** Returns the error for a command whose files, up to `sequence`, are archived and not available here. */
export function historyArchived(id: AggregateId, sequence: number): AppError {
  const name = formatAggregateId(id)
  return new AppError(
    'rejected',
    'history-archived',
    `${name}: commands up to ${sequence} are archived and not available here`,
    {
      hint: 'give the folder that holds them: --archive DIR',
      details: { aggregate: name, sequence },
    },
  )
}
