/**
 * The server of RFC 6492: one message of a child in, one answer out.
 * Invariants: nothing is done for a message that is not verified by the ID certificate of the child that it names; a message with an older
 * signing time than the last of this child is a replay (RFC 6492 section 3.1.2); a child that was suspended is back with its next message.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import type { Instant } from '../../../base/time.js'
import type { CaState } from '../../../ca/state.js'
import { systemRandom } from '../../../crypto/random.js'
import { Rejected, Work } from '../../../eventsourcing/work.js'
import { type IdKey, idKey } from '../../../identity/id-keys.js'
import type { Child } from '../../../issuing/children.js'
import { answerGiven, readHeard, recordHeard } from '../../../peers/heard.js'
import { readMessage } from '../../../protocols/cms/read-message.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { decodeProvisioning } from '../../../protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../protocols/provisioning/encode.js'
import {
  PROVISIONING_STATUS,
  type ProvisioningBody,
  type ProvisioningMessage,
} from '../../../protocols/provisioning/types.js'
import { decodeCertificationRequest } from '../../../rpki/certification-request.js'
import { lastSigned, refuseFormer } from '../../authority/replay-clocks.js'
import { caState, runCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { transact } from '../../transaction/transact.js'
import { openMessage, sealMessage } from '../messages.js'
import { issueTo, listClasses, Refusal, revokeFrom } from './provisioning-requests.js'

export interface ProvisioningAnswer {
  /** DER of the signed answer. */
  readonly cms: Uint8Array
  readonly child: Handle
  readonly type: ProvisioningBody['type']
  /** Status of an `error_response`, and its text. */
  readonly status?: number
  readonly text?: string
}

interface Heard {
  readonly child: Handle
  readonly id: IdKey
  readonly message: ProvisioningMessage
  readonly signedAt: Instant
  readonly isSuspended: boolean
}

/**
 * Answers one message to a CA. Throws `ca-unknown`, and `message-refused` (rejected) for a message that cannot be answered: its sender is not
 * known or did not sign it. The same octets again get the same answer.
 */
export async function answerProvisioning(session: Session, ca: Handle, cms: Uint8Array): Promise<ProvisioningAnswer> {
  const heard = await hear(session, ca, cms)
  const { sender, recipient } = heard.message
  const name = { ca, child: heard.child }
  const { dataDir, onNotice } = session.options
  const given = answerGiven(readHeard(dataDir, name), cms, session.now())
  if (given !== undefined) return answerOf(given, heard.child, decodeProvisioning(contentOf(given)).body)
  const body = await bodyOf(session, ca, heard)
  const xml = encodeProvisioning({ sender: recipient, recipient: sender, body })
  const at = session.now()
  const answer = await withMessageSigner(session, (signer) =>
    sealMessage({ signer, random: systemRandom }, heard.id, xml, at),
  )
  // a request that another one was in the way of is carried out when it comes again
  const isFinal = body.type !== 'error_response' || body.status !== PROVISIONING_STATUS.processing
  const record = { signedAt: heard.signedAt, at, message: cms, answer: isFinal ? answer : undefined }
  recordHeard(dataDir, name, record, onNotice)
  return answerOf(answer, heard.child, body)
}

function answerOf(cms: Uint8Array, child: Handle, body: ProvisioningBody): ProvisioningAnswer {
  if (body.type !== 'error_response') return { cms, child, type: body.type }
  return { cms, child, type: body.type, status: body.status, text: body.descriptions[0]?.text ?? '' }
}

/** Reads a message and verifies that the child which it names has signed it. */
async function hear(session: Session, ca: Handle, cms: Uint8Array): Promise<Heard> {
  const state = await session.store.read(async (reader) => activeCa(new Work(reader), ca))
  try {
    // the sender is named inside of what is signed, so it is read before it is verified and again after it
    const [handle, child, id] = senderOf(state, contentOf(cms))
    const at = session.now()
    const { content, signingTime } = await openMessage(cms, { peer: child.peer ?? '' }, at)
    const message = decodeProvisioning(content)
    if (message.recipient.toLowerCase() !== ca.toLowerCase())
      throw refused(`the message is to ${message.recipient}, not to ${ca}`)
    const last = lastSigned(session, ca, handle, child)
    if (last !== undefined && signingTime < last)
      throw refused(`a replay: signed at ${signingTime}, before the last message of ${handle} of ${last}`)
    await refuseFormer(state, child.peer ?? '', signingTime)
    return { child: handle, id, message, signedAt: signingTime, isSuspended: child.suspended !== undefined }
  } catch (error) {
    throw error instanceof ProtocolFault ? refused(describeFault(error)) : error
  }
}

/** Returns an active CA. Throws `ca-unknown`. */
function activeCa(work: Work, ca: Handle): CaState {
  const state = work.exists('ca', ca) ? caState(work, ca) : undefined
  if (state?.status === 'active') return state
  throw new AppError('rejected', 'ca-unknown', `there is no CA ${ca}`)
}

function contentOf(cms: Uint8Array): Uint8Array {
  const { content } = readMessage(cms)
  if (content !== undefined) return content
  throw new ProtocolFault('RFC 6492 section 3.1.1', 'the message has no content')
}

function senderOf(state: CaState, content: Uint8Array): readonly [Handle, Child, IdKey] {
  const { sender } = decodeProvisioning(content)
  const handle = Object.keys(state.children).find((name) => name.toLowerCase() === sender.toLowerCase()) as
    | Handle
    | undefined
  const child = handle === undefined ? undefined : entry(state.children, handle)
  const id = child?.id === undefined ? undefined : idKey(state, child.id)
  if (handle === undefined || child?.peer === undefined || id === undefined)
    throw refused(`${state.handle} has no child ${sender} that sends messages`)
  return [handle, child, id]
}

function refused(message: string): AppError {
  return new AppError('rejected', 'message-refused', message)
}

/** Carries out the request and returns the body of the answer; what is refused is an `error_response` with its status. */
async function bodyOf(session: Session, ca: Handle, heard: Heard): Promise<ProvisioningBody> {
  try {
    return await carriedOut(session, ca, heard)
  } catch (error) {
    if (error instanceof Refusal) return failure(error.status, error.message)
    if (error instanceof Rejected) return failure(PROVISIONING_STATUS.badRequest, error.error.message)
    if (!(error instanceof AppError)) throw error
    if (error.kind === 'rejected') return failure(PROVISIONING_STATUS.badRequest, error.message)
    if (error.kind === 'locked') return failure(PROVISIONING_STATUS.processing, 'the CA is busy; send it again')
    throw error
  }
}

async function carriedOut(
  session: Session,
  ca: Handle,
  { child, message, signedAt, isSuspended }: Heard,
): Promise<ProvisioningBody> {
  const { body } = message
  if (isSuspended)
    await transact(session, async (tx) => {
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
      const done = await transact(session, (tx) => issueTo(tx, ca, child, body, content, signedAt))
      return { type: 'issue_response', class: done.result }
    }
    case 'revoke':
      await transact(session, (tx) => revokeFrom(tx, ca, child, body, signedAt))
      return { type: 'revoke_response', className: body.className, ski: body.ski }
    default:
      throw new Refusal(PROVISIONING_STATUS.type, `a child does not send ${body.type}`)
  }
}

function failure(status: number, text: string): ProvisioningBody {
  return { type: 'error_response', status, descriptions: [{ lang: 'en', text: text.slice(0, 1000) }] }
}
