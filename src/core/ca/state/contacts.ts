/** Parents and repositories of a CA: in this data directory, or reached by messages (RFC 6492, RFC 8181). */
import type { Handle } from '../../base/handle.js'
import { type Check, isName, isOneOf, isText, objectOf } from '../../base/shape.js'
import { type AggregateId, isAggregateId } from '../../eventsourcing/types.js'
import { isPeerContact, type PeerContact } from '../../identity/contact.js'

/** STORED. Where this CA publishes: the publication server of this data directory. */
export interface LocalRepository {
  readonly transport: 'local'
  /** rsync URI with trailing slash: all objects of this CA are below it. */
  readonly base: string
  /** RRDP notification. */
  readonly notify: string
}

export const isLocalRepository: Check<LocalRepository> = objectOf<LocalRepository>({
  transport: isOneOf('local'),
  base: isText,
  notify: isText,
})

/** STORED. Where this CA publishes: a server that takes RFC 8181 messages. */
export interface RemoteRepository {
  readonly transport: 'rfc8181'
  readonly contact: PeerContact
  /** The server's name for this CA. */
  readonly publisher: Handle
  readonly base: string
  /** RRDP notification, where the server has RRDP. */
  readonly notify?: string
}

export const isRemoteRepository: Check<RemoteRepository> = objectOf<RemoteRepository>({
  transport: isOneOf('rfc8181'),
  contact: isPeerContact,
  publisher: isName,
  base: isText,
  'notify?': isText,
})

export type Repository = LocalRepository | RemoteRepository

/** Checks the stored form of either kind of repository. */
export const isRepository: Check<Repository> = (value) => isLocalRepository(value) || isRemoteRepository(value)

/** STORED. A parent in this data directory. */
export interface LocalParent {
  readonly transport: 'local'
  readonly aggregate: AggregateId
  /** The parent's name for this CA. */
  readonly childName: Handle
}

export const isLocalParent: Check<LocalParent> = objectOf<LocalParent>({
  transport: isOneOf('local'),
  aggregate: isAggregateId,
  childName: isName,
})

/** STORED. A parent that takes RFC 6492 messages. */
export interface RemoteParent {
  readonly transport: 'rfc6492'
  readonly contact: PeerContact
  /** The parent's name for this CA: the sender of our messages. */
  readonly childName: Handle
  /** The parent's name for itself: their recipient. */
  readonly parentName: Handle
}

export const isRemoteParent: Check<RemoteParent> = objectOf<RemoteParent>({
  transport: isOneOf('rfc6492'),
  contact: isPeerContact,
  childName: isName,
  parentName: isName,
})

export type Parent = LocalParent | RemoteParent
