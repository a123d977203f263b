/**
 * Faults of this server while it carries out a message that it has verified. The sender is authenticated, so it gets the error of its protocol,
 * signed, and not an HTTP error that any proxy could have made; the cause goes to the operator alone.
 */
import { AppError } from '../../../base/errors.js'
import { isClockFault } from '../../http/cgi-ports.js'

/** Text of the error of the protocol. */
export const SERVER_FAULT_TEXT = 'internal server error; send it again later'

/**
 * Returns true for an error that a signed message reports to the sender. Not so for a refusal of the message itself, a stand-by, whose
 * HTTP 503 makes a proxy try another host, a clock that no signing time may be taken from, and an interrupt.
 */
export function isServerFault(error: unknown): boolean {
  if (!(error instanceof AppError)) return true
  if (error.code === 'message-refused' || isClockFault(error)) return false
  return error.kind !== 'standby' && error.kind !== 'interrupted'
}
