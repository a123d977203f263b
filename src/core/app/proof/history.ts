/**
 * Use cases of `brine history`: list every accepted and rejected command, newest first, and show one command with its events.
 * Invariant: a record that cannot be read ends the listing with an error that names its file; no command is left out silently.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Json } from '../../base/json.js'
import { type Moment, resolveMoment } from '../../base/moment.js'
import type { Instant } from '../../base/time.js'
import { findAggregate } from '../../eventsourcing/aggregate-name.js'
import type { Reader } from '../../eventsourcing/store.js'
import {
  type AggregateId,
  type DomainEvent,
  formatAggregateId,
  kindWord,
  type StoredCommand,
} from '../../eventsourcing/types.js'
import { peekCommand } from '../../store/commit/aggregate-files.js'
import type { Session } from '../session/session.js'
import { type RecordStatus, readCommandHistory } from './archived-records.js'
import { commandSummary } from './command-summary.js'
import { findRecord, historyArchived, ifReadable, newestFirst, type Records } from './history-records.js'

export interface CommandRow {
  readonly kind: string
  readonly handle: Handle
  readonly sequence: number
  /** The version that it was applied to. */
  readonly version: number
  readonly at: Instant
  readonly actor: string
  /** Null, as are host and digest, if the record is archived and not available here. */
  readonly osUser: string | null
  readonly host: string | null
  readonly reason: string | null
  readonly type: string
  /** Line on what it did, such as `+2 ROAs, -1`; null if the record is archived and not available here. */
  readonly summary: string | null
  /** `lost`: a recovery discarded the command; `recovered`: the command that records the recovery. */
  readonly result: 'accepted' | 'rejected' | 'recovered' | 'lost'
  /** Number of events. */
  readonly events: number
  readonly error: { readonly code: string; readonly message: string } | null
  readonly configDigest: string | null
  /** True if its files are archived. */
  readonly archived: boolean
}

export interface HistoryReport {
  /** Newest first; at the same instant, the later commit first. */
  readonly commands: readonly CommandRow[]
  /** Number of commands that match, shown or not. */
  readonly total: number
}

export interface HistoryFilter {
  /** `KIND/HANDLE`; every aggregate if empty. */
  readonly aggregates?: readonly string[]
  readonly rows?: number
  readonly offset?: number
  readonly after?: Moment | undefined
  readonly before?: Moment | undefined
  /** Command types (`roas.update`) or topics (`roas`). */
  readonly types?: readonly string[]
  readonly actor?: string | undefined
}

export interface CommandReport {
  readonly command: CommandRow & { readonly args: Json; readonly commit: number; readonly previous: string | null }
  readonly events: readonly { readonly version: number; readonly event: DomainEvent }[]
}

/** The part of a reader that a listing needs. */
const DEFAULT_ROWS = 100

/** Returns the commands that match, newest first. Throws `aggregate-unknown` (rejected), `corrupt`. */
export async function listHistory(session: Session, filter: HistoryFilter): Promise<HistoryReport> {
  const wanted = filter.aggregates ?? []
  return session.store.read(async (reader) => {
    const ids =
      wanted.length === 0 ? reader.roster() : unique(wanted.map((name) => findAggregate(reader.roster(), name)))
    const { reader: records, statusOf } = readCommandHistory(session.store.layout, reader)
    return listCommands(records, ids, filter, session.clockFor(reader).now(), statusOf)
  })
}

/** Returns the commands that match from any store, newest first. */
export function listCommands(
  reader: Records,
  ids: readonly AggregateId[],
  filter: HistoryFilter,
  now: Instant,
  statusOf: (record: StoredCommand) => RecordStatus = () => 'live',
): HistoryReport {
  const matches = matcher(filter, now)
  const from = filter.offset ?? 0
  const to = from + (filter.rows ?? DEFAULT_ROWS)
  const commands: CommandRow[] = []
  let total = 0
  for (const { record, lost } of newestFirst(reader, ids, after(filter, now))) {
    if (!matches(record)) continue
    if (total >= from && total < to) commands.push(rowOf(record, lost, statusOf(record)))
    total += 1
    if (total >= to && isPlain(filter)) return { commands, total: countAll(reader, ids) }
  }
  return { commands, total }
}

/** Throws for the number of a command without a name, unless an aggregate is called like that: each aggregate counts its own. */
function refuseNumber(reader: Pick<Reader, 'load'> & { roster(): readonly AggregateId[] }, text: string): void {
  if (reader.roster().some(({ handle, kind }) => handle === text && kind === 'ca')) return
  const having = reader.roster().filter((id) => (reader.load(id)?.sequence ?? 0) >= Number(text) && Number(text) > 0)
  const names = having.slice(0, 10).map(formatAggregateId)
  const [first] = names
  if (first === undefined)
    throw new AppError('rejected', 'sequence-unknown', `no aggregate has a command ${text}`, {
      hint: 'brine history list',
    })
  const others = having.length > names.length ? ` and ${having.length - names.length} more` : ''
  throw new AppError(
    'usage',
    'aggregate-missing',
    `${text} is the number of a command, and each aggregate counts its own: ${names.join(', ')}${others} ${having.length === 1 ? 'has' : 'have'} one`,
    { hint: `brine history show ${first} ${text}` },
  )
}

/**
 * Returns one command with its events, the newest without a number. Throws `aggregate-unknown`, `sequence-unknown` (rejected),
 * `aggregate-missing` (usage) for a number in place of a name, `corrupt`.
 */
export async function showCommand(session: Session, name: string, given?: number): Promise<CommandReport> {
  return session.store.read(async (reader) => {
    if (given === undefined && /^\d+$/.test(name)) refuseNumber(reader, name)
    const id = findAggregate(reader.roster(), name)
    const newest = reader.load(id)?.sequence ?? 0
    const sequence = given ?? newest
    if (sequence < 1 || sequence > newest) {
      throw new AppError(
        'rejected',
        'sequence-unknown',
        `${name} has no command ${sequence}; the newest is ${newest}`,
        {
          hint:
            newest === 0
              ? `brine history list ${name}`
              : `brine history show ${name} ${newest}, or: brine history list ${name}`,
          details: { newest },
        },
      )
    }
    const { reader: records, statusOf } = readCommandHistory(session.store.layout, reader)
    // a command that a recovery discarded is not in place any more; only then is the branch searched for it
    const inPlace = peekCommand(session.store.layout, id, sequence) !== undefined
    const { record, lost } = inPlace
      ? { record: reader.command(id, sequence), lost: false }
      : findRecord(records, id, sequence)
    if (statusOf(record) === 'unavailable') throw historyArchived(id, sequence)
    const found =
      statusOf(record) === 'live' ? reader.eventsOf(id, record) : ifReadable(() => reader.eventsOf(id, record))
    if (found === undefined) throw historyArchived(id, sequence)
    const events = found.map((event, i) => ({ version: record.version + i, event }))
    const { commit, previous } = record
    return {
      command: { ...rowOf(record, lost, statusOf(record)), args: record.command.args, commit, previous },
      events,
    }
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

function rowOf(record: StoredCommand, lost: boolean, status: RecordStatus): CommandRow {
  const { effect } = record
  const isKnown = status !== 'unavailable'
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
    summary: isKnown ? commandSummary(record.kind, record.command) : null,
    result: lost ? 'lost' : effect.result,
    events: effect.result === 'accepted' ? effect.events.length : 0,
    error: effect.result === 'rejected' && isKnown ? { code: effect.code, message: effect.message } : null,
    configDigest: isKnown ? record.configDigest : null,
    archived: status !== 'live',
  }
}
