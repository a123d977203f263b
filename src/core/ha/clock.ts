/**
 * The clock of the groups is reset: breakers, overrides and measurements of a time that is still to come get the present.
 * Invariant: leases and requests of that time end as those of processes that died (`elapsed.ts`, which runs first).
 */
import { mapEntries } from '../base/record.js'
import { isTime } from '../base/shape.js'
import { addSeconds, earlier, type Instant, secondsBetween } from '../base/time.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { HaPorts } from './ports.js'
import type { CaHealth, HaState, Override } from './state.js'

const event = eventsOn<HaState>()

export const clockEvents = {
  'clock.reset': event({ at: isTime }, (state, { at }) => ({
    ...state,
    cas: mapEntries(state.cas, (ca) => healthBefore(ca, at)),
  })),
}

function healthBefore(ca: CaHealth, at: Instant): CaHealth {
  const { lastFailure, lastSuccess, override, latency } = ca
  return {
    ...ca,
    ...(ca.openedAt !== null && ca.openedAt > at ? circuitAt(ca, at) : {}),
    lastFailure: lastFailure === null ? null : { ...lastFailure, at: earlier(lastFailure.at, at) },
    lastSuccess: lastSuccess === null ? null : earlier(lastSuccess, at),
    latency: latency === null ? null : { ...latency, at: earlier(latency.at, at) },
    override: override === null ? null : overrideBefore(override, at),
  }
}

/**
 * Returns the circuit as one that may be probed at once, without backoff: with a wrong clock the certificates of a working CA look expired.
 * One that waits for the operator goes on waiting.
 */
function circuitAt({ openUntil }: CaHealth, at: Instant): Pick<CaHealth, 'openedAt' | 'openUntil' | 'level'> {
  return { openedAt: at, openUntil: openUntil === null ? null : at, level: 0 }
}

function overrideBefore(override: Override, at: Instant): Override {
  const { since, until } = override
  if (since <= at) return override
  return { ...override, since: at, until: until === null ? null : addSeconds(at, secondsBetween(since, until)) }
}

const command = commandsOn<HaState, EventOf<typeof clockEvents>, HaPorts>()

export const clockCommands = {
  'clock.reset': command({
    check: () => [],
    decide: (_, __, { clock }) => [{ type: 'clock.reset', at: clock.now() }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
}

/** Returns one line for each lease, circuit and override of a time after `now`. */
export function haFuture({ cas, attempts }: HaState, now: Instant): readonly string[] {
  return [
    ...Object.values(attempts).flatMap(({ ca, since }) => (since > now ? [`request to ${ca} of ${since}`] : [])),
    ...Object.entries(cas).flatMap(([ca, { openedAt, lease, override }]) => [
      ...(openedAt !== null && openedAt > now ? [`circuit of ${ca}, opened at ${openedAt}`] : []),
      ...(lease !== null && lease.since > now ? [`lease to probe ${ca} of ${lease.since}`] : []),
      ...(override !== null && override.since > now ? [`${override.mode} of ${ca} of ${override.since}`] : []),
    ]),
  ]
}
