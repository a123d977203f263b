/** The repository of a CA on another server (RFC 8181): who it is, and what it has confirmed. */
import type { Violation } from '../base/errors.js'
import { canonicalJson } from '../base/json.js'
import { mapEntries } from '../base/record.js'
import { isHash, isTime } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import { jsonDigest } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { idKey } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { isRemoteRepository, type RemoteRepository } from './contacts.js'
import { type CaState, publishedFiles, type ResourceClass } from './state.js'

const event = eventsOn<CaState>()

export const remoteRepositoryEvents = {
  /** A remote repository that was configured, or another contact of it. */
  'repository.contacted': event({ repository: isRemoteRepository }, (state, { repository }) => ({
    ...state,
    repository,
  })),
  /** The server has confirmed the content with this digest. */
  'repository.synced': event({ content: isHash, at: isTime }, (state, { content, at }) => {
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
      canonicalJson(state.repository) === canonicalJson(repository)
        ? []
        : [{ type: 'repository.contacted', repository }],
    publishesOnly: false,
    summarize: ({ repository: { contact, publisher, base, notify } }) => ({
      ...{ publisher, base, serviceUri: contact.serviceUri, id: contact.id },
      ...(notify === undefined ? {} : { notify }),
    }),
  }),
  'repository.confirm': command<{ readonly content: Sha256 }>({
    check: () => [],
    decide: (state, { content }, { clock }) =>
      state.synced?.content === content ? [] : [{ type: 'repository.synced', content, at: clock.now() }],
    publishesOnly: true,
    summarize: ({ content }) => ({ content }),
  }),
}

function checkContact(state: CaState, { repository }: { readonly repository: RemoteRepository }): readonly Violation[] {
  if (idKey(state, repository.contact.id) === undefined)
    return [{ code: 'id-unknown', message: `${state.handle} has no ID key ${repository.contact.id}` }]
  if (state.repository === null || state.repository.base === repository.base) return []
  const message = `${state.handle} already publishes at ${state.repository.base}: another repository needs a migration`
  return [{ code: 'repository-differs', message }]
}

/** Returns the digest of what a CA wants published: names and hashes, sorted. */
export function contentOf(state: CaState): Sha256 {
  const files = publishedFiles(state).map(({ name, sha256 }) => [name, sha256] as const)
  return jsonDigest(files.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Returns true if the remote repository of a CA has not confirmed what the CA wants published. */
export function isUnconfirmed(state: CaState): boolean {
  if (state.repository?.transport !== 'rfc8181') return false
  return state.synced === undefined ? publishedFiles(state).length > 0 : state.synced.content !== contentOf(state)
}
