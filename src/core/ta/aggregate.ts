/** The embedded trust anchor as an aggregate: a self-signed certificate over all resources, children below it, its own manifest and CRL. */
import type { Json } from '../base/json.js'
import { sortedEntries } from '../base/record.js'
import { type CommandOf, declare, type EventOf, joined } from '../eventsourcing/declare.js'
import type { Aggregate } from '../eventsourcing/types.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { childCommands, childEvents } from './children.js'
import { clockCommands, clockEvents } from './clock.js'
import { lifecycleCommands, lifecycleEvents } from './lifecycle.js'
import { publishingCommands, publishingEvents } from './publishing.js'
import { initialTa, type TaState } from './state.js'

const events = joined(lifecycleEvents, childEvents, publishingEvents, clockEvents)
const commands = joined(lifecycleCommands, childCommands, publishingCommands, clockCommands)

/** STORED. Types and members are never renamed: a new shape is a new type. */
export type TaEvent = EventOf<typeof events>
export type TaCommand = CommandOf<typeof commands>
export type TaAggregate = Aggregate<TaState, TaCommand, TaEvent, IssuingPorts>

export const ta: TaAggregate = declare<TaState, TaCommand, TaEvent, IssuingPorts>({
  kind: 'ta',
  initial: initialTa,
  events,
  commands,
  precondition: ({ status, handle }, { type }) =>
    status === 'active' || type === 'ta.init' || type === 'clock.reset'
      ? []
      : [{ code: 'ta-unknown', message: `there is no trust anchor ${handle}` }],
  logical,
})

/** Names and resources: what two machines that ran the same commands share. */
function logical(state: TaState): Json {
  return {
    handle: state.handle,
    status: state.status,
    place:
      state.place === null ? null : { uris: [...state.place.uris], base: state.place.base, notify: state.place.notify },
    children: sortedEntries(state.children).map(([name, c]) => [
      name,
      { ...c.resources },
      Object.keys(c.issued).length,
    ]),
  }
}
