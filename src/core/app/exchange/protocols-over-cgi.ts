/** Messages of RFC 6492 over CGI: `/rfc6492/<ca>`. What cannot be answered with a signed message is an HTTP error with one sentence. */
import { AppError } from '../../base/errors.js'
import { type CgiRequest, type HttpResponse, plainResponse } from '../../protocols/cgi.js'
import { MESSAGE_TYPES, protocolPath, refuseMessageRequest } from '../../protocols/message-request.js'
import { type CgiPorts, logged } from '../http/cgi-ports.js'

/** Handles a request below `/rfc6492/`. Throws errors that the request did not cause. */
export async function answerMessage(request: CgiRequest, body: Uint8Array, ports: CgiPorts): Promise<HttpResponse> {
  const path = protocolPath(request.path)
  if (path?.service !== 'rfc6492') return plainResponse(404, 'Not found; the path is /rfc6492/CA.')
  const refusal = refuseMessageRequest(request, path.service)
  if (refusal !== undefined) return refusal
  const { answerProvisioning } = await import('./answer-provisioning.js')
  const session = await ports.open()
  try {
    const { cms } = await answerProvisioning(session, path.handle, body)
    return { status: 200, headers: { 'Content-Type': MESSAGE_TYPES[path.service] }, body: cms }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'ca-unknown') return plainResponse(404, 'There is no such CA here.')
    if (error.code !== 'message-refused') throw error
    ports.log(`message to ${path.handle}: ${logged(error)}`)
    return plainResponse(400, `The message is refused: ${error.message}.`)
  }
}
