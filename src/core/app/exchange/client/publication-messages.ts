/**
 * Messages of a CA to its repository elsewhere (RFC 8181): one query is signed, sent and its reply verified. No message is sent under the lock.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import type { RemoteRepository } from '../../../ca/state/contacts.js'
import { type Place, remoteAt } from '../../../ca/state/places.js'
import type { CaState } from '../../../ca/state/state.js'
import { systemRandom } from '../../../crypto/random.js'
import { Work } from '../../../eventsourcing/work.js'
import type { PeerContact } from '../../../identity/contact.js'
import { idKey } from '../../../identity/id-keys.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { decodePublicationReply } from '../../../protocols/publication/decode.js'
import { encodePublicationQuery } from '../../../protocols/publication/encode.js'
import type { PublicationQuery, PublicationReply } from '../../../protocols/publication/types.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { openMessage, sealMessage } from '../messages.js'
import { type Deliver, deliverAnswer } from './deliver.js'
import { repositoryPeer } from './due-repositories.js'
import { invalidAnswer, refuseOtherContent } from './parent-messages.js'
import { refusalText } from './publication-delta.js'

export interface SyncOptions {
  readonly deliver: Deliver
  /** True: compare only. */
  readonly dryRun?: boolean
}

export interface Exchange extends SyncOptions {
  readonly session: Session
  readonly ca: Handle
  readonly place: Place
}

/** Sends one message and returns the verified reply. Throws `answer-invalid` (remote), and what `deliver` throws. */
export async function ask(
  { session, ca, place, deliver }: Exchange,
  query: PublicationQuery,
): Promise<PublicationReply> {
  const state = await stateOf(session, ca)
  const { contact } = remoteOf(state, place)
  const id = idKey(state, contact.id)
  if (id === undefined) throw new AppError('corrupt', 'id-unknown', `${ca} has no ID key ${contact.id}`)
  const xml = encodePublicationQuery(query)
  return withMessageSigner(session, (signer) =>
    deliverAnswer(
      deliver,
      {
        ...{ kind: 'repository', ca, peer: repositoryPeer(state, place), to: contact },
        seal: (at) => sealMessage({ signer, random: systemRandom }, id, xml, at),
        open: (answer) => readReply(answer, contact, session.now()),
      },
      (reply) => (reply.type === 'error' ? refusalText([], reply.errors) : undefined),
    ),
  )
}

async function readReply(answer: Uint8Array, contact: PeerContact, at: Instant): Promise<PublicationReply> {
  refuseOtherContent(answer, 'repository')
  try {
    return decodePublicationReply((await openMessage(answer, contact, at)).content)
  } catch (error) {
    throw error instanceof ProtocolFault ? invalid(describeFault(error)) : error
  }
}

export const stateOf = (session: Session, ca: Handle): Promise<CaState> =>
  session.store.read(async (reader) => knownCa(new Work(reader), ca))

/** Returns the repository elsewhere. Throws `repo-none` if another command has replaced it. */
export function remoteOf(state: CaState, place: Place): RemoteRepository {
  const repository = remoteAt(state, place)
  if (repository !== undefined) return repository
  throw new AppError('rejected', 'repo-none', `${state.handle} does not publish in a repository elsewhere`)
}

export const invalid = (why: string): AppError => invalidAnswer(why, 'repository')

export function refused(what: string, why: string): AppError {
  return new AppError('remote', 'repository-refused', `the repository refused ${what}: ${why}`, {
    ...{ retry: true, retryAfter: 600 },
  })
}
