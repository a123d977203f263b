/**
 * The server of RFC 6492: one message of a child in, one answer out.
 * Invariants: nothing is decoded before the message is verified by the ID certificate of a child, and nothing is done for another child than
 * that one; a message with an older signing time than the last of this child is a replay (RFC 6492 section 3.1.2); a child that was suspended
 * is back with its next message that can be decoded; a fault of this server is an answer of the protocol, and never the last word on a message.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import { quoted } from '../../../base/text.js'
import type { Instant } from '../../../base/time.js'
import type { CaState } from '../../../ca/state/state.js'
import { systemRandom } from '../../../crypto/random.js'
import { Rejected, Work } from '../../../eventsourcing/work.js'
import type { IdKey } from '../../../identity/id-keys.js'
import { answerGiven, readHeard, recordHeard } from '../../../peers/heard.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { decodeProvisioning } from '../../../protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../protocols/provisioning/encode.js'
import {
  PROVISIONING_STATUS,
  type ProvisioningBody,
  type ProvisioningMessage,
} from '../../../protocols/provisioning/types.js'
import { decodeCertificationRequest } from '../../../rpki/certification-request.js'
import { beginGeneration, generationBegan, lastSigned, refuseFormer } from '../../authority/replay-clocks.js'
import { caState, runCa, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { transact } from '../../transaction/transact.js'
import { openMessage, sealMessage } from '../messages.js'
import { issueTo, listClasses, Refusal, revokeFrom } from './provisioning-requests.js'
import { isServerFault, SERVER_FAULT_TEXT } from './server-faults.js'

export interface ProvisioningAnswer {
  /** DER of the signed answer. */
  readonly cms: Uint8Array
  readonly child: Handle
  readonly type: ProvisioningBody['type']
  /** Status of an `error_response`, and its text. */
  readonly status?: number
  readonly text?: string
  /** Error of this server, for the operator; with the status 2001. */
  readonly fault?: unknown
}

interface Heard {
  readonly child: Handle
  /** The ID certificate that verified the message. */
  readonly peer: string
  readonly id: IdKey
  /** Undefined for XML that cannot be decoded. */
  readonly message: ProvisioningMessage | undefined
  /** The error of the protocol for a message that is no request of this child to this CA. */
  readonly refusal: Refusal | undefined
  readonly signedAt: Instant
  readonly isSuspended: boolean
}

/**
 * Answers one message to a CA. Throws `ca-unknown`, and `message-refused` (rejected) for a message that no child has signed, or that is a
 * replay; anything else gets an answer of the protocol, signed. The same octets again get the same answer.
 */
export async function answerProvisioning(session: Session, ca: Handle, cms: Uint8Array): Promise<ProvisioningAnswer> {
  await beginGeneration(session)
  const heard = await hear(session, ca, cms)
  const name = { ca, child: heard.child }
  const { dataDir, onNotice } = session.options
  const given = answerGiven(readHeard(dataDir, name), cms, session.now())
  const before = given === undefined ? undefined : await bodyIn(given, heard.id, session.now())
  if (given !== undefined && before !== undefined) return answerOf(given, heard.child, before)
  const { body, ...fault } = await bodyOf(session, ca, heard)
  const xml = encodeProvisioning({ ...partiesOf(ca, heard), body })
  const at = session.now()
  const answer = await withMessageSigner(session, (signer) =>
    sealMessage({ signer, random: systemRandom }, heard.id, xml, at),
  )
  // a request that another one was in the way of, or that failed here, is carried out when it comes again
  const isFinal = body.type !== 'error_response' || !PASSING.includes(body.status)
  const record = { signedAt: heard.signedAt, at, message: cms, answer: isFinal ? answer : undefined }
  recordHeard(dataDir, name, record, onNotice)
  return { ...answerOf(answer, heard.child, body), ...fault }
}

/** Statuses that say nothing about the request itself. */
const PASSING: readonly number[] = [PROVISIONING_STATUS.processing, PROVISIONING_STATUS.internal]

function answerOf(cms: Uint8Array, child: Handle, body: ProvisioningBody): ProvisioningAnswer {
  if (body.type !== 'error_response') return { cms, child, type: body.type }
  return { cms, child, type: body.type, status: body.status, text: body.descriptions[0]?.text ?? '' }
}

/** Returns the sender and the recipient of the answer, in the letters of the message where it names them. */
function partiesOf(ca: Handle, { child, message }: Heard): Pick<ProvisioningMessage, 'sender' | 'recipient'> {
  const asWritten = (name: string, written = ''): string => (isSame(written, name) ? written : name)
  return { sender: asWritten(ca, message?.recipient), recipient: asWritten(child, message?.sender) }
}

/** Verifies that a child has signed a message, and reads it. */
async function hear(session: Session, ca: Handle, cms: Uint8Array): Promise<Heard> {
  const [state, began] = await session.store.read(
    async (reader) => [activeCa(new Work(reader), ca), generationBegan(reader)] as const,
  )
  try {
    const { verifySender } = await import('./verify-sender.js')
    const { senders, content, signingTime } = await verifySender(state, cms, session.now())
    const message = decoded(content)
    const named = message instanceof Refusal ? undefined : senders.find(({ handle }) => isSame(handle, message.sender))
    const { handle, child, id } = named ?? senders[0]
    const last = lastSigned(session, ca, handle, child)
    if (last !== undefined && signingTime < last) throw olderThan(handle, signingTime, last)
    await refuseFormer(state, { ...child, peer: child.peer ?? '' }, signingTime, { began, now: session.now() })
    return {
      ...{
        child: handle,
        peer: child.peer ?? '',
        id,
        signedAt: signingTime,
        isSuspended: child.suspended !== undefined,
      },
      ...(message instanceof Refusal
        ? { message: undefined, refusal: message }
        : { message, refusal: misdirected(message, ca, handle) }),
    }
  } catch (error) {
    throw error instanceof ProtocolFault ? refused(describeFault(error)) : error
  }
}

/** Decodes what a child has signed. Returns the error of RFC 6492 section 3.6 for XML that breaks the protocol. */
function decoded(content: Uint8Array): ProvisioningMessage | Refusal {
  try {
    return decodeProvisioning(content)
  } catch (error) {
    if (error instanceof ProtocolFault)
      return new Refusal(error.status ?? PROVISIONING_STATUS.type, describeFault(error))
    return new Refusal(PROVISIONING_STATUS.internal, SERVER_FAULT_TEXT, error)
  }
}

/** Returns the error for a message that another child is named to have sent, or that is to another CA. */
function misdirected({ sender, recipient }: ProvisioningMessage, ca: Handle, child: Handle): Refusal | undefined {
  if (!isSame(sender, child))
    return new Refusal(PROVISIONING_STATUS.type, `the message is of ${quoted(sender)}, and is signed by ${child}`)
  if (!isSame(recipient, ca))
    return new Refusal(PROVISIONING_STATUS.type, `the message is to ${quoted(recipient)}, not to ${ca}`)
  return undefined
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** Returns an active CA. Throws `ca-unknown`. */
function activeCa(work: Work, ca: Handle): CaState {
  const state = work.exists('ca', ca) ? caState(work, ca) : undefined
  if (state?.status === 'active') return state
  throw new AppError('rejected', 'ca-unknown', `there is no CA ${ca}`)
}

/** Returns the body of an answer that was kept; undefined if it is not as our ID key signed it: its file is damaged. */
async function bodyIn(cms: Uint8Array, id: IdKey, now: Instant): Promise<ProvisioningBody | undefined> {
  try {
    const { content } = await openMessage(cms, { peer: id.certificate }, now)
    return decodeProvisioning(content).body
  } catch (error) {
    if (error instanceof ProtocolFault) return undefined
    throw error
  }
}

function refused(message: string): AppError {
  return new AppError('rejected', 'message-refused', message)
}

interface Outcome {
  readonly body: ProvisioningBody
  readonly fault?: unknown
}

/** Carries out the request and returns the body of the answer; what is refused, or fails here, is an `error_response` with its status. */
async function bodyOf(session: Session, ca: Handle, heard: Heard): Promise<Outcome> {
  try {
    return { body: await carriedOut(session, ca, heard) }
  } catch (error) {
    if (error instanceof Refusal)
      return {
        body: failure(error.status, error.message),
        ...(error.cause === undefined ? {} : { fault: error.cause }),
      }
    if (error instanceof Rejected) return { body: failure(PROVISIONING_STATUS.badRequest, error.error.message) }
    if (!isServerFault(error)) throw error
    const kind = error instanceof AppError ? error.kind : undefined
    if (error instanceof AppError && kind === 'rejected')
      return { body: failure(PROVISIONING_STATUS.badRequest, error.message) }
    // no Retry-After of HTTP tells a child more: it reads 1101 as "ask again", and an HTTP error as a failure
    if (kind === 'locked') return { body: failure(PROVISIONING_STATUS.processing, 'the CA is busy; send it again') }
    return { body: failure(PROVISIONING_STATUS.internal, SERVER_FAULT_TEXT), fault: error }
  }
}

async function carriedOut(session: Session, ca: Handle, heard: Heard): Promise<ProvisioningBody> {
  const { child, message, refusal, signedAt, isSuspended } = heard
  if (refusal !== undefined || message === undefined) throw refusal ?? new TypeError('a message that is not decoded')
  const { body } = message
  if (isSuspended)
    await transact(session, async (tx) => {
      refuseOvertaken(tx, ca, heard)
      await runCa(tx, ca, { type: 'child.unsuspend', child })
      await runCa(tx, ca, { type: 'child.hear', child, signedAt })
    })
  switch (body.type) {
    case 'list': {
      const classes = await session.store.read(async (reader) => {
        const clock = session.clockFor(reader)
        return listClasses({ work: new Work(reader), ports: { clock, timing: session.timing } }, ca, child)
      })
      return { type: 'list_response', classes }
    }
    case 'issue': {
      const { content, findings } = decodeCertificationRequest(body.csr)
      if (content === undefined) {
        const [first] = findings
        throw new Refusal(
          PROVISIONING_STATUS.badRequest,
          `${first?.message ?? 'unreadable'} (${first?.rule ?? 'RFC 2986'})`,
        )
      }
      const done = await transact(session, (tx) => {
        refuseOvertaken(tx, ca, heard)
        return issueTo(tx, ca, child, body, content, signedAt)
      })
      return { type: 'issue_response', class: done.result }
    }
    case 'revoke':
      await transact(session, (tx) => {
        refuseOvertaken(tx, ca, heard)
        return revokeFrom(tx, ca, child, body, signedAt)
      })
      return { type: 'revoke_response', className: body.className, ski: body.ski }
    default:
      throw new Refusal(PROVISIONING_STATUS.type, `a child does not send ${body.type}`)
  }
}

/** Refuses a message in the state that its commit replaces: a later message of the child, or another ID certificate, may have come meanwhile. */
function refuseOvertaken(tx: TransactionContext, ca: Handle, { child: name, peer, signedAt }: Heard): void {
  const child = entry(caState(tx.work, ca).children, name)
  if (child?.peer !== peer) throw refused(`${name} was removed or given another ID certificate meanwhile`)
  if (child.signedAt !== undefined && signedAt < child.signedAt) throw olderThan(name, signedAt, child.signedAt)
}

function olderThan(name: Handle, signedAt: Instant, last: Instant): AppError {
  return refused(`a replay: signed at ${signedAt}, before the last message of ${name} of ${last}`)
}

function failure(status: number, text: string): ProvisioningBody {
  return { type: 'error_response', status, descriptions: [{ lang: 'en', text: text.slice(0, 1000) }] }
}
