/** The publication server as an aggregate (kind `pubd`, handle `0`): its tables of events and commands, and what two machines share of its state. */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { sortedEntries } from '../base/record.js'
import { type CommandOf, declare, type EventOf, joined } from '../eventsourcing/declare.js'
import type { Aggregate } from '../eventsourcing/types.js'
import { clockCommands, clockEvents } from './clock.js'
import type { PubdPorts } from './ports.js'
import { publicationCommands, publicationEvents } from './publications.js'
import { publisherCommands, publisherEvents } from './publishers.js'
import { remotePublisherCommands, remotePublisherEvents } from './remote-publishers.js'
import { serverCommands, serverEvents } from './server.js'
import { EMPTY_PUBD, type PubdState, type Publisher } from './state.js'

/** The one publication server of a data directory. */
export const PUBD_HANDLE: Handle = parseHandle('0')

const events = joined(serverEvents, publisherEvents, remotePublisherEvents, publicationEvents, clockEvents)
const commands = joined(serverCommands, publisherCommands, remotePublisherCommands, publicationCommands, clockCommands)

/** STORED. Types and members are never renamed: a new shape is a new type. */
export type PubdEvent = EventOf<typeof events>
export type PubdCommand = CommandOf<typeof commands>

export const pubd: Aggregate<PubdState, PubdCommand, PubdEvent, PubdPorts> = declare<
  PubdState,
  PubdCommand,
  PubdEvent,
  PubdPorts
>({
  kind: 'pubd',
  initial: () => EMPTY_PUBD,
  events,
  commands,
  precondition: ({ serial }, { type }) =>
    serial > 0 || type === 'pubserver.init' || type === 'clock.reset'
      ? []
      : [{ code: 'pubserver-not-initialised', message: 'the publication server is not set up' }],
  logical,
})

/** Names of objects hold key identifiers and their hashes hold serials, so two machines share only the number of each publisher's objects by extension. */
function logical(state: PubdState): Json {
  const publishers = sortedEntries(state.publishers).map(([handle, publisher]) => ({
    handle,
    base: publisher.base,
    objects: countByExtension(publisher),
  }))
  return { rsyncBase: state.rsyncBase, rrdpBase: state.rrdpBase, publishers }
}

function countByExtension(publisher: Publisher): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const name of Object.keys(publisher.objects)) {
    const dot = name.lastIndexOf('.')
    const extension = dot === -1 ? '' : name.slice(dot + 1)
    counts.set(extension, (counts.get(extension) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
