/** The repository of a CA on another server (RFC 8181): who it is, and what it has confirmed. */
import type { Violation } from '../base/errors.js'
import { canonicalJson } from '../base/json.js'
import { mapEntries } from '../base/record.js'
import { isFlag, isHash, isTime } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { idKey } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { isRemoteRepository, type RemoteRepository } from './state/contacts.js'
import { contentOf, PLACES, type Place, repositoryAt, syncedAt } from './state/places.js'
import type { CaState, ResourceClass } from './state/state.js'

const event = eventsOn<CaState>()

export const remoteRepositoryEvents = {
  /** A remote repository that was configured, or another contact of it or of the one that is left. */
  'repository.contacted': event({ repository: isRemoteRepository }, (state, { repository }) =>
    state.leaving?.repository.base === repository.base
      ? { ...state, leaving: { ...state.leaving, repository } }
      : { ...state, repository },
  ),
  /** The server has confirmed the content with this digest. */
  'repository.synced': event({ content: isHash, at: isTime, 'leaving?': isFlag }, (state, { content, at, leaving }) => {
    if (leaving === true)
      return state.leaving === undefined ? state : { ...state, leaving: { ...state.leaving, synced: { content, at } } }
    const synced = { ...state, synced: { content, at } }
    // relying parties can have a staged key from now on
    return content === contentOf(state)
      ? { ...synced, classes: mapEntries(state.classes, (own) => rollPublished(own, at)) }
      : synced
  }),
}

function rollPublished({ roll, ...own }: ResourceClass, at: Instant): ResourceClass {
  if (roll === undefined) return own
  return { ...own, roll: roll.publishedAt === null ? { ...roll, publishedAt: at } : roll }
}

const command = commandsOn<CaState, EventOf<typeof remoteRepositoryEvents>, IssuingPorts>()

export const remoteRepositoryCommands = {
  'repository.contact': command<{ readonly repository: RemoteRepository }>({
    check: checkContact,
    decide: (state, { repository }) =>
      PLACES.some((place) => canonicalJson(repositoryAt(state, place)) === canonicalJson(repository))
        ? []
        : [{ type: 'repository.contacted', repository }],
    publishesOnly: false,
    summarize: ({ repository: { contact, publisher, base, notify } }) => ({
      ...{ publisher, base, serviceUri: contact.serviceUri, id: contact.id },
      ...(notify === undefined ? {} : { notify }),
    }),
  }),
  /** `base`: of the repository that confirmed it; left out: the present one. Nothing is recorded for one that the CA has no more. */
  'repository.confirm': command<{ readonly content: Sha256; readonly base?: string }>({
    check: () => [],
    decide: (state, { content, base }, { clock }) => {
      const place = placeOf(state, base)
      if (place === undefined || syncedAt(state, place)?.content === content) return []
      const leaving = place === 'leaving' ? { leaving: true } : {}
      return [{ type: 'repository.synced', content, at: clock.now(), ...leaving }]
    },
    publishesOnly: true,
    summarize: ({ content }) => ({ content }),
  }),
}

function placeOf(state: CaState, base: string | undefined): Place | undefined {
  if (base === undefined) return 'current'
  return PLACES.find((place) => repositoryAt(state, place)?.base === base)
}

function checkContact(state: CaState, { repository }: { readonly repository: RemoteRepository }): readonly Violation[] {
  if (idKey(state, repository.contact.id) === undefined)
    return [{ code: 'id-unknown', message: `${state.handle} has no ID key ${repository.contact.id}` }]
  if (state.repository === null || placeOf(state, repository.base) !== undefined) return []
  const message = `${state.handle} already publishes at ${state.repository.base}: another repository needs a migration`
  return [{ code: 'repository-differs', message }]
}
