/** Dates of `roa add` and `roa update`: the part of a set that is done now, and the dates that its ROAs get. */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { datesText, type RoaDates, scheduledOf } from '../../ca/roa-schedule.js'
import type { RoaAddition, RoaChanges } from '../../ca/roas.js'
import type { CaState } from '../../ca/state/state.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'

/** Dates of a whole set; `never`: without an end. */
export interface SetDates {
  readonly from?: Instant | undefined
  readonly until?: Instant | 'never' | undefined
}

interface Wanted {
  readonly add: readonly RoaAddition[]
  readonly remove: readonly RoaPayload[]
}

/** Throws `roa-until-removal` (usage) for an end of ROAs that are to be removed. */
export function refuseUntilOfRemovals({ remove }: Wanted, { until }: SetDates): void {
  if (until === undefined || remove.length === 0) return
  throw new AppError(
    'usage',
    'roa-until-removal',
    '--until is the end of ROAs that are added, and the set removes some',
    {
      hint: 'to remove ROAs at a time: --from TIME; or give the removals to a command of their own',
    },
  )
}

/** Returns the command for a set with dates. `isIdempotent`: dates that a ROA has already are left out. */
export function datedChanges(
  state: CaState,
  wanted: Wanted,
  dates: SetDates,
  { now, isIdempotent }: { readonly now: Instant; readonly isIdempotent: boolean },
): RoaChanges {
  const parts = [
    ...wanted.add.map((one) =>
      dates.from === undefined ? addition(state, one, dates) : laterAddition(state, one, dates),
    ),
    ...wanted.remove.map((one) => removal(state, one, dates)),
  ]
  const rows = parts.flatMap((part) => part.row ?? [])
  const isNew = (row: RoaDates): boolean => {
    const own = scheduledOf(state, formatRoaPayload(row.payload))
    return datesText(own ?? {}) !== datesText(row)
  }
  return {
    add: parts.flatMap((part) => part.add ?? []),
    remove: parts.flatMap((part) => part.remove ?? []),
    annotate: parts.flatMap((part) => part.annotate ?? []),
    dates: { at: now, rows: isIdempotent ? rows.filter(isNew) : rows },
  }
}

interface Part {
  readonly add?: RoaAddition
  readonly remove?: RoaPayload
  readonly annotate?: RoaAddition
  readonly row?: RoaDates
}

/** Returns the change that adds a ROA now, or that changes the end of an existing one. */
function addition(state: CaState, one: RoaAddition, { until }: SetDates): Part {
  if (until === undefined) return { add: one }
  const { payload, comment } = one
  const row = { payload, comment: null, from: null, until: until === 'never' ? null : until }
  const config = entry(state.roas, formatRoaPayload(payload))
  if (config === undefined) return until === 'never' && !isScheduled(state, payload) ? { add: one } : { add: one, row }
  return comment === null || comment === config.comment ? { row } : { row, annotate: one }
}

function laterAddition(state: CaState, { payload, comment }: RoaAddition, { from, until }: SetDates): Part {
  const own = scheduledOf(state, formatRoaPayload(payload))
  const end = until === undefined ? (own?.until ?? null) : until === 'never' ? null : until
  return { row: { payload, comment: comment ?? own?.comment ?? null, from: from ?? null, until: end } }
}

/** Returns the change that removes a ROA, now or at `from`, or that cancels the later addition of one. */
function removal(state: CaState, payload: RoaPayload, { from }: SetDates): Part {
  const text = formatRoaPayload(payload)
  const own = scheduledOf(state, text)
  const isLater = own?.from !== undefined
  if (!isLater && entry(state.roas, text) === undefined) return { remove: payload }
  if (from !== undefined)
    return { row: { payload, comment: own?.comment ?? null, from: own?.from ?? null, until: from } }
  return isLater ? { row: { payload, comment: null, from: null, until: null } } : { remove: payload }
}

function isScheduled(state: CaState, payload: RoaPayload): boolean {
  return scheduledOf(state, formatRoaPayload(payload)) !== undefined
}
