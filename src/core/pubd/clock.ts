/**
 * The clock of the publication server is reset: times that are still to come get the present.
 * Invariant: session and serial stay, and the next serial is one higher (RFC 8182 section 3.3.1).
 */
import { mapEntries } from '../base/record.js'
import { isTime } from '../base/shape.js'
import { earlier } from '../base/time.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { PubdPorts } from './ports.js'
import type { PubdState } from './state.js'

const event = eventsOn<PubdState>()

export const clockEvents = {
  'clock.reset': event({ at: isTime }, (state, { at }) => ({
    ...state,
    updatedAt: state.updatedAt === '' ? '' : earlier(state.updatedAt, at),
    deltas: state.deltas.map((delta) => ({ ...delta, at: earlier(delta.at, at) })),
    publishers: mapEntries(state.publishers, (publisher) => ({
      ...publisher,
      addedAt: earlier(publisher.addedAt, at),
      updatedAt: earlier(publisher.updatedAt, at),
    })),
  })),
}

const command = commandsOn<PubdState, EventOf<typeof clockEvents>, PubdPorts>()

export const clockCommands = {
  'clock.reset': command({
    check: () => [],
    decide: (_, __, { clock }) => [{ type: 'clock.reset', at: clock.now() }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
}
