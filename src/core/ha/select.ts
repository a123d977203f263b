/**
 * Selection of the CA of a group that serves next.
 * Invariants: a CA that is open, overridden, of weight 0 or already tried is never chosen; the same state and settings give the same choice.
 */
import { entry, type Table } from '../base/record.js'
import { type Instant, secondsBetween } from '../base/time.js'
import { healthAt, healthOf, overrideAt } from './breaker.js'
import { relevantLatency, UNMEASURED_MS } from './latency.js'
import type { BreakerSettings, GroupSettings } from './settings.js'
import { type HaState, type Latency, type Routing, type RoutingTurn, UNROUTED } from './state.js'

/** A member of a group, with the reason for which it cannot serve. */
export interface Candidate {
  readonly ca: string
  /** Null if it can serve. */
  readonly why: string | null
}

export interface Choice {
  readonly ca: string
  readonly turn: RoutingTurn
}

/** Share of the last CA's time at which latency-based routing changes to a faster one. */
const BETTER = 0.8

/** Returns every member in the order of the group. `tried` are those that this request has tried already. */
export function candidates(
  state: HaState,
  group: GroupSettings,
  tried: readonly string[],
  now: Instant,
  settings: BreakerSettings,
): readonly Candidate[] {
  return group.caIds.map((ca) => ({
    ca,
    why: tried.includes(ca) ? 'already tried' : exclusionReason(state, group, ca, now, settings),
  }))
}

function exclusionReason(
  state: HaState,
  group: GroupSettings,
  ca: string,
  now: Instant,
  settings: BreakerSettings,
): string | null {
  const health = healthOf(state, ca)
  const override = overrideAt(health, now)
  if (override !== null) return `${override.mode === 'drain' ? 'drained' : 'in maintenance'}: ${override.reason}`
  const current = healthAt(health, now, settings)
  if (current === 'recovering') return 'being probed'
  if (current === 'circuit-open')
    return health.openUntil === null ? 'open until the operator resumes it' : `open until ${health.openUntil}`
  return group.strategy === 'weighted' && weightOf(group, ca) === 0 ? 'weight 0' : null
}

/** Returns the weight of a CA in a group: 1 where none is set. */
export function weightOf(group: GroupSettings, ca: string): number {
  return entry(group.weights, ca) ?? 1
}

/** Returns the next one of `eligible`, which is in the group's order; undefined when that is empty. `probed` are the averages of probes. */
export function choose(
  state: HaState,
  group: GroupSettings,
  eligible: readonly string[],
  probed: Table<Latency>,
): Choice | undefined {
  const routing = entry(state.groups, group.name) ?? UNROUTED
  const [first] = eligible
  if (first === undefined) return undefined
  const kept: RoutingTurn = { group: group.name, current: routing.current, weights: routing.weights }
  switch (group.strategy) {
    case 'active-passive': {
      const stays = group.failback === 'manual' && routing.last !== null && eligible.includes(routing.last)
      return { ca: stays && routing.last !== null ? routing.last : first, turn: kept }
    }
    case 'round-robin':
      return { ca: nextOf(group.caIds, eligible, routing.last) ?? first, turn: kept }
    case 'weighted':
      return smooth(routing, group, eligible, first)
    case 'latency-based':
      return { ca: fastest(state, eligible, probed, routing.last) ?? first, turn: kept }
  }
}

/** Returns the first eligible one behind `last` in the ring: the last id is kept and not a counter, which would skew when the eligible ones change. */
function nextOf(ring: readonly string[], eligible: readonly string[], last: string | null): string | undefined {
  const at = last === null ? -1 : ring.indexOf(last)
  return [...ring.slice(at + 1), ...ring.slice(0, at + 1)].find((ca) => eligible.includes(ca))
}

/** Smooth weighted round-robin: each CA gains its weight, the one with the most serves and loses what all gained. After a change of weights it starts from 0. */
function smooth(routing: Routing, group: GroupSettings, eligible: readonly string[], first: string): Choice {
  const weights = Object.fromEntries(group.caIds.map((ca) => [ca, weightOf(group, ca)]))
  const isSame = group.caIds.every((ca) => entry(routing.weights, ca) === weights[ca])
  const current = new Map(group.caIds.map((ca) => [ca, isSame ? (entry(routing.current, ca) ?? 0) : 0]))
  let [best, total] = [first, 0]
  for (const ca of eligible) {
    total += weightOf(group, ca)
    current.set(ca, (current.get(ca) ?? 0) + weightOf(group, ca))
    if ((current.get(ca) ?? 0) > (current.get(best) ?? 0)) best = ca
  }
  current.set(best, (current.get(best) ?? 0) - total)
  return { ca: best, turn: { group: group.name, current: Object.fromEntries(current), weights } }
}

/** Returns the milliseconds that a CA is expected to take: by its real requests, by its probes where those are old or missing, else a second. */
export function expectedMs(state: HaState, ca: string, probed: Table<Latency>): number {
  return relevantLatency(healthOf(state, ca).latency, entry(probed, ca))?.ms ?? UNMEASURED_MS
}

function fastest(
  state: HaState,
  eligible: readonly string[],
  probed: Table<Latency>,
  incumbent: string | null,
): string | undefined {
  const ms = (ca: string): number => expectedMs(state, ca, probed)
  const [best] = [...eligible].sort((a, b) => ms(a) - ms(b))
  if (best === undefined || incumbent === null || !eligible.includes(incumbent)) return best
  return ms(best) <= BETTER * ms(incumbent) ? best : incumbent
}

/** Returns the seconds until the first open circuit or override of a group ends by itself; 60 where none does. */
export function secondsUntilServed({ cas }: HaState, { caIds }: GroupSettings, now: Instant): number {
  const ends = caIds.flatMap((ca) => {
    const health = entry(cas, ca)
    return [health?.openUntil ?? null, health?.override?.until ?? null].filter((end) => end !== null)
  })
  const seconds = ends.map((end) => secondsBetween(now, end)).filter((n) => n > 0)
  return seconds.length === 0 ? 60 : Math.min(...seconds)
}
