/**
 * History as people ask for it: every accepted and rejected command, newest first, and one command with its events.
 * Invariant: a record that cannot be read ends the listing with its file named; nothing is left out in silence.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Json } from '../../base/json.js'
import { type Moment, resolveMoment } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import type { Reader } from '../../eventsourcing/store.js'
import {
  type AggregateId,
  type DomainEvent,
  formatAggregateId,
  kindWord,
  parseAggregateId,
  type StoredCommand,
} from '../../eventsourcing/types.js'
import { peekCommand } from '../../store/commit/aggregate-files.js'
import { liveRecords } from '../../store/commit/live-branch.js'
import type { Session } from '../transaction/session.js'
import { type Fate, readCommandHistory } from './archived-records.js'

export interface CommandRow {
  readonly kind: string
  readonly handle: Handle
  readonly sequence: number
  /** The version that it was applied to. */
  readonly version: number
  readonly at: Instant
  readonly actor: string
  /** Null, as host and digest, where the record is archived and not here. */
  readonly osUser: string | null
  readonly host: string | null
  readonly reason: string | null
  readonly type: string
  /** `lost`: a recovery gave it up; `recovered`: the command that did so. */
  readonly result: 'accepted' | 'rejected' | 'recovered' | 'lost'
  /** How many events it made. */
  readonly events: number
  readonly error: { readonly code: string; readonly message: string } | null
  readonly configDigest: string | null
  /** Its files went to the archive. */
  readonly archived: boolean
}

export interface HistoryReport {
  /** Newest first; of one instant, the later commit first. */
  readonly commands: readonly CommandRow[]
  /** All that match, shown or not. */
  readonly total: number
}

export interface HistoryFilter {
  /** `KIND/HANDLE`; none: everything. */
  readonly aggregates?: readonly string[]
  readonly rows?: number
  readonly offset?: number
  readonly after?: Moment | undefined
  readonly before?: Moment | undefined
  /** `roas.update`, or a topic: `roas`. */
  readonly types?: readonly string[]
  readonly actor?: string | undefined
}

export interface CommandReport {
  readonly command: CommandRow & { readonly args: Json; readonly commit: number; readonly previous: string | null }
  readonly events: readonly { readonly version: number; readonly event: DomainEvent }[]
}

/** What a listing reads. */
type Records = Pick<Reader, 'load' | 'command'>

const DEFAULT_ROWS = 100

/** Commands that match, newest first. Throws `aggregate-unknown` (rejected), `corrupt`. */
export async function listHistory(session: Session, filter: HistoryFilter): Promise<HistoryReport> {
  const wanted = (filter.aggregates ?? []).map(parseAggregateId)
  return session.store.read(async (reader) => {
    const ids = wanted.length === 0 ? reader.roster() : unique(wanted.map((id) => knownAggregate(reader, id)))
    const { reader: told, fateOf } = readCommandHistory(session.store.layout, reader)
    return listCommands(told, ids, filter, session.clockFor(reader).now(), fateOf)
  })
}

/** The same over any store. */
export function listCommands(
  reader: Records,
  ids: readonly AggregateId[],
  filter: HistoryFilter,
  now: Instant,
  fateOf: (record: StoredCommand) => Fate = () => 'live',
): HistoryReport {
  const matches = matcher(filter, now)
  const from = filter.offset ?? 0
  const to = from + (filter.rows ?? DEFAULT_ROWS)
  const commands: CommandRow[] = []
  let total = 0
  for (const { record, lost } of newestFirst(reader, ids, after(filter, now))) {
    if (!matches(record)) continue
    if (total >= from && total < to) commands.push(rowOf(record, lost, fateOf(record)))
    total += 1
    if (total >= to && isPlain(filter)) return { commands, total: countAll(reader, ids) }
  }
  return { commands, total }
}

/** One command with its events. Throws `aggregate-unknown`, `sequence-unknown` (rejected), `corrupt`. */
export async function showCommand(session: Session, name: string, sequence: number): Promise<CommandReport> {
  const wanted = parseAggregateId(name)
  return session.store.read(async (reader) => {
    const id = knownAggregate(reader, wanted)
    const newest = reader.load(id)?.sequence ?? 0
    if (sequence < 1 || sequence > newest) {
      throw new AppError(
        'rejected',
        'sequence-unknown',
        `${name} has no command ${sequence}; the newest is ${newest}`,
        {
          hint: `brine history list ${name}`,
          details: { newest },
        },
      )
    }
    const { reader: told, fateOf } = readCommandHistory(session.store.layout, reader)
    // what a recovery gave up lies in its place no more: only then is it looked for along the line
    const inPlace = peekCommand(session.store.layout, id, sequence) !== undefined
    const { record, lost } = inPlace
      ? { record: reader.command(id, sequence), lost: false }
      : findRecord(told, id, sequence)
    if (fateOf(record) === 'gone') throw historyArchived(id, sequence)
    const found =
      fateOf(record) === 'live' ? reader.eventsOf(id, record) : ifReadable(() => reader.eventsOf(id, record))
    if (found === undefined) throw historyArchived(id, sequence)
    const events = found.map((event, i) => ({ version: record.version + i, event }))
    const { commit, previous } = record
    return { command: { ...rowOf(record, lost, fateOf(record)), args: record.command.args, commit, previous }, events }
  })
}

/** Throws `command-lost` (rejected) for one that a recovery gave up and that cannot be read any more. */
function findRecord(reader: Records, id: AggregateId, sequence: number): Told {
  let by: StoredCommand | undefined
  for (const told of allRecords(reader, id)) {
    if (told.record.sequence === sequence) return told
    if (told.record.sequence < sequence) break
    if (told.record.effect.result === 'recovered') by = told.record
  }
  if (by === undefined) return { record: reader.command(id, sequence), lost: false }
  const name = formatAggregateId(id)
  throw new AppError(
    'rejected',
    'command-lost',
    `${name} command ${sequence} was lost, as command ${by.sequence} says`,
    {
      hint: `brine history show ${name} ${by.sequence}`,
      details: { recovery: by.sequence },
    },
  )
}

/** The aggregate, which some commit made. Throws `aggregate-unknown` (rejected). */
export function knownAggregate(reader: Pick<Reader, 'roster'>, id: AggregateId): AggregateId {
  const name = formatAggregateId(id)
  const found = reader.roster().find((other) => formatAggregateId(other) === name)
  if (found !== undefined) return found
  throw new AppError('rejected', 'aggregate-unknown', `there is no ${name} here, and there never was`, {
    hint: 'brine audit digest --json names every aggregate',
  })
}

function unique(ids: readonly AggregateId[]): readonly AggregateId[] {
  return [...new Map(ids.map((id) => [formatAggregateId(id), id])).values()]
}

function after(filter: HistoryFilter, now: Instant): Instant | undefined {
  return filter.after === undefined ? undefined : resolveMoment(filter.after, now)
}

function isPlain(filter: HistoryFilter): boolean {
  const { before, types, actor } = filter
  return filter.after === undefined && before === undefined && actor === undefined && (types ?? []).length === 0
}

function countAll(reader: Records, ids: readonly AggregateId[]): number {
  return ids.reduce((sum, id) => sum + (reader.load(id)?.sequence ?? 0), 0)
}

function matcher(filter: HistoryFilter, now: Instant): (record: StoredCommand) => boolean {
  const before = filter.before === undefined ? undefined : resolveMoment(filter.before, now)
  const types = filter.types ?? []
  return (record) => {
    if (before !== undefined && record.at >= before) return false
    if (filter.actor !== undefined && record.actor !== filter.actor) return false
    const { type } = record.command
    return types.length === 0 || types.some((t) => type === t || type.startsWith(`${t}.`))
  }
}

/** The records of several aggregates as one list, newest first: each is read when its turn comes. */
function* newestFirst(reader: Records, ids: readonly AggregateId[], oldest: Instant | undefined): Generator<Told> {
  const heads: { readonly rest: Generator<Told>; told: Told }[] = []
  for (const id of ids) {
    const rest = allRecords(reader, id)
    const first = rest.next()
    if (first.done !== true) heads.push({ rest, told: first.value })
  }
  for (;;) {
    let newest: (typeof heads)[number] | undefined
    for (const head of heads) if (newest === undefined || isLater(head.told.record, newest.told.record)) newest = head
    if (newest === undefined || (oldest !== undefined && newest.told.record.at < oldest)) return
    yield newest.told
    const next = newest.rest.next()
    if (next.done === true) heads.splice(heads.indexOf(newest), 1)
    else newest.told = next.value
  }
}

interface Told {
  readonly record: StoredCommand
  readonly lost: boolean
}

/** Every record of one aggregate, newest first; of what a recovery gave up, that which can still be read. */
function* allRecords(reader: Records, id: AggregateId): Generator<Told> {
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

function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    return undefined
  }
}

/** A commit is later than the one before it; inside one, the roster's order. */
function isLater(a: StoredCommand, b: StoredCommand): boolean {
  return a.commit > b.commit
}

function rowOf(record: StoredCommand, lost: boolean, fate: Fate): CommandRow {
  const { effect } = record
  const isKnown = fate !== 'gone'
  return {
    kind: kindWord(record.kind),
    handle: record.handle,
    sequence: record.sequence,
    version: record.version,
    at: record.at,
    actor: record.actor,
    osUser: isKnown ? record.osUser : null,
    host: isKnown ? record.host : null,
    reason: record.reason ?? null,
    type: record.command.type,
    result: lost ? 'lost' : effect.result,
    events: effect.result === 'accepted' ? effect.events.length : 0,
    error: effect.result === 'rejected' && isKnown ? { code: effect.code, message: effect.message } : null,
    configDigest: isKnown ? record.configDigest : null,
    archived: fate !== 'live',
  }
}

/** The files up to a command lie where the archive went. */
export function historyArchived(id: AggregateId, sequence: number): AppError {
  const name = formatAggregateId(id)
  return new AppError('rejected', 'history-archived', `${name} up to command ${sequence} is archived and not here`, {
    hint: '--archive DIR, with the folder that holds it',
    details: { aggregate: name, sequence },
  })
}
