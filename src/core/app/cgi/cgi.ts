/**
 * `brine cgi`: handles one HTTP request that a web server passes on.
 * Invariants: there is a response to every request, also after a failure, and its text is one sentence; details for the operator go to `log`.
 */
import { AppError } from '../../base/errors.js'
import { quoted } from '../../base/text.js'
import { type CgiRequest, formatCgi, type HttpResponse, plainResponse, readCgi } from '../../protocols/cgi.js'
import { EST_PREFIX, LARGEST_BODY } from '../../protocols/est.js'
import { MESSAGE_LIMITS } from '../../protocols/message-request.js'
import { type CgiPorts, failure, logFault } from '../http/cgi-ports.js'

type Answer = (request: CgiRequest, body: Uint8Array, ports: CgiPorts) => Promise<HttpResponse>

interface Route {
  readonly prefix: string
  /** Largest body in octets. */
  readonly largest: number
  /** True if the request must come over TLS; messages in CMS protect themselves (RFC 6492 section 3). */
  readonly needsTls: boolean
  /** True if each refusal is a line in the log: a peer is a program whose operator asks for the cause. */
  readonly logsRefusals: boolean
  readonly answer: () => Promise<Answer>
}

const MEBIBYTE = 1024 * 1024

/** Routes by the prefix of the path. */
const ROUTES: readonly Route[] = [
  {
    prefix: EST_PREFIX,
    largest: LARGEST_BODY,
    needsTls: true,
    logsRefusals: false,
    answer: async () => (await import('../enrolment/est-over-cgi.js')).answerEst,
  },
  {
    prefix: '/rfc6492/',
    largest: MESSAGE_LIMITS.rfc6492,
    needsTls: false,
    logsRefusals: true,
    answer: async () => (await import('../exchange/server/protocols-over-cgi.js')).answerMessage,
  },
  {
    prefix: '/rfc8181/',
    largest: MESSAGE_LIMITS.rfc8181,
    needsTls: false,
    logsRefusals: true,
    answer: async () => (await import('../exchange/server/protocols-over-cgi.js')).answerMessage,
  },
]
/** Largest body that is read for a path that no route has. */
const LARGEST_UNKNOWN = MEBIBYTE

/** Handles the request and returns the response in the form that a web server reads (RFC 3875 section 6). Never throws. */
export async function answerCgi(ports: CgiPorts): Promise<Uint8Array> {
  const request = readCgi(ports.env)
  if (request === undefined) {
    ports.log('brine cgi needs the environment of CGI/1.1 (RFC 3875): it is run by a web server')
    return formatCgi(plainResponse(500, 'The server is not set up for this request.'))
  }
  const isHead = request.method === 'HEAD'
  try {
    return formatCgi(
      await withLog(request, ports, (logging) => routed(isHead ? { ...request, method: 'GET' } : request, logging)),
      isHead,
    )
  } catch (error) {
    logFault(ports.log, `${request.method} ${quoted(request.path, 200)}`, error)
    return formatCgi(failure(error instanceof AppError ? error : undefined), isHead)
  }
}

/** Returns how many octets of the body of a request have to be kept, given its variables: none if it is too large to be answered. */
export function largestBody(env: CgiPorts['env']): number {
  const request = readCgi(env)
  const largest = routeOf(request?.path ?? '')?.largest ?? LARGEST_UNKNOWN
  return (request?.contentLength ?? 0) <= largest ? largest : 0
}

/** Handles a request, and logs the refusal of one that has no line of its own. */
async function withLog(
  { method, path }: CgiRequest,
  ports: CgiPorts,
  handle: (ports: CgiPorts) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  let isLogged = routeOf(path)?.logsRefusals === false
  const log = (line: string): void => {
    isLogged = true
    ports.log(line)
  }
  const response = await handle({ ...ports, log })
  const { status, body } = response
  if (status >= 400 && !isLogged) ports.log(`${method} ${quoted(path, 200)}: ${status}: ${String(body).trim()}`)
  return response
}

const routeOf = (path: string): Route | undefined => ROUTES.find(({ prefix }) => path.startsWith(prefix))

async function routed(request: CgiRequest, ports: CgiPorts): Promise<HttpResponse> {
  const { contentLength = 0, path } = request
  const route = routeOf(path)
  const largest = route?.largest ?? LARGEST_UNKNOWN
  const isRead = contentLength <= largest
  // a web server may wait until its whole body is read
  const body = isRead ? await ports.body(contentLength) : new Uint8Array()
  if (body === 'late') return plainResponse(408, 'The body of the request did not come.', { Connection: 'close' })
  if (route === undefined) return plainResponse(404, 'Not found.')
  if (route.needsTls && !request.isSecure) {
    ports.log('refused: the server does not say that TLS protects the request (HTTPS=on)')
    return plainResponse(403, 'TLS is required.')
  }
  if (!isRead)
    return Number.isNaN(contentLength)
      ? plainResponse(400, 'The Content-Length of the request is not a number.')
      : plainResponse(413, `The request is larger than ${largest} octets.`)
  if (body.length < contentLength) return plainResponse(400, 'The request is shorter than its Content-Length.')
  return (await route.answer())(request, body, ports)
}
