/** Publishers that send RFC 8181 messages: who they are, when they were heard, and the ID keys of the server. */
import { toBase64 } from '../base/bytes.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry } from '../base/record.js'
import { isKeyId, isName, isText, isTime } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { type IdUser, idCommandsOn, idEventsOn, idKey } from '../identity/id-keys.js'
import type { PubdPorts } from './ports.js'
import { unknownPublisher } from './publications.js'
import type { PubdState, Publisher } from './state.js'

const event = eventsOn<PubdState>()

const onPublisher = (state: PubdState, name: Handle, change: (publisher: Publisher) => Publisher): PubdState => {
  const found = entry(state.publishers, name)
  return found === undefined ? state : { ...state, publishers: withEntry(state.publishers, name, change(found)) }
}

export const remotePublisherEvents = {
  ...idEventsOn<PubdState>(),
  /** The ID certificate that verifies its messages, and our ID key that it was given. */
  'publisher.contacted': event(
    { publisher: isName, peer: isText, id: isKeyId },
    (state, { publisher: name, peer, id }) =>
      onPublisher(state, name, (publisher) => ({ ...publisher, remote: { ...publisher.remote, peer, id } })),
  ),
  /** A message with this signing time changed something. */
  'publisher.heard': event({ publisher: isName, signedAt: isTime }, (state, { publisher: name, signedAt }) =>
    onPublisher(state, name, (publisher) =>
      publisher.remote === undefined ? publisher : { ...publisher, remote: { ...publisher.remote, signedAt } },
    ),
  ),
}

interface PublisherContact {
  readonly publisher: Handle
  /** DER of its ID certificate. */
  readonly peer: Uint8Array
  readonly id: KeyId
}

const command = commandsOn<PubdState, EventOf<typeof remotePublisherEvents>, PubdPorts>()

export const remotePublisherCommands = {
  ...idCommandsOn<PubdState, PubdPorts>(publishersThatKnow),
  'publisher.contact': command<PublisherContact>({
    check: (state, { publisher, id }) => {
      if (entry(state.publishers, publisher) === undefined) return [unknownPublisher(publisher)]
      if (idKey(state, id) !== undefined) return []
      return [{ code: 'id-unknown', message: `the publication server has no ID key ${id}` }]
    },
    decide: ({ publishers }, { publisher, peer, id }) => {
      const known = entry(publishers, publisher)?.remote
      if (known?.peer === toBase64(peer) && known.id === id) return []
      return [{ type: 'publisher.contacted', publisher, peer: toBase64(peer), id }]
    },
    publishesOnly: false,
    summarize: ({ publisher, id }) => ({ publisher, id }),
  }),
  /** Records the signing time of a message, in the commit of what it changes. */
  'publisher.hear': command<{ readonly publisher: Handle; readonly signedAt: Instant }>({
    check: ({ publishers }, { publisher }) =>
      entry(publishers, publisher) === undefined ? [unknownPublisher(publisher)] : [],
    decide: ({ publishers }, { publisher, signedAt }) =>
      entry(publishers, publisher)?.remote?.signedAt === signedAt
        ? []
        : [{ type: 'publisher.heard', publisher, signedAt }],
    publishesOnly: true,
    summarize: ({ publisher, signedAt }) => ({ publisher, signedAt }),
  }),
}

/** Returns the publishers that were given an ID key of the server. */
export function publishersThatKnow({ publishers }: PubdState, ski: KeyId): readonly IdUser[] {
  return Object.entries(publishers)
    .filter(([, { remote }]) => remote?.id === ski)
    .map(([name]) => ({ kind: 'publisher', name: name as Handle }))
}
