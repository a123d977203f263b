/**
 * ROAs with dates: each is added at its `from` and removed at its `until`, by the first `tick` after it.
 * Invariant: an entry is what is still to come; one whose dates have all been applied is gone.
 */
import type { Violation } from '../base/errors.js'
import { entry, sortedEntries, type Table, withEntries } from '../base/record.js'
import { isText, listOf } from '../base/shape.js'
import { earlier, type Instant } from '../base/time.js'
import { type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { formatPrefix } from '../resources/prefix.js'
import { formatRoaPayload } from '../resources/roa-payload.js'
import type { RoaPayload } from '../resources/types.js'
import { payloadOf } from './products/roa-index.js'
import { isScheduledRoa, type ScheduledRoa } from './state/configured.js'
import type { CaState } from './state/state.js'

const event = eventsOn<CaState>()

export const roaScheduleEvents = {
  'roas.scheduled': event(
    {
      /** Entries that are new, and those that change, each as it is afterwards. */
      set: listOf(isScheduledRoa),
      /** Texts `P-L => ASN`. */
      removed: listOf(isText),
    },
    ({ scheduled, ...state }, { set, removed }) => {
      const put = set.map((one) => [formatRoaPayload(payloadOf(one)), one] as const)
      const next = withEntries(scheduled ?? {}, put, removed)
      return Object.keys(next).length === 0 ? state : { ...state, scheduled: next }
    },
  ),
}
export type RoaScheduleEvent = EventOf<typeof roaScheduleEvents>

/** Dates that a ROA gets in place of those that it has; null for both: it has none any more. */
export interface RoaDates {
  readonly payload: RoaPayload
  /** Comment of a ROA that is added at `from`. */
  readonly comment: string | null
  /** Null if the ROA is in effect already. */
  readonly from: Instant | null
  readonly until: Instant | null
}

/** Dates of a command, and the time at which it was given. */
export interface Dates {
  readonly at: Instant
  readonly rows: readonly RoaDates[]
}

/** Texts of the ROAs that the same command adds and removes. */
export interface ChangedTexts {
  readonly added: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
}

/** Returns the entry of a ROA with dates to come. */
export function scheduledOf({ scheduled = {} }: Pick<CaState, 'scheduled'>, text: string): ScheduledRoa | undefined {
  return entry(scheduled, text)
}

/** Returns the entries with dates to come, in the order of their texts. */
export function scheduledRoas({
  scheduled = {},
}: Pick<CaState, 'scheduled'>): readonly (readonly [string, ScheduledRoa])[] {
  return sortedEntries(scheduled)
}

/** Returns the text of dates, as `from T until T`; empty where there are none. */
export function datesText({
  from,
  until,
}: {
  readonly from?: Instant | null
  readonly until?: Instant | null
}): string {
  return [...(from ? [`from ${from}`] : []), ...(until ? [`until ${until}`] : [])].join(' ')
}

/** Returns every violation of dates: times that have passed or are out of order, a ROA named twice, one that is in effect already or not at all. */
export function checkDates(
  state: CaState,
  { at, rows }: Dates,
  { added, removed }: ChangedTexts,
): readonly Violation[] {
  const named = new Set<string>()
  return rows.flatMap(({ payload, from, until }) => {
    const text = formatRoaPayload(payload)
    const found: Violation[] = []
    const violation = (code: string, reason: string): void =>
      void found.push({ code, message: `${text}: ${reason}`, details: { roa: text } })
    if (named.has(text)) violation('roa-duplicate', 'named twice in this set')
    named.add(text)
    for (const [name, date] of Object.entries({ from, until }))
      if (date !== null && date <= at) violation('roa-date-past', `${name} ${date} is not after the present, ${at}`)
    if (from !== null && until !== null && until <= from)
      violation('roa-dates-order', `until ${until} is not after from ${from}`)
    const isConfigured = added.has(text) || (entry(state.roas, text) !== undefined && !removed.has(text))
    if (from !== null && isConfigured) violation('roa-duplicate', `${state.handle} has it already`)
    else if (from === null && !isConfigured && (until !== null || scheduledOf(state, text) === undefined))
      violation('roa-unknown', `${state.handle} has no such ROA`)
    const now = scheduledOf(state, text)
    if (now !== undefined && datesText(now) === datesText({ from, until }))
      violation('roa-duplicate', `${state.handle} has it ${datesText(now)} already`)
    return found
  })
}

/** Returns the event by which the entries change; undefined if none does. A ROA that is added keeps its end, one that is removed has none. */
export function roasScheduled(
  state: CaState,
  { added, removed }: ChangedTexts,
  rows: readonly RoaDates[],
): RoaScheduleEvent | undefined {
  const set = new Map<string, ScheduledRoa>()
  const gone = new Set<string>()
  for (const text of removed) if (scheduledOf(state, text) !== undefined) gone.add(text)
  for (const text of added) {
    const { from, ...left } = scheduledOf(state, text) ?? {}
    if (from === undefined) continue
    if ('until' in left) set.set(text, { ...(left as ScheduledRoa), comment: null })
    else gone.add(text)
  }
  for (const row of rows) {
    const text = formatRoaPayload(row.payload)
    const next = entryOf(row)
    if (next !== undefined) {
      set.set(text, next)
      gone.delete(text)
    } else {
      set.delete(text)
      if (scheduledOf(state, text) !== undefined) gone.add(text)
    }
  }
  return set.size + gone.size === 0 ? undefined : { type: 'roas.scheduled', set: [...set.values()], removed: [...gone] }
}

function entryOf({ payload: { asn, prefix, maxLength }, comment, from, until }: RoaDates): ScheduledRoa | undefined {
  if (from === null && until === null) return undefined
  const dates = { ...(from === null ? {} : { from }), ...(until === null ? {} : { until }) }
  return { asn, prefix: formatPrefix(prefix), maxLength, comment: from === null ? null : comment, ...dates }
}

/** Changes that are due at one instant. */
export interface DueRoas {
  readonly at: Instant
  readonly add: readonly { readonly payload: RoaPayload; readonly comment: string | null }[]
  readonly remove: readonly RoaPayload[]
  /** ROAs whose end has passed before they were added. */
  readonly missed: readonly RoaPayload[]
}

/** Returns what is due by `now`, by the instant at which it was due. */
export function dueRoas(state: CaState, now: Instant): readonly DueRoas[] {
  const groups = new Map<Instant, { add: DueRoas['add'][number][]; remove: RoaPayload[]; missed: RoaPayload[] }>()
  const at = (instant: Instant) => {
    const group = groups.get(instant) ?? { add: [], remove: [], missed: [] }
    groups.set(instant, group)
    return group
  }
  for (const [, own] of scheduledRoas(state)) {
    const { from, until, comment } = own
    const payload = payloadOf(own)
    if (from !== undefined && from > now) continue
    if (until !== undefined && until <= now) at(until)[from === undefined ? 'remove' : 'missed'].push(payload)
    else if (from !== undefined) at(from).add.push({ payload, comment })
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([instant, group]) => ({ at: instant, ...group }))
}

/** Returns the instant of the next date, which may have passed; null without any. */
export function scheduledDue({ status, scheduled = {} }: Pick<CaState, 'status' | 'scheduled'>): Instant | null {
  if (status !== 'active') return null
  return Object.values(scheduled).reduce<Instant | null>((first, { from, until }) => {
    const next = from ?? until
    if (next === undefined) return first
    return first === null ? next : earlier(first, next)
  }, null)
}

/** Returns the dates of entries as facts for the digest of a state. */
export function logicalSchedule(scheduled: Table<ScheduledRoa>): readonly (readonly (string | null)[])[] {
  return sortedEntries(scheduled).map(([text, { comment, from, until }]) => [
    text,
    comment,
    from ?? null,
    until ?? null,
  ])
}
