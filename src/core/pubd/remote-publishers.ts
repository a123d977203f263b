/** Publishers that send RFC 8181 messages: who they are, when they were heard, and the ID keys of the server. */
import { toBase64 } from '../base/bytes.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry } from '../base/record.js'
import { type Check, isKeyId, isName, isText, isTime, listOf, objectOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { heldUntil, type IdHolder, idCommandsOn, idEventsOn, idKey } from '../identity/id-keys.js'
import type { ObjectPut, PublisherChange } from './content.js'
import type { PubdPorts } from './ports.js'
import { checkChange, checkPublication, type Published, publication, unknownPublisher } from './publications.js'
import { stagedAfter, staging } from './staged.js'
import { type PubdState, type Publisher, REF } from './state.js'

const event = eventsOn<PubdState>()

interface StagedChange {
  readonly put: readonly ObjectPut[]
  readonly drop: readonly string[]
}

const isStagedChange: Check<StagedChange> = objectOf<StagedChange>({
  put: listOf(objectOf<ObjectPut>({ ...REF, name: isText })),
  drop: listOf(isText),
})

const onPublisher = (state: PubdState, name: Handle, change: (publisher: Publisher) => Publisher): PubdState => {
  const found = entry(state.publishers, name)
  return found === undefined ? state : { ...state, publishers: withEntry(state.publishers, name, change(found)) }
}

export const remotePublisherEvents = {
  ...idEventsOn<PubdState>(),
  /** The ID certificate that verifies its messages, and our ID key that it was given. */
  'publisher.contacted': event(
    { publisher: isName, peer: isText, id: isKeyId, 'idUntil?': isTime, 'since?': isTime },
    (state, { publisher: name, peer, id, idUntil, since }) =>
      onPublisher(state, name, (publisher) => {
        const { idUntil: _, ...remote } = publisher.remote ?? {}
        const until = idUntil === undefined ? {} : { idUntil }
        return { ...publisher, remote: { ...remote, peer, id, ...until, ...(since === undefined ? {} : { since }) } }
      }),
  ),
  /** A message with this signing time changed something; `staged` waits for the next RRDP delta. */
  'publisher.heard': event(
    { publisher: isName, signedAt: isTime, 'staged?': isStagedChange },
    (state, { publisher: name, signedAt, staged }) =>
      onPublisher(state, name, (publisher) => {
        if (publisher.remote === undefined) return publisher
        const heard = { ...publisher, remote: { ...publisher.remote, signedAt } }
        return staged === undefined ? heard : staging(heard, stagedAfter(publisher, staged))
      }),
  ),
}

interface PublisherContact {
  readonly publisher: Handle
  /** DER of its ID certificate. */
  readonly peer: Uint8Array
  readonly id: KeyId
  /** End of the certificate of that key which it holds; left out: of the first one. */
  readonly idUntil?: Instant
}

interface HeardMessage {
  readonly publisher: Handle
  readonly signedAt: Instant
  /** Changes of the message, if they wait for the next RRDP delta. */
  readonly staged?: StagedChange
}

interface Purge {
  readonly uri: string
  readonly changes: readonly PublisherChange[]
}

type Heard = EventOf<typeof remotePublisherEvents>

const command = commandsOn<PubdState, Heard | Published, PubdPorts>()

export const remotePublisherCommands = {
  ...idCommandsOn<PubdState, PubdPorts>(publishersThatKnow),
  'publisher.contact': command<PublisherContact>({
    check: (state, { publisher, id }) => {
      if (entry(state.publishers, publisher) === undefined) return [unknownPublisher(publisher)]
      if (idKey(state, id) !== undefined) return []
      return [{ code: 'id-unknown', message: `the publication server has no ID key ${id}` }]
    },
    decide: ({ publishers }, { publisher, peer, id, idUntil }, { clock }) => {
      const known = entry(publishers, publisher)?.remote
      const isSame = known?.peer === toBase64(peer)
      if (isSame && known.id === id && known.idUntil === idUntil) return []
      const until = idUntil === undefined ? {} : { idUntil }
      const since = isSame ? {} : { since: clock.now() }
      return [{ type: 'publisher.contacted', publisher, peer: toBase64(peer), id, ...until, ...since }]
    },
    publishesOnly: false,
    summarize: ({ publisher, id }) => ({ publisher, id }),
  }),
  /** Records the signing time of a message, in the commit of what it changes. */
  'publisher.hear': command<HeardMessage>({
    check: ({ publishers }, { publisher, staged }) => {
      const known = entry(publishers, publisher)
      if (known === undefined) return [unknownPublisher(publisher)]
      return staged === undefined ? [] : checkChange(known, { publisher, ...staged })
    },
    decide: ({ publishers }, { publisher, signedAt, staged }) => {
      if (staged !== undefined) return [{ type: 'publisher.heard', publisher, signedAt, staged }]
      const isKnown = entry(publishers, publisher)?.remote?.signedAt === signedAt
      return isKnown ? [] : [{ type: 'publisher.heard', publisher, signedAt }]
    },
    publishesOnly: true,
    summarize: ({ publisher, signedAt, staged }) => ({
      publisher,
      signedAt,
      ...(staged === undefined ? {} : { staged: { put: staged.put.length, drop: staged.drop.length } }),
    }),
  }),
  /** Withdraws what the operator names by `uri`, with what its publishers have staged. */
  'objects.purge': command<Purge>({
    check: checkPublication,
    decide: (state, { changes }, ports) => [...publication(state, changes, ports), ...unstaged(state, changes)],
    publishesOnly: false,
    summarize: ({ uri, changes }) => ({
      uri,
      changes: changes.map(({ publisher, drop }) => ({ publisher, drop: drop.length })),
    }),
  }),
}

/** Returns the events that take back objects that were staged and never published: no delta has them. */
function unstaged({ publishers }: PubdState, changes: readonly PublisherChange[]): readonly Heard[] {
  return changes.flatMap(({ publisher, put, drop }): readonly Heard[] => {
    const known = entry(publishers, publisher)
    const { signedAt } = known?.remote ?? {}
    if (known?.staged === undefined || signedAt === undefined) return []
    if (stagedAfter(known, { put, drop }) !== undefined) return []
    return [{ type: 'publisher.heard', publisher, signedAt, staged: { put, drop } }]
  })
}

/** Returns the publishers that were given an ID key of the server, and until when the certificate of it is valid that each of them holds. */
export function publishersThatKnow(state: PubdState, ski: KeyId): readonly IdHolder[] {
  const id = idKey(state, ski)
  if (id === undefined) return []
  return Object.entries(state.publishers).flatMap(([name, { remote }]): readonly IdHolder[] =>
    remote?.id === ski ? [{ kind: 'publisher', name: name as Handle, until: heldUntil(id, remote.idUntil) }] : [],
  )
}
