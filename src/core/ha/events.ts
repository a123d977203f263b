/**
 * Events of high availability: what is stored of each, and what it makes of the state.
 * Invariant: an event holds what followed from the settings of its time (counts, instants, averages), so replay needs no configuration.
 */
import { entry, withEntries, withEntry, withoutEntry } from '../base/record.js'
import { isCount, isFlag, isInteger, isOneOf, isText, isTime, objectOf, orNull, tableOf } from '../base/shape.js'
import { type EventOf, eventsOn, evolver, joined } from '../eventsourcing/declare.js'
import { clockEvents } from './clock.js'
import {
  type CaHealth,
  type HaState,
  HEALTHS,
  HEALTHY,
  isFailure,
  isLatency,
  isOutcome,
  isPurpose,
  OVERRIDE,
  type Routing,
  type RoutingTurn,
  UNROUTED,
} from './state.js'

/** Selections that `ha status` computes shares from. */
const RECENT = 100

const event = eventsOn<HaState>()
const isHealth = isOneOf(...HEALTHS, 'unhealthy')

const healthEvents = {
  /** A CA was chosen and is about to be asked. */
  'attempt.started': event(
    {
      attempt: isText,
      ca: isText,
      purpose: isPurpose,
      owner: isText,
      at: isTime,
      /** No process waits for the response after this time. */
      deadline: isTime,
      /** The one probe of an open circuit: no other process sends a request until the deadline. */
      lease: isFlag,
      /** Null without a selection. */
      turn: orNull(objectOf<RoutingTurn>({ group: isText, current: tableOf(isInteger), weights: tableOf(isCount) })),
    },
    (state, { attempt, ca, purpose, owner, at, deadline, lease, turn }) => {
      const open = { ca, group: turn?.group ?? null, purpose, owner, since: at, deadline }
      const next = { ...state, attempts: withEntry(state.attempts, attempt, open) }
      if (lease) {
        const taken = { attempt, owner, since: at, expires: deadline }
        return withCa(next, ca, (before) => ({ ...before, health: 'recovering', lease: taken }))
      }
      return turn === null ? next : { ...next, groups: withTurn(state.groups, turn, ca) }
    },
  ),
  'attempt.finished': event(
    {
      /** Null for a probe of a closed circuit, which needs no lease. */
      attempt: orNull(isText),
      ca: isText,
      purpose: isPurpose,
      at: isTime,
      /** Failures in a row, this one included; 0 after a success. Null: this outcome says nothing about the CA's health. */
      failures: orNull(isCount),
      failure: orNull(isFailure),
      outcome: isOutcome,
      /** The average after this request; null where it was not measured. */
      latency: orNull(isLatency),
    },
    (state, { ca, attempt, outcome, failures, failure, latency, at }) => {
      const counts = entry(state.totals, ca) ?? {}
      const total = (entry(counts, outcome) ?? 0) + 1
      const attempts = attempt === null ? state.attempts : withoutEntry(state.attempts, attempt)
      const totals = withEntry(state.totals, ca, withEntry(counts, outcome, total))
      return withCa({ ...state, attempts, totals }, ca, (before) => ({
        ...before,
        failures: failures ?? before.failures,
        lastFailure: failures === null || failures === 0 ? before.lastFailure : (failure ?? before.lastFailure),
        lastSuccess: outcome === 'ok' ? at : before.lastSuccess,
        latency: latency ?? before.latency,
      }))
    },
  ),
  /** `unhealthy` is recorded on the way to an open circuit; the event that opens it follows in the same commit. */
  'health.changed': event(
    {
      ca: isText,
      from: isHealth,
      to: isHealth,
      reason: isText,
      at: isTime,
      openUntil: orNull(isTime),
      /** Number of doublings of the open time. */
      level: isCount,
    },
    (state, { ca, to, openUntil, level, at }) => {
      if (to === 'unhealthy') return state
      const next = withCa(state, ca, (before) => ({
        ...before,
        health: to,
        openedAt: to === 'circuit-open' ? at : to === 'recovering' ? before.openedAt : null,
        openUntil,
        level: to === 'healthy' ? 0 : level,
        lease: to === 'recovering' ? before.lease : null,
        failures: to === 'healthy' ? 0 : before.failures,
      }))
      return to === 'healthy' ? withoutCredit(next, ca) : next
    },
  ),
  'lease.expired': event({ ca: isText, attempt: isText, at: isTime }, (state, { ca }) =>
    withCa(state, ca, (before) => ({ ...before, health: 'circuit-open', lease: null })),
  ),
  'override.set': event({ ca: isText, ...OVERRIDE }, (state, { ca, mode, reason, since, until }) =>
    withCa(state, ca, (before) => ({ ...before, override: { mode, reason, since, until } })),
  ),
  'override.ended': event({ ca: isText, why: isOneOf('expired', 'resumed'), at: isTime }, (state, { ca }) =>
    withCa(state, ca, (before) => ({ ...before, override: null })),
  ),
}

export const haEvents = joined(healthEvents, clockEvents)

/** STORED. Types and members are never renamed: a new shape is a new type. */
export type HaEvent = EventOf<typeof haEvents>
export type AttemptStarted = Extract<HaEvent, { readonly type: 'attempt.started' }>
export type AttemptFinished = Extract<HaEvent, { readonly type: 'attempt.finished' }>
export type HealthChanged = Extract<HaEvent, { readonly type: 'health.changed' }>

/** Returns the state after an event. */
export const evolveHa: (state: HaState, event: HaEvent) => HaState = evolver<HaState, HaEvent>(haEvents)

function withCa(state: HaState, ca: string, change: (before: CaHealth) => CaHealth): HaState {
  return { ...state, cas: withEntry(state.cas, ca, change(entry(state.cas, ca) ?? HEALTHY)) }
}

function withTurn(groups: HaState['groups'], { group, current, weights }: RoutingTurn, ca: string): HaState['groups'] {
  const before = entry(groups, group) ?? UNROUTED
  const routing: Routing = { last: ca, current, weights, recent: [...before.recent, ca].slice(-RECENT) }
  return withEntry(groups, group, routing)
}

/** A CA that returns is not owed the turns that it missed: its current weight starts from 0. */
function withoutCredit(state: HaState, ca: string): HaState {
  const groups = Object.entries(state.groups)
    .filter(([, routing]) => (entry(routing.current, ca) ?? 0) !== 0)
    .map(([name, routing]) => [name, { ...routing, current: withEntry(routing.current, ca, 0) }] as const)
  return groups.length === 0 ? state : { ...state, groups: withEntries(state.groups, groups) }
}
