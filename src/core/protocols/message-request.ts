/**
 * HTTP requests with messages of RFC 6492 and RFC 8181, as values: their paths, types and lengths. Invariant: a path names one CA or publisher
 * or none, however the web server passes it on.
 */
import { type Handle, isHandle } from '../base/handle.js'
import { type CgiRequest, type HttpResponse, plainResponse } from './cgi.js'

export type MessageService = 'rfc6492' | 'rfc8181'

/** Media types of the messages (RFC 6492 section 3, RFC 8181 section 2), for requests and responses. */
export const MESSAGE_TYPES: Readonly<Record<MessageService, string>> = {
  rfc6492: 'application/rpki-updown',
  rfc8181: 'application/rpki-publication',
}

/** Maximum length of a request in octets, as in the server of Krill. */
export const MESSAGE_LIMITS: Readonly<Record<MessageService, number>> = {
  rfc6492: 1024 * 1024,
  rfc8181: 32 * 1024 * 1024,
}

/** Types that clients of the drafts send, and a client that does not know the type of a file. */
const OTHER_TYPES = ['application/x-rpki', 'application/octet-stream']

export interface ProtocolPath {
  readonly service: MessageService
  /** The CA of RFC 6492, the publisher of RFC 8181. */
  readonly handle: Handle
}

/**
 * Parses `/rfc6492/<ca>` or `/rfc8181/<publisher>`, with or without one slash at the end. Slashes in the handle may be written as `%2F`, since
 * some servers pass on the path as it was sent. Returns undefined for any other path.
 */
export function protocolPath(path: string): ProtocolPath | undefined {
  const [, service, text = ''] = /^\/(rfc6492|rfc8181)\/([^/].*)$/s.exec(path) ?? []
  if (service !== 'rfc6492' && service !== 'rfc8181') return undefined
  const handle = decoded(text.replace(/\/$/, ''))
  return handle !== undefined && isHandle(handle) ? { service, handle: handle as Handle } : undefined
}

/** Decodes percent-encoding once; a handle has no percent sign. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Returns the path of a CA or publisher, which `protocolPath` parses. */
export function formatProtocolPath({ service, handle }: ProtocolPath): string {
  return `/${service}/${handle}`
}

/**
 * Returns the refusal of a request that cannot contain a message: 405 for another method than POST, 415 for another type, 411 and 400 for a
 * missing or wrong length, 413 above the limit. Undefined for a request whose body is to be read. A missing type counts as octets (RFC 9110
 * section 8.3).
 */
export function refuseMessageRequest(
  { method, contentType, contentLength }: Pick<CgiRequest, 'method' | 'contentType' | 'contentLength'>,
  service: MessageService,
): HttpResponse | undefined {
  const type = MESSAGE_TYPES[service]
  const limit = MESSAGE_LIMITS[service]
  if (method !== 'POST') return plainResponse(405, 'Messages are sent with POST.', { Allow: 'POST' })
  if (contentType !== '' && contentType !== type && !OTHER_TYPES.includes(contentType))
    return plainResponse(415, `The Content-Type of a message is ${type}.`)
  if (contentLength === undefined) return plainResponse(411, 'The request has no Content-Length.')
  if (Number.isNaN(contentLength)) return plainResponse(400, 'The Content-Length of the request is not a number.')
  if (contentLength === 0) return plainResponse(400, 'The request is empty.')
  if (contentLength > limit) return plainResponse(413, `The request is larger than ${limit} octets.`)
  return undefined
}
