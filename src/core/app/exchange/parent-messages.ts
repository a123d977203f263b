/** One RFC 6492 message to a parent and its answer: sealed with the ID key that the parent knows, verified by the ID certificate of the parent. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { RemoteParent } from '../../ca/contacts.js'
import type { CaState } from '../../ca/state.js'
import { systemRandom } from '../../crypto/random.js'
import type { PeerContact } from '../../identity/contact.js'
import { idKey } from '../../identity/id-keys.js'
import { hostKeyOf, withHost } from '../../peers/host.js'
import { post } from '../../peers/http.js'
import { describeFault, ProtocolFault } from '../../protocols/fault.js'
import { decodeProvisioning } from '../../protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../protocols/provisioning/types.js'
import type { Session } from '../transaction/session.js'
import { withMessageSigner } from '../transaction/signing.js'
import { openMessage, sealMessage } from './messages.js'

/** Sends one message, which `seal` signs for a signing time, and returns the octets of the answer. Throws `remote` errors. */
export type Deliver = (to: PeerContact, seal: (at: Instant) => Promise<Uint8Array>) => Promise<Uint8Array>

/** Returns a delivery by HTTP: one message at a time to each host, with signing times that never go back. */
export function deliverByHttp(
  { options, now }: Pick<Session, 'options' | 'now'>,
  userAgent: string,
  contentType: 'application/rpki-updown' | 'application/rpki-publication' = 'application/rpki-updown',
): Deliver {
  return (to, seal) => {
    const { tlsCa, tlsInsecure, allowPrivate } = to
    const tls = {
      ...(tlsCa === undefined ? {} : { ca: tlsCa }),
      ...(tlsInsecure === undefined ? {} : { insecure: tlsInsecure }),
    }
    return withHost(options.dataDir, hostKeyOf(to.serviceUri), async (clock) => {
      const body = await seal(await clock.use(now()))
      const { body: answer } = await post({
        ...{ uri: to.serviceUri, contentType, body, tls, userAgent },
        ...(allowPrivate === undefined ? {} : { allowPrivate }),
      })
      return answer
    })
  }
}

/** Sends a request to a parent and returns the body of its answer. Throws `answer-invalid` (remote), and what `deliver` throws. */
export async function askParent(
  session: Session,
  state: CaState,
  { contact, childName, parentName }: RemoteParent,
  body: ProvisioningBody,
  deliver: Deliver,
): Promise<ProvisioningBody> {
  const id = idKey(state, contact.id)
  if (id === undefined) throw new AppError('corrupt', 'id-unknown', `${state.handle} has no ID key ${contact.id}`)
  const xml = encodeProvisioning({ sender: childName, recipient: parentName, body })
  const answer = await withMessageSigner(session, (signer) =>
    deliver(contact, (at) => sealMessage({ signer, random: systemRandom }, id, xml, at)),
  )
  try {
    const { content } = await openMessage(answer, contact, session.now())
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

const isSameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** Returns the error of an answer that is not acted on. */
export function invalidAnswer(why: string, peer: 'parent' | 'repository' = 'parent'): AppError {
  return new AppError('remote', 'answer-invalid', `the answer of the ${peer} is not accepted: ${why}`, {
    retry: true,
    retryAfter: 300,
  })
}
