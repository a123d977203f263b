/** Deltas of RFC 8181 sent in one message, or in several in a safe order where the server does not accept that length; the limit found is kept. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { PeerContact } from '../../../identity/contact.js'
import { readDeltaLimit, recordDeltaLimit } from '../../../peers/delta-limits.js'
import { MESSAGE_LIMITS } from '../../../protocols/message-request.js'
import { pduSize } from '../../../protocols/publication/encode.js'
import type { Pdu, PublicationReply } from '../../../protocols/publication/types.js'
import type { Session } from '../../session/session.js'
import { repositoryHost } from './due-repositories.js'
import { refusalText } from './publication-delta.js'
import { ask, type Exchange, invalid } from './publication-messages.js'
import { type DeltaPart, folderOf, splitDelta } from './split-delta.js'

/** Octets of the PDUs of a message: the limit of the servers of Krill and Brine, less 64 KiB for the signature with its certificate and CRL. */
const LARGEST_DELTA = MESSAGE_LIMITS.rfc8181 - 64 * 1024

/** Progress of one synchronisation. */
export interface Sending {
  /** Octets up to which PDUs are joined in one message; halved when the server does not accept that much. */
  limit: number
  /** Octets that the server may accept: each message that it refused was longer. What cannot be divided is tried whatever its length. */
  ceiling: number
  /** Error of the last connection that the server closed during a long message; undefined after another refusal. */
  closed: AppError | undefined
  /** True if the limit was found by this synchronisation. */
  isLearned: boolean
  /** PDUs that the server has carried out. */
  readonly done: Pdu[]
}

export function beginSending({ options, now }: Session, contact: PeerContact): Sending {
  const learned = readDeltaLimit(options.dataDir, repositoryHost(contact), now())
  return {
    ...{ limit: Math.min(LARGEST_DELTA, learned ?? LARGEST_DELTA), ceiling: Number.POSITIVE_INFINITY },
    ...{ closed: undefined, isLearned: false, done: [] },
  }
}

/** Keeps the length that the server accepts, if it was found now. */
export function keepLimit({ options, now }: Session, contact: PeerContact, { limit, isLearned }: Sending): void {
  if (!isLearned) return
  recordDeltaLimit(options.dataDir, { host: repositoryHost(contact), limit, at: now() }, options.onNotice)
}

/**
 * Sends a delta, in parts where it is too long; an empty one is not sent. Returns what the server says against a part, `closed` if it closed the
 * connection during a long one; undefined if all is done.
 */
export async function sendDelta(
  exchange: Exchange,
  pdus: readonly Pdu[],
  sending: Sending,
): Promise<{ readonly refusal: string } | 'closed' | undefined> {
  const sizes = new Map(pdus.map((pdu) => [pdu, pduSize(pdu)]))
  let left = pdus
  while (left.length > 0) {
    const parts = splitDelta(left, sending.limit, (pdu) => sizes.get(pdu) ?? 0)
    const tooLong = parts.find(({ size }) => size > sending.ceiling)
    if (tooLong !== undefined) throw sending.closed ?? indivisible(exchange.ca, tooLong)
    const part = parts[0] as DeltaPart
    const reply = await sendPart(exchange, part, sending)
    if (reply === undefined && sending.closed !== undefined) return 'closed'
    if (reply === undefined) continue
    if (reply.type === 'error') return { refusal: refusalText(part.pdus, reply.errors) }
    if (reply.type !== 'success') throw invalid(`${reply.type} to publish and withdraw (RFC 8181 section 2.4)`)
    sending.done.push(...part.pdus)
    const done = new Set(part.pdus)
    left = left.filter((pdu) => !done.has(pdu))
  }
  return undefined
}

/** Sends a part. Returns undefined, and halves the limit, if the server answers with status 413, or closes the connection during a long message. */
async function sendPart(
  exchange: Exchange,
  { pdus, size }: DeltaPart,
  sending: Sending,
): Promise<PublicationReply | undefined> {
  try {
    return await ask(exchange, { type: 'delta', pdus })
  } catch (error) {
    const closed = isClosedDuring(error, size) ? error : undefined
    if (closed === undefined && !isTooLong(error)) throw error
    sending.closed = closed
    sending.isLearned = true
    sending.ceiling = Math.min(sending.ceiling, size - 1)
    sending.limit = Math.floor(Math.min(sending.limit, size) / 2)
    return undefined
  }
}

/** Octets up to which servers accept messages as they come (nginx: 1 MiB): a connection that ends during a shorter one has another reason. */
const SURELY_ACCEPTED = 1024 * 1024

/** Returns true if the server closed the connection during a message that may be too long for it, in place of status 413. */
function isClosedDuring(error: unknown, size: number): error is AppError {
  if (!(error instanceof AppError) || error.code !== 'peer-closed' || size <= SURELY_ACCEPTED) return false
  return (error.details as { readonly phase?: string } | null)?.phase !== 'body'
}

const isTooLong = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'peer-status' &&
  (error.details as { readonly status?: number }).status === 413

/** Returns the error of a part that cannot be divided and is longer than the server accepts. */
function indivisible(ca: Handle, { pdus, size }: DeltaPart): AppError {
  const uri = pdus[0]?.uri ?? ''
  const what = pdus.length === 1 ? uri : `${pdus.length} objects of ${folderOf(uri)}, which are replaced together,`
  const why = 'the repository does not accept a message of that length (status 413)'
  return new AppError('remote', 'repository-delta-too-long', `${what} need ${size} octets in one message: ${why}`, {
    hint: `ask the operator of the repository to accept messages of ${size + 64 * 1024} octets, then brine repo sync ${ca}`,
    details: { size, objects: pdus.length, folder: folderOf(uri) },
  })
}
