/**
 * ID keys of a CA, the peers that know each of them, and the one of the newest request for parents and for repositories.
 * A response of RFC 8183 does not say which request it answers, and may come after another ID key was made.
 */
import type { Handle } from '../base/handle.js'
import { entry } from '../base/record.js'
import { isKeyId, isOneOf, isText } from '../base/shape.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { type IdKey, type IdUser, idCommandsOn, idEventsOn, idKey, newestId } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { PLACES, remoteAt } from './places.js'
import type { CaState, OfferedTo } from './state.js'

const event = eventsOn<CaState>()

export const idEvents = {
  ...idEventsOn<CaState>(),
  /** A request for peers of this kind, or for this parent, was written with this key. */
  'id.offered': event(
    { ski: isKeyId, to: isOneOf<OfferedTo>('parents', 'repositories'), 'parent?': isText },
    (state, { ski, to, parent }) =>
      parent === undefined
        ? { ...state, offered: { ...state.offered, [to]: ski } }
        : { ...state, offeredTo: { ...state.offeredTo, [parent]: ski } },
  ),
}

const command = commandsOn<CaState, EventOf<typeof idEvents>, IssuingPorts>()

export const idCommands = {
  ...idCommandsOn<CaState, IssuingPorts>(peersThatKnow),
  /** Records that a request was written with the newest ID key; a repetition is a no-op. */
  'id.offer': command<{ readonly to: OfferedTo; readonly parent?: Handle }>({
    check: (state) =>
      newestId(state) === undefined ? [{ code: 'id-none', message: `${state.handle} has no ID key` }] : [],
    decide: (state, { to, parent }) => {
      const ski = newestId(state)?.ski
      const before = parent === undefined ? state.offered?.[to] : entry(state.offeredTo ?? {}, parent)
      const of = parent === undefined ? {} : { parent }
      return ski === undefined || before === ski ? [] : [{ type: 'id.offered', ski, to, ...of }]
    },
    publishesOnly: false,
    summarize: ({ to, parent }) => ({ to, ...(parent === undefined ? {} : { parent }) }),
  }),
}

/** Returns the ID key of the newest request for this parent; undefined if none names it. */
export function offeredToParent({ offeredTo = {}, ...state }: CaState, parent: Handle): IdKey | undefined {
  const ski = entry(offeredTo, parent)
  return ski === undefined ? undefined : idKey(state, ski)
}

/** Returns the ID key of the newest request for peers of this kind; if none is recorded, the newest ID key. */
export function offeredId(state: CaState, to: OfferedTo): IdKey | undefined {
  const ski = state.offered?.[to]
  return (ski === undefined ? undefined : idKey(state, ski)) ?? newestId(state)
}

/** Returns the peers toward which an ID key is used. */
export function peersThatKnow(state: CaState, ski: KeyId): readonly IdUser[] {
  const { parents, children } = state
  const users: IdUser[] = []
  for (const [name, p] of Object.entries(parents))
    if (p.transport === 'rfc6492' && p.contact.id === ski) users.push({ kind: 'parent', name: name as Handle })
  if (PLACES.some((place) => remoteAt(state, place)?.contact.id === ski)) users.push({ kind: 'repository', name: null })
  for (const [name, child] of Object.entries(children))
    if (child.transport === 'rfc6492' && child.id === ski) users.push({ kind: 'child', name: name as Handle })
  return users
}
