/** Replay: facts applied to the state. Total and pure; needs no settings, since the facts hold what followed from them. */
import { entry, withEntries, withEntry, withoutEntry } from '../base/record.js'
import type { AttemptFinished, AttemptStarted, HaEvent, HealthChanged } from './events.js'
import { type CaHealth, type HaState, HEALTHY, type Routing, UNROUTED } from './state.js'

/** Selections that `ha status` shows the shares of. */
const RECENT = 100

/** The state after `event`. */
export function evolveHa(state: HaState, event: HaEvent): HaState {
  switch (event.type) {
    case 'attempt.started':
      return started(state, event)
    case 'attempt.finished':
      return finished(state, event)
    case 'health.changed':
      return changed(state, event)
    case 'lease.expired':
      return withCa(state, event.ca, (ca) => ({ ...ca, health: 'circuit-open', lease: null }))
    case 'override.set': {
      const { mode, reason, since, until } = event
      return withCa(state, event.ca, (ca) => ({ ...ca, override: { mode, reason, since, until } }))
    }
    case 'override.ended':
      return withCa(state, event.ca, (ca) => ({ ...ca, override: null }))
  }
}

function withCa(state: HaState, ca: string, change: (before: CaHealth) => CaHealth): HaState {
  return { ...state, cas: withEntry(state.cas, ca, change(entry(state.cas, ca) ?? HEALTHY)) }
}

function started(state: HaState, event: AttemptStarted): HaState {
  const { attempt, ca, purpose, owner, at, deadline, turn } = event
  const open = { ca, group: turn?.group ?? null, purpose, owner, since: at, deadline }
  const next = { ...state, attempts: withEntry(state.attempts, attempt, open) }
  if (event.lease)
    return withCa(next, ca, (before) => ({
      ...before,
      health: 'recovering',
      lease: { attempt, owner, since: at, expires: deadline },
    }))
  if (turn === null) return next
  const before = entry(state.groups, turn.group) ?? UNROUTED
  const recent = [...before.recent, ca].slice(-RECENT)
  const routing: Routing = { last: ca, current: turn.current, weights: turn.weights, recent }
  return { ...next, groups: withEntry(state.groups, turn.group, routing) }
}

function finished(state: HaState, event: AttemptFinished): HaState {
  const { ca, attempt, outcome, failures, failure, latency, at } = event
  const counts = entry(state.totals, ca) ?? {}
  const total = (entry(counts, outcome) ?? 0) + 1
  const next = {
    ...state,
    attempts: attempt === null ? state.attempts : withoutEntry(state.attempts, attempt),
    totals: withEntry(state.totals, ca, withEntry(counts, outcome, total)),
  }
  return withCa(next, ca, (before) => ({
    ...before,
    failures: failures ?? before.failures,
    lastFailure: failures === null || failures === 0 ? before.lastFailure : (failure ?? before.lastFailure),
    lastSuccess: outcome === 'ok' ? at : before.lastSuccess,
    latency: latency ?? before.latency,
  }))
}

function changed(state: HaState, { ca, to, openUntil, level, at }: HealthChanged): HaState {
  // nothing dwells in unhealthy: the fact that opens the circuit follows in the same commit
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
  return to === 'healthy' ? rejoined(next, ca) : next
}

/** A CA that comes back gets no arrears: its current weight starts from nothing. */
function rejoined(state: HaState, ca: string): HaState {
  const groups = Object.entries(state.groups)
    .filter(([, routing]) => (entry(routing.current, ca) ?? 0) !== 0)
    .map(([name, routing]) => [name, { ...routing, current: withEntry(routing.current, ca, 0) }] as const)
  return groups.length === 0 ? state : { ...state, groups: withEntries(state.groups, groups) }
}
