/**
 * ID keys of a CA, the peers that know each of them, and the one of the newest request for parents and for repositories.
 * A response of RFC 8183 does not say which request it answers, and may come after another ID key was made.
 */
import type { Handle } from '../base/handle.js'
import { entry, withoutEntry } from '../base/record.js'
import { isKeyId, isOneOf, isText, isTime } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import {
  heldUntil,
  type IdHolder,
  type IdKey,
  idCommandsOn,
  idEventsOn,
  idKey,
  newestId,
  untilToRecord,
} from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { PLACES, remoteAt } from './state/places.js'
import type { CaState, OfferedTo } from './state/state.js'

const event = eventsOn<CaState>()

export const idEvents = {
  ...idEventsOn<CaState>(),
  /** A request for peers of this kind, or for this parent, was written with this key. */
  'id.offered': event(
    { ski: isKeyId, to: isOneOf<OfferedTo>('parents', 'repositories'), 'parent?': isText, 'until?': isTime },
    (state, { ski, to, parent, until }) => {
      const after =
        parent === undefined
          ? { ...state, offered: { ...state.offered, [to]: ski } }
          : { ...state, offeredTo: { ...state.offeredTo, [parent]: ski } }
      const requested = requestName(to, parent)
      if (until === undefined && entry(state.offeredUntil ?? {}, requested) === undefined) return after
      return {
        ...after,
        offeredUntil: {
          ...withoutEntry(state.offeredUntil ?? {}, requested),
          ...(until === undefined ? {} : { [requested]: until }),
        },
      }
    },
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
      const id = newestId(state)
      if (id === undefined) return []
      const before = parent === undefined ? state.offered?.[to] : entry(state.offeredTo ?? {}, parent)
      const { idUntil: until } = untilToRecord(id)
      if (before === id.ski && offeredUntil(state, to, parent) === until) return []
      const of = { ...(parent === undefined ? {} : { parent }), ...(until === undefined ? {} : { until }) }
      return [{ type: 'id.offered', ski: id.ski, to, ...of }]
    },
    publishesOnly: false,
    summarize: ({ to, parent }) => ({ to, ...(parent === undefined ? {} : { parent }) }),
  }),
}

/** Returns the name of a request in the table of ends: no handle of a parent has a slash at its beginning. */
function requestName(to: OfferedTo, parent?: string): string {
  return parent === undefined ? `/${to}` : parent
}

/** Returns when the certificate in the newest request ends; undefined: it is the first one of its key. */
export function offeredUntil(state: CaState, to: OfferedTo, parent?: Handle): Instant | undefined {
  return entry(state.offeredUntil ?? {}, requestName(to, parent))
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

/** Returns the peers toward which an ID key is used, and until when the certificate of it is valid that each of them holds. */
export function peersThatKnow(state: CaState, ski: KeyId): readonly IdHolder[] {
  const id = idKey(state, ski)
  if (id === undefined) return []
  const { parents, children } = state
  const users: IdHolder[] = []
  for (const [name, p] of Object.entries(parents))
    if (p.transport === 'rfc6492' && p.contact.id === ski)
      users.push({ kind: 'parent', name: name as Handle, until: heldUntil(id, p.contact.idUntil) })
  const repositories = PLACES.flatMap((place) => {
    const contact = remoteAt(state, place)?.contact
    return contact?.id === ski ? [heldUntil(id, contact.idUntil)] : []
  })
  const [until] = repositories.sort()
  if (until !== undefined) users.push({ kind: 'repository', name: null, until })
  for (const [name, child] of Object.entries(children))
    if (child.transport === 'rfc6492' && child.id === ski)
      users.push({ kind: 'child', name: name as Handle, until: heldUntil(id, child.idUntil) })
  return users
}
