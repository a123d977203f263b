/** One RFC 6492 message to a parent and its answer: sealed with the ID key that the parent knows, verified by the ID certificate of the parent. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { CaState } from '../../../ca/state/state.js'
import { systemRandom } from '../../../crypto/random.js'
import { idKey } from '../../../identity/id-keys.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { decodeProvisioning } from '../../../protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../protocols/provisioning/encode.js'
import { type ProvisioningBody, PROVISIONING_STATUS as STATUS } from '../../../protocols/provisioning/types.js'
import { summaryOf } from '../../../transport/failures.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { openMessage, sealMessage } from '../messages.js'
import { type Deliver, deliverAnswer } from './deliver.js'

/** First octet of each CMS message: the tag of a SEQUENCE. */
const SEQUENCE = 0x30

/** Statuses of an `error_response` by which a request is still being worked on, and those by which a key to revoke is gone already. */
const NO_FAILURES: ReadonlySet<number> = new Set([
  ...[STATUS.processing, STATUS.scheduled],
  ...[STATUS.revokeNoClass, STATUS.revokeNoKey],
])

/**
 * Sends a request to a parent and returns the body of its answer. A refusal is kept as a failed exchange. Throws `answer-invalid` (remote), and
 * what `deliver` throws.
 */
export async function askParent(
  session: Session,
  { state, parent, contact: of }: { readonly state: CaState; readonly parent: Handle; readonly contact: RemoteParent },
  body: ProvisioningBody,
  deliver: Deliver,
): Promise<ProvisioningBody> {
  const { contact, childName, parentName } = of
  const id = idKey(state, contact.id)
  if (id === undefined) throw new AppError('corrupt', 'id-unknown', `${state.handle} has no ID key ${contact.id}`)
  const xml = encodeProvisioning({ sender: childName, recipient: parentName, body })
  return withMessageSigner(session, (signer) =>
    deliverAnswer(
      deliver,
      {
        ...{ kind: 'parent', ca: state.handle, peer: parent, to: contact },
        seal: (at) => sealMessage({ signer, random: systemRandom }, id, xml, at),
        open: (answer) => readAnswer(answer, of, session.now()),
      },
      (read) => (read.type === 'error_response' && !NO_FAILURES.has(read.status) ? failureText(read) : undefined),
    ),
  )
}

export type Failure = Extract<ProvisioningBody, { readonly type: 'error_response' }>

/** Returns the status of a refusal and its descriptions. */
export function failureText({ status, descriptions }: Failure): string {
  // the text of a peer stays on one line
  const text = descriptions.map((d) => d.text.replace(/\s+/g, ' ')).join('; ')
  return text === '' ? `status ${status}` : `status ${status}, ${text}`
}

async function readAnswer(
  answer: Uint8Array,
  { contact, childName, parentName }: RemoteParent,
  at: Instant,
): Promise<ProvisioningBody> {
  refuseOtherContent(answer, 'parent')
  try {
    const { content } = await openMessage(answer, contact, at)
    const message = decodeProvisioning(content)
    if (!isSameName(message.sender, parentName) || !isSameName(message.recipient, childName))
      throw invalidAnswer(
        `it is from ${message.sender} to ${message.recipient}, not from ${parentName} to ${childName}`,
      )
    return message.body
  } catch (error) {
    throw error instanceof ProtocolFault ? invalidAnswer(describeFault(error)) : error
  }
}

/** Throws `answer-invalid` (remote) for an answer that is no ASN.1 SEQUENCE, such as the page of a proxy, with its first words. */
export function refuseOtherContent(answer: Uint8Array, peer: 'parent' | 'repository'): void {
  if (answer[0] === SEQUENCE) return
  const summary = summaryOf({ body: Buffer.from(answer.subarray(0, 1000)), headers: {} })
  throw invalidAnswer(`it is ${summary === '' ? 'empty' : summary}, not a CMS message`, peer)
}

const isSameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** Returns the error of an answer that is not acted on. */
export function invalidAnswer(why: string, peer: 'parent' | 'repository' = 'parent'): AppError {
  return new AppError('remote', 'answer-invalid', `the answer of the ${peer} is not accepted: ${why}`, {
    retry: true,
    retryAfter: 300,
  })
}
