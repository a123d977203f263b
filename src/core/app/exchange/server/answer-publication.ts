/**
 * The server of RFC 8181: one message of a publisher in, one answer out.
 * Invariants: nothing is done for a message that is not verified by the ID certificate of the publisher in the URL; a delta is carried out
 * whole, in one commit and one RRDP serial, or not at all; a message with an older signing time than the last that changed something is a
 * replay; a fault of this server is an answer of the protocol.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import type { Instant } from '../../../base/time.js'
import type { Sha256 } from '../../../crypto/ports.js'
import { systemRandom } from '../../../crypto/random.js'
import { Rejected, Work } from '../../../eventsourcing/work.js'
import { peerDer } from '../../../identity/contact.js'
import { type IdKey, idKey } from '../../../identity/id-keys.js'
import { recordExchange } from '../../../peers/last-exchange.js'
import { readIdCertificate } from '../../../protocols/cms/id-certificate.js'
import { isIssuedBy, type VerifiedMessage } from '../../../protocols/cms/verify.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { decodePublicationQuery } from '../../../protocols/publication/decode.js'
import { encodePublicationReply } from '../../../protocols/publication/encode.js'
import type {
  Pdu,
  PublicationErrorCode,
  PublicationQuery,
  PublicationReply,
} from '../../../protocols/publication/types.js'
import type { ObjectPut, PublisherChange } from '../../../pubd/content.js'
import { contentOf, stagedAfter, stagedPublishers } from '../../../pubd/staged.js'
import type { PubdState, Publisher, RemotePublisher } from '../../../pubd/state.js'
import { beginGeneration, generationBegan, refuseFormer } from '../../authority/replay-clocks.js'
import { pubdState, runPubd, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { transact } from '../../transaction/transact.js'
import { openMessage, sealMessage } from '../messages.js'
import { listObjects, reviewDelta } from './publication-requests.js'
import { exchangeName, knownPublisher } from './publishers.js'
import { isServerFault, SERVER_FAULT_TEXT } from './server-faults.js'

export interface PublicationAnswer {
  /** DER of the signed answer. */
  readonly cms: Uint8Array
  readonly publisher: Handle
  readonly reply: PublicationReply
  /** Error of this server, for the operator. */
  readonly fault?: unknown
}

interface Sender {
  readonly publisher: Publisher
  readonly remote: RemotePublisher
  readonly id: IdKey
  readonly state: PubdState
}

interface Heard {
  readonly handle: Handle
  /** The ID certificate that verified the message. */
  readonly peer: string
  readonly signedAt: Instant
}

/**
 * Answers one message of a publisher. Throws `publisher-unknown`, and `message-refused` (rejected) for a message whose EE certificate the
 * publisher did not issue, and for a replay.
 */
export async function answerPublication(session: Session, handle: Handle, cms: Uint8Array): Promise<PublicationAnswer> {
  await beginGeneration(session)
  const [{ remote, id, state }, began] = await session.store.read(
    async (reader) => [senderIn(new Work(reader), handle), generationBegan(reader)] as const,
  )
  const message = await verified(cms, remote, session.now())
  if ('fault' in message) return sealed(session, handle, id, failure('bad_cms_signature', message.fault))
  const { content, signingTime: signedAt } = message
  refuseReplay(handle, remote, signedAt)
  await refuseFormer(state, remote, signedAt, { began, now: session.now() })
  const { reply, ...fault } = await replyTo(session, { handle, peer: remote.peer, signedAt }, content)
  remember(session, handle, reply, session.now())
  return { ...(await sealed(session, handle, id, reply)), ...fault }
}

async function sealed(
  session: Session,
  publisher: Handle,
  id: IdKey,
  reply: PublicationReply,
): Promise<PublicationAnswer> {
  const cms = await withMessageSigner(session, (signer) =>
    sealMessage({ signer, random: systemRandom }, id, encodePublicationReply(reply), session.now()),
  )
  return { cms, publisher, reply }
}

/** Keeps when the publisher was last heard, and how that ended. A message that it did not sign leaves nothing. */
function remember(session: Session, handle: Handle, reply: PublicationReply, at: Instant): void {
  if (session.store.role().role !== 'primary') return
  const [error] = reply.type === 'error' ? reply.errors : []
  const failure = error === undefined ? {} : { code: error.code, message: error.text ?? error.code }
  const outcome = error === undefined ? 'success' : 'failure'
  const ended = { ...exchangeName(handle), uri: null, at, outcome, ...failure } as const
  recordExchange(session.options.dataDir, ended, session.options.onNotice)
}

/** Returns a publisher elsewhere. Throws `publisher-unknown`. */
function senderIn(work: Work, handle: Handle): Sender {
  const state = pubdState(work)
  const publisher = entry(state.publishers, handle)
  const remote = publisher?.remote
  const id = remote === undefined ? undefined : idKey(state, remote.id)
  if (publisher !== undefined && remote !== undefined && id !== undefined) return { publisher, remote, id, state }
  throw new AppError('rejected', 'publisher-unknown', `there is no publisher ${handle} that sends messages`)
}

/**
 * Verifies a message. Returns its fault where the publisher's key has issued the EE certificate, and throws `message-refused` where not: a
 * signed answer is for the publisher alone.
 */
async function verified(
  cms: Uint8Array,
  { peer }: RemotePublisher,
  at: Instant,
): Promise<VerifiedMessage | { readonly fault: string }> {
  try {
    return await openMessage(cms, { peer }, at)
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error
    if (isIssuedBy(cms, readIdCertificate(peerDer(peer)))) return { fault: describeFault(error) }
    throw refused(describeFault(error))
  }
}

function refuseReplay(handle: Handle, { signedAt: last }: RemotePublisher, signedAt: Instant): void {
  if (last !== undefined && signedAt < last)
    throw refused(`a replay: signed at ${signedAt}, before the last message of ${handle} of ${last}`)
}

function refused(message: string): AppError {
  return new AppError('rejected', 'message-refused', message)
}

interface Outcome {
  readonly reply: PublicationReply
  readonly fault?: unknown
}

/** Carries out the query and returns the reply; what is refused, or fails here, is an error of the protocol. */
async function replyTo(session: Session, heard: Heard, content: Uint8Array): Promise<Outcome> {
  try {
    return { reply: await carriedOut(session, heard, content) }
  } catch (error) {
    if (error instanceof Rejected) return { reply: failure('other_error', error.error.message) }
    if (!isServerFault(error)) throw error
    const kind = error instanceof AppError ? error.kind : undefined
    if (error instanceof AppError && kind === 'rejected') return { reply: failure('other_error', error.message) }
    if (kind === 'locked') return { reply: failure('other_error', 'the server is busy; send it again') }
    return { reply: failure('other_error', SERVER_FAULT_TEXT), fault: error }
  }
}

async function carriedOut(session: Session, heard: Heard, content: Uint8Array): Promise<PublicationReply> {
  const query = decoded(content)
  if (query instanceof ProtocolFault) return failure('xml_error', describeFault(query))
  if (query.version === 3) return failure('xml_error', 'version 3 of the protocol is not served (RFC 8181 section 2.1)')
  if (query.type === 'list')
    return session.store.read(async (reader) => {
      const { publisher } = senderIn(new Work(reader), heard.handle)
      return { type: 'list', objects: listObjects(publisher) }
    })
  const { pdus } = query
  return (await transact(session, (tx) => carryOut(tx, heard, pdus))).result
}

function decoded(content: Uint8Array): PublicationQuery | ProtocolFault {
  try {
    return decodePublicationQuery(content)
  } catch (error) {
    if (error instanceof ProtocolFault) return error
    throw error
  }
}

/** Publishes a delta as a whole, or returns its errors. It is reviewed against the state that the commit replaces. */
async function carryOut(
  tx: TransactionContext,
  { handle, peer, signedAt }: Heard,
  pdus: readonly Pdu[],
): Promise<PublicationReply> {
  const { publisher, remote } = senderIn(tx.work, handle)
  if (remote.peer !== peer) throw refused(`${handle} was given another ID certificate meanwhile`)
  refuseReplay(handle, remote, signedAt)
  const review = reviewDelta(publisher, pdus)
  if (review.errors !== undefined) return { type: 'error', errors: review.errors }
  const { dateOf } = await import('./object-date.js')
  const now = tx.ports.clock.now()
  const content = contentOf(publisher)
  const put: ObjectPut[] = []
  const drop: string[] = []
  for (const { pdu, name } of review.named) {
    if (pdu.kind === 'withdraw') {
      drop.push(name)
      continue
    }
    const held = entry(content, name)
    const before = held?.size === pdu.bytes.length ? readable(tx, held.sha256) : undefined
    const sha256 = tx.ports.objects.put(pdu.bytes, dateOf(name, pdu.bytes, before, now))
    put.push({ name, sha256, size: pdu.bytes.length })
  }
  if (put.length + drop.length > 0) await accept(tx, { publisher: handle, put, drop }, signedAt)
  return { type: 'success' }
}

/** Returns nothing for an object that is missing or damaged: it is about to be replaced. */
function readable({ work }: TransactionContext, sha256: Sha256): Uint8Array | undefined {
  try {
    return work.object(sha256)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}

/**
 * Publishes a change with all that is staged, as one RRDP delta. Within `rrdp_interval` of the last delta the change is staged: it is listed and
 * durable, and the next delta, that of `tick` at the latest, publishes it. So is one that takes back what was staged.
 */
async function accept(tx: TransactionContext, change: PublisherChange, signedAt: Instant): Promise<void> {
  const { publisher, put, drop } = change
  const state = pubdState(tx.work)
  const known = knownPublisher(state, publisher)
  const isNothingNew = known.staged !== undefined && stagedAfter(known, change) === undefined
  if (tx.ports.holdsPublication === true || isNothingNew) {
    await runPubd(tx, { type: 'publisher.hear', publisher, signedAt, staged: { put, drop } })
    return
  }
  const others = stagedPublishers(state).filter((name) => name !== publisher)
  const changes = [change, ...others.map((name) => ({ publisher: name, put: [], drop: [] }))]
  await runPubd(tx, { type: 'publish', changes })
  await runPubd(tx, { type: 'publisher.hear', publisher, signedAt })
}

function failure(code: PublicationErrorCode, text: string): PublicationReply {
  return { type: 'error', errors: [{ code, text: text.slice(0, 1000) }] }
}
