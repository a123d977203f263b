/** Delivery of one message to a parent or a repository elsewhere: the port of the use cases, and its implementation by HTTP. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import type { PeerContact } from '../../../identity/contact.js'
import { openExchangeLog } from '../../../peers/exchange-log.js'
import { type Send, sendMessage } from '../../../peers/message.js'
import type { Timeouts } from '../../../peers/types.js'
import type { Session } from '../../session/session.js'

/** One message to a peer. */
export interface Message<T> {
  readonly kind: 'parent' | 'repository'
  readonly ca: Handle
  /** Our name for the peer: the handle of a parent, the host of a repository. */
  readonly peer: string
  readonly to: PeerContact
  /** Signs the message for a signing time. */
  readonly seal: (at: Instant) => Promise<Uint8Array>
  /** Verifies and reads the answer; what it throws is the outcome of the exchange. */
  readonly open: (answer: Uint8Array) => Promise<T>
}

/** Sends one message and returns what `open` makes of its answer. Throws `remote` errors, `peer-host-busy` (locked), and what `open` throws. */
export type Deliver = <T>(message: Message<T>) => Promise<T>

/** Content-Type of messages (RFC 6492 section 2, RFC 8181 section 2). */
const CONTENT_TYPES = { parent: 'application/rpki-updown', repository: 'application/rpki-publication' } as const

type DeliverySession = Pick<Session, 'options' | 'config' | 'now'>

/** Limits in seconds of a delivery that a user waits for; `turn` is that of the wait while other commands exchange messages with the host. */
export interface DeliveryLimits extends Timeouts {
  readonly turn: number
}

/** Returns a delivery by HTTP: one message at a time to each host, each one logged and kept as the last exchange with the peer. */
export function deliverByHttp(
  { options, config, now }: DeliverySession,
  userAgent: string,
  send?: Send,
  limits?: DeliveryLimits,
): Deliver {
  const { dataDir, onNotice: warn } = options
  const warning = warn === undefined ? {} : { warn }
  const log = openExchangeLog({ dir: config.exchangeLogDir, maxMb: config.exchangeLogMaxMb, ...warning })
  return ({ kind, ca, peer, to, seal, open }) => {
    const { tlsCa, tlsInsecure, allowPrivate } = to
    const tls = {
      ...(tlsCa === undefined ? {} : { ca: tlsCa }),
      ...(tlsInsecure === undefined ? {} : { insecure: tlsInsecure }),
    }
    return sendMessage({
      ...{ dataDir, to: { kind, ca, peer }, uri: to.serviceUri, contentType: CONTENT_TYPES[kind] },
      ...{ tls, userAgent, seal, open, now, log, ...warning },
      ...(allowPrivate === undefined ? {} : { allowPrivate }),
      ...(limits === undefined ? {} : limitsOf(limits)),
      ...(send === undefined ? {} : { send }),
    })
  }
}

function limitsOf({ turn, ...timeouts }: DeliveryLimits) {
  return { timeouts, timeoutSeconds: timeouts.whole, turnSeconds: turn }
}

/**
 * Delivers a message and returns its answer. An answer of which `refusalOf` returns a text is kept as a failed exchange, and returned as well.
 */
export async function deliverAnswer<T>(
  deliver: Deliver,
  message: Message<T>,
  refusalOf: (answer: T) => string | undefined,
): Promise<T> {
  const refused: { answer?: T } = {}
  const open = async (bytes: Uint8Array): Promise<T> => {
    const answer = await message.open(bytes)
    const why = refusalOf(answer)
    if (why === undefined) return answer
    refused.answer = answer
    throw new AppError('remote', `${message.kind}-refused`, `${message.peer} refused: ${why}`)
  }
  try {
    return await deliver({ ...message, open })
  } catch (error) {
    if (refused.answer !== undefined) return refused.answer
    throw error
  }
}
