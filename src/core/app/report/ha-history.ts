/** States of the enrolment CAs over the last days, from the events of their history. Invariant: newest first, and a bounded number of records. */
import { AppError } from '../../base/errors.js'
import { addSeconds, type Instant } from '../../base/time.js'
import type { Reader } from '../../eventsourcing/store.js'
import { HA_HANDLE } from '../../ha/aggregate.js'
import type { HaEvent } from '../../ha/events.js'
import type { Health } from '../../ha/state.js'
import { liveRecords } from '../../store/commit/live-branch.js'

export interface HaSpan {
  readonly from: Instant
  readonly to: Instant
  readonly state: Health
}

export interface HaLane {
  readonly ca: string
  /** Oldest first, without gaps. */
  readonly spans: readonly HaSpan[]
  /** Times in which an operator had taken it out, with the reason. */
  readonly overrides: readonly { readonly from: Instant; readonly to: Instant; readonly reason: string }[]
}

const DAY = 86_400
/** Days that the report shows. */
export const HA_DAYS = 30
/** Records that are read at most: each request for a certificate is two. */
const MOST_RECORDS = 20_000

/** Returns a lane for each CA with an event in the last days, by name. */
export function haLanes(reader: Reader, now: Instant): readonly HaLane[] {
  const start = addSeconds(now, -HA_DAYS * DAY)
  const events = eventsSince(reader, start)
  const cas = [...new Set(events.flatMap((event) => ('ca' in event ? [event.ca] : [])))].sort()
  return cas.map((ca) =>
    laneOf(
      ca,
      events.filter((event) => 'ca' in event && event.ca === ca),
      start,
      now,
    ),
  )
}

/** Returns the events since a time, oldest first; fewer if older ones are archived elsewhere, damaged or too many. */
function eventsSince(reader: Reader, start: Instant): readonly HaEvent[] {
  const id = { kind: 'ha', handle: HA_HANDLE } as const
  const found: HaEvent[][] = []
  try {
    for (const { record } of liveRecords(reader, id)) {
      if (record.at < start || found.length === MOST_RECORDS) break
      if (record.effect.result === 'accepted') found.push([...(reader.eventsOf(id, record) as readonly HaEvent[])])
    }
  } catch (error) {
    // the status reports damage
    if (!(error instanceof AppError)) throw error
  }
  return found.reverse().flat()
}

function laneOf(ca: string, events: readonly HaEvent[], start: Instant, now: Instant): HaLane {
  const changes = events.flatMap((event) =>
    event.type === 'health.changed' && event.to !== 'unhealthy'
      ? [{ at: event.at, from: event.from, to: event.to }]
      : event.type === 'lease.expired'
        ? [{ at: event.at, from: 'recovering' as const, to: 'circuit-open' as const }]
        : [],
  )
  const spans: HaSpan[] = []
  const [first] = changes
  let state: Health = first === undefined || first.from === 'unhealthy' ? 'healthy' : first.from
  let from = start
  for (const { at, to } of [...changes, { at: now, to: null }]) {
    if (at > from) spans.push({ from, to: at, state })
    from = at > from ? at : from
    if (to !== null) state = to
  }
  return { ca, spans, overrides: overridesOf(events, now) }
}

function overridesOf(events: readonly HaEvent[], now: Instant): HaLane['overrides'] {
  const found: HaLane['overrides'][number][] = []
  let open: { readonly from: Instant; readonly reason: string; readonly until: Instant | null } | undefined
  const close = (at: Instant): void => {
    if (open === undefined) return
    const { from, reason, until } = open
    found.push({ from, reason, to: until !== null && until < at ? until : at })
    open = undefined
  }
  for (const event of events) {
    if (event.type === 'override.set') {
      close(event.since)
      open = { from: event.since, reason: event.reason, until: event.until }
    }
    if (event.type === 'override.ended') close(event.at)
  }
  close(now)
  return found
}
