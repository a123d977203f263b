/**
 * Messages of RFC 6492 and RFC 8181 over CGI: `/rfc6492/<ca>`, `/rfc8181/<publisher>`. What cannot be answered with a signed message is an HTTP
 * error with one sentence.
 */
import { AppError } from '../../../base/errors.js'
import { quoted } from '../../../base/text.js'
import { openExchangeLog } from '../../../peers/exchange-log.js'
import type { PeerName } from '../../../peers/last-exchange.js'
import { type CgiRequest, type HttpResponse, plainResponse } from '../../../protocols/cgi.js'
import {
  MESSAGE_TYPES,
  type ProtocolPath,
  protocolPath,
  refuseMessageRequest,
} from '../../../protocols/message-request.js'
import type { PublicationError } from '../../../protocols/publication/types.js'
import { type CgiPorts, logFault, logged } from '../../http/cgi-ports.js'
import type { Session } from '../../session/session.js'

/** Sentences for a handle that nothing here has, by error code. */
const UNKNOWN: Readonly<Record<string, string>> = {
  'ca-unknown': 'There is no such CA here.',
  'publisher-unknown': 'There is no such publisher here.',
}

/** Handles a request below `/rfc6492/` or `/rfc8181/`. Throws errors that the request did not cause. */
export async function answerMessage(request: CgiRequest, body: Uint8Array, ports: CgiPorts): Promise<HttpResponse> {
  const path = protocolPath(request.path)
  if (path === undefined) return plainResponse(404, 'Not found; the path is /rfc6492/CA or /rfc8181/PUBLISHER.')
  const refusal = refuseMessageRequest(request, path.service)
  if (refusal !== undefined) return refusal
  const session = await ports.open()
  try {
    const { cms, peer } = await answered(session, path, body, ports)
    keepInLog(session, peer, [body, cms], ports)
    return { status: 200, headers: { 'Content-Type': MESSAGE_TYPES[path.service] }, body: cms }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const unknown = UNKNOWN[error.code]
    if (unknown !== undefined) return plainResponse(404, unknown)
    if (error.code !== 'message-refused') throw error
    ports.log(`message to ${path.handle}: ${logged(error)}`)
    return plainResponse(400, `The message is refused: ${error.message}.`)
  }
}

async function answered(
  session: Session,
  { service, handle }: ProtocolPath,
  body: Uint8Array,
  ports: CgiPorts,
): Promise<{ readonly cms: Uint8Array; readonly peer: PeerName }> {
  if (service === 'rfc6492') {
    const { answerProvisioning } = await import('./answer-provisioning.js')
    const { cms, child, status, text = '', fault } = await answerProvisioning(session, handle, body)
    if (fault !== undefined) logFault(ports.log, `request of ${child} to ${handle}: answered with ${status}`, fault)
    else if (status !== undefined) ports.log(`request of ${child} to ${handle}: ${status}: ${oneLine(text)}`)
    return { cms, peer: { kind: 'child', ca: handle, peer: child } }
  }
  const { answerPublication } = await import('./answer-publication.js')
  const { cms, reply, fault } = await answerPublication(session, handle, body)
  if (fault !== undefined) logFault(ports.log, `query of ${handle}: answered with other_error`, fault)
  else if (reply.type === 'error') ports.log(`query of ${handle}: ${errorsLine(reply.errors)}`)
  return { cms, peer: { kind: 'publisher', ca: null, peer: handle } }
}

/** Keeps a message and its answer in `exchange_log_dir`. One that no peer has signed is not kept: anyone may send it. */
function keepInLog(
  { config, now }: Session,
  peer: PeerName,
  [message, answer]: readonly [Uint8Array, Uint8Array],
  { log: warn }: CgiPorts,
): void {
  const log = openExchangeLog({ dir: config.exchangeLogDir, maxMb: config.exchangeLogMaxMb, warn })
  const at = now()
  log.write({ ...peer, at, direction: 'received', bytes: message })
  log.write({ ...peer, at, direction: 'sent', bytes: answer })
}

/** Returns the first error of a reply, and the number of further ones. */
function errorsLine([first, ...more]: readonly PublicationError[]): string {
  if (first === undefined) return 'refused'
  return `${first.code}: ${oneLine(first.text ?? '')}${more.length === 0 ? '' : ` (and ${more.length} more errors)`}`
}

function oneLine(text: string): string {
  return quoted(text, 400).slice(1, -1).replaceAll('\\"', '"')
}
