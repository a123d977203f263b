/** Answers to messages that an operator has as files: what `brine cgi` does for the body of a request, without HTTP. */
import { AppError } from '../../../base/errors.js'
import { readArmoured } from '../../../protocols/inspect/recognize.js'
import { MESSAGE_LIMITS, type MessageService, type ProtocolPath } from '../../../protocols/message-request.js'
import type { Session } from '../../session/session.js'

export interface HandAnswer {
  readonly service: MessageService
  /** The CA of RFC 6492, the publisher of RFC 8181. */
  readonly handle: string
  /** The child or the publisher that sent the message. */
  readonly peer: string
  /** Type of the answer, such as `list_response` or `success`. */
  readonly answer: string
  /** Errors of the protocol in the answer. */
  readonly errors: readonly { readonly code: string; readonly message: string }[]
  /** DER of the signed answer. */
  readonly cms: Uint8Array
}

/**
 * Answers the message in a file: DER or BER, PEM or base64. Throws `message-unreadable`, `message-too-long` (usage), as
 * `answerProvisioning` and `answerPublication` do, and what failed here: the operator has no use for an answer that only says so.
 */
export async function answerByHand(
  session: Session,
  { service, handle }: ProtocolPath,
  file: Uint8Array,
): Promise<HandAnswer> {
  const message = messageIn(file, MESSAGE_LIMITS[service])
  if (service === 'rfc6492') {
    const { answerProvisioning } = await import('./answer-provisioning.js')
    const { child, type, status, text = '', cms, fault } = await answerProvisioning(session, handle, message)
    if (fault !== undefined) throw fault
    const errors = status === undefined ? [] : [{ code: String(status), message: text }]
    return { service, handle, peer: child, answer: type, errors, cms }
  }
  const { answerPublication } = await import('./answer-publication.js')
  const { publisher, reply, cms, fault } = await answerPublication(session, handle, message)
  if (fault !== undefined) throw fault
  const errors = reply.type === 'error' ? reply.errors.map(({ code, text = '' }) => ({ code, message: text })) : []
  return { service, handle, peer: publisher, answer: reply.type, errors, cms }
}

function messageIn(file: Uint8Array, limit: number): Uint8Array {
  const message = file[0] === 0x30 ? file : readArmoured(file)
  if (message === undefined)
    throw new AppError('usage', 'message-unreadable', 'the request is not a message in CMS: DER, PEM or base64', {
      hint: 'the body of the HTTP request as the peer sent it; brine inspect FILE shows what a file is',
    })
  if (message.length <= limit) return message
  throw new AppError('usage', 'message-too-long', `the message is longer than ${limit} octets`)
}
