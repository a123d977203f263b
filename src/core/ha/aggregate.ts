/**
 * High availability as an aggregate (kind `ha`, handle `0`): the circuit breakers of all CAs and the routing of all groups.
 * Invariant: a selection is a commit, so two processes never take the same turn and never hold the same lease.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { sortedEntries } from '../base/record.js'
import { type CommandOf, declare, joined } from '../eventsourcing/declare.js'
import type { Aggregate } from '../eventsourcing/types.js'
import { clockCommands } from './clock.js'
import { elapsed } from './elapsed.js'
import { enrolmentCommands } from './enrolments.js'
import { type HaEvent, haEvents } from './events.js'
import { overrideCommands } from './overrides.js'
import type { HaPorts } from './ports.js'
import { probeCommands } from './probes.js'
import { EMPTY_HA, type HaState } from './state.js'

/** The one aggregate of high availability of a data directory. */
export const HA_HANDLE: Handle = parseHandle('0')

const commands = joined(enrolmentCommands, probeCommands, overrideCommands, clockCommands)
export type HaCommand = CommandOf<typeof commands>

export const ha: Aggregate<HaState, HaCommand, HaEvent, HaPorts> = declare<HaState, HaCommand, HaEvent, HaPorts>({
  kind: 'ha',
  initial: () => EMPTY_HA,
  events: haEvents,
  commands,
  elapsed: (state, { clock, breaker }) => elapsed(state, clock.now(), breaker),
  logical,
})

/** Health and routing without times, averages and attempts. */
function logical(state: HaState): Json {
  const cas = sortedEntries(state.cas).map(([ca, { health, failures, level, override }]) => {
    return { ca, health, failures, level, override: override?.mode ?? null }
  })
  const groups = sortedEntries(state.groups).map(([group, { last, recent }]) => ({
    group,
    last,
    recent: recent.length,
  }))
  return { cas, groups }
}
