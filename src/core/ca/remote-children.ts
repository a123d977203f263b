/** Children that send RFC 6492 messages: who they are, and when they were heard. */
import { toBase64 } from '../base/bytes.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntry } from '../base/record.js'
import { isKeyId, isName, isText, isTime } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { idKey } from '../identity/id-keys.js'
import { unknownChild } from '../issuing/child-checks.js'
import type { Child } from '../issuing/children.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { CaState } from './state/state.js'

const event = eventsOn<CaState>()

const onChild = (state: CaState, name: Handle, change: (child: Child) => Child): CaState => {
  const found = entry(state.children, name)
  return found === undefined ? state : { ...state, children: withEntry(state.children, name, change(found)) }
}

export const remoteChildEvents = {
  /** The ID certificate that verifies its messages, and our ID key that it was given. */
  'child.contacted': event(
    { child: isName, peer: isText, id: isKeyId, 'idUntil?': isTime, 'since?': isTime },
    (state, { child: name, peer, id, idUntil, since }) =>
      onChild(state, name, ({ idUntil: _, ...child }) => ({
        ...child,
        ...{ transport: 'rfc6492', peer, id },
        ...(idUntil === undefined ? {} : { idUntil }),
        ...(since === undefined ? {} : { since }),
      })),
  ),
  /** A message with this signing time changed something. */
  'child.heard': event({ child: isName, signedAt: isTime }, (state, { child: name, signedAt }) =>
    onChild(state, name, (child) => ({ ...child, signedAt })),
  ),
}

interface ChildContact {
  readonly child: Handle
  /** DER of its ID certificate. */
  readonly peer: Uint8Array
  readonly id: KeyId
  /** End of the certificate of that key which it holds; left out: of the first one. */
  readonly idUntil?: Instant
}

const command = commandsOn<CaState, EventOf<typeof remoteChildEvents>, IssuingPorts>()

export const remoteChildCommands = {
  'child.contact': command<ChildContact>({
    check: (state, { child, id }) => {
      if (entry(state.children, child) === undefined) return [unknownChild(child)]
      if (idKey(state, id) !== undefined) return []
      return [{ code: 'id-unknown', message: `${state.handle} has no ID key ${id}` }]
    },
    decide: ({ children }, { child, peer, id, idUntil }, { clock }) => {
      const known = entry(children, child)
      const isSame = known?.peer === toBase64(peer)
      if (isSame && known.id === id && known.idUntil === idUntil) return []
      const until = idUntil === undefined ? {} : { idUntil }
      const since = isSame ? {} : { since: clock.now() }
      return [{ type: 'child.contacted', child, peer: toBase64(peer), id, ...until, ...since }]
    },
    publishesOnly: false,
    summarize: ({ child, id }) => ({ child, id }),
  }),
  /** Records the signing time of a message, in the commit of what it changes. */
  'child.hear': command<{ readonly child: Handle; readonly signedAt: Instant }>({
    check: ({ children }, { child }) => (entry(children, child) === undefined ? [unknownChild(child)] : []),
    decide: ({ children }, { child, signedAt }) =>
      entry(children, child)?.signedAt === signedAt ? [] : [{ type: 'child.heard', child, signedAt }],
    publishesOnly: false,
    summarize: ({ child, signedAt }) => ({ child, signedAt }),
  }),
}
