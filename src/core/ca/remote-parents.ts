/** Parents that are reached by RFC 6492 messages: their contact, and their removal. `parent-lists.ts` has what they list. */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { canonicalJson } from '../base/json.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import { isName } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { idKey } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { ClassEvent } from './classes.js'
import { removal, unknownParent } from './parent-lists.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { isRemoteParent, type RemoteParent } from './state/contacts.js'
import type { CaState } from './state/state.js'

const event = eventsOn<CaState>()

export const remoteParentEvents = {
  /** A parent that was added, or another contact of one that exists. */
  'parent.contacted': event({ parent: isName, contact: isRemoteParent }, (state, { parent, contact }) => ({
    ...state,
    parents: withEntry(state.parents, parent, contact),
  })),
  'parent.removed': event({ parent: isName }, (state, { parent }) => ({
    ...state,
    parents: withoutEntry(state.parents, parent),
  })),
}
type RemoteParentEvent = EventOf<typeof remoteParentEvents>
type Emitted = RemoteParentEvent | ClassEvent | PublishingEvent

const command = commandsOn<CaState, Emitted, IssuingPorts>()

export const remoteParentCommands = {
  'parent.contact': command<{ readonly parent: Handle; readonly contact: RemoteParent }>({
    check: checkContact,
    decide: ({ parents }, { parent, contact }) =>
      canonicalJson(entry(parents, parent) ?? null) === canonicalJson(contact)
        ? []
        : [{ type: 'parent.contacted', parent, contact }],
    publishesOnly: false,
    summarize: ({ parent, contact: { contact, childName, parentName } }) => ({
      ...{ parent, childName, parentName, serviceUri: contact.serviceUri, id: contact.id },
      ...(contact.tlsInsecure === true ? { tlsInsecure: true } : {}),
      ...(contact.acceptStaleCrl === true ? { acceptStaleCrl: true } : {}),
    }),
  }),
  'parent.remove': command<{ readonly parent: Handle }>({
    check: ({ parents }, { parent }) => (entry(parents, parent) === undefined ? [unknownParent(parent)] : []),
    // what another class holds too is issued there
    decide: (state, { parent }, ports) => {
      const own = Object.values(state.classes).filter((c) => c.parent === parent)
      const events: readonly Emitted[] = [...own.map(removal), { type: 'parent.removed', parent }]
      return reconciled(events, ports)
    },
    publishesOnly: false,
    summarize: ({ parent }) => ({ parent }),
  }),
}

function checkContact(
  state: CaState,
  { parent, contact }: { readonly parent: Handle; readonly contact: RemoteParent },
): readonly Violation[] {
  const found = entry(state.parents, parent)
  if (found !== undefined && found.transport === 'local')
    return [{ code: 'parent-duplicate', message: `parent ${parent} already exists, in this data directory` }]
  if (idKey(state, contact.contact.id) === undefined)
    return [{ code: 'id-unknown', message: `${state.handle} has no ID key ${contact.contact.id}` }]
  const twin = Object.entries(state.parents).find(
    ([name, p]) =>
      name !== parent &&
      p.transport === 'rfc6492' &&
      p.contact.serviceUri === contact.contact.serviceUri &&
      p.parentName === contact.parentName &&
      p.childName === contact.childName,
  )
  if (twin === undefined) return []
  return [{ code: 'parent-twin', message: `parent ${twin[0]} is this parent already, under the same child handle` }]
}
