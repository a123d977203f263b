/**
 * CGI/1.1 (RFC 3875) as values: the request in the environment that a web server sets, and the response in the form that it expects.
 * Invariants: of the client's headers only `HTTP_AUTHORIZATION` is read, so that no header can be mistaken for a variable of the server;
 * no untrusted text can end a header of a response.
 */

import { concat, utf8 } from '../base/bytes.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface CgiRequest {
  readonly method: string
  /** SCRIPT_NAME and PATH_INFO, decoded by the server; without the query. */
  readonly path: string
  /** True if the web server says that TLS protects the request. */
  readonly isSecure: boolean
  /** Lower case, without parameters; '' without a body. */
  readonly contentType: string
  /** Length of the body in octets; undefined if the server does not set it. */
  readonly contentLength: number | undefined
  /** The value of the client's Authorization header. */
  readonly authorization: string | undefined
  /**
   * PEM of the client certificate of the handshake, in which the client has proved that it holds the private key. Who issued it is not
   * verified: nginx and Apache with `optional_no_ca` pass on certificates of every CA.
   */
  readonly clientCertificate: string | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Text in ASCII, or octets. */
  readonly body: string | Uint8Array
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** SSL_CLIENT_VERIFY of a handshake with a certificate: of nginx, and (GENEROUS) of Apache. NONE is one without. */
const SHOWN = /^(?:SUCCESS|GENEROUS|FAILED(?::.*)?)$/s

/** Longest certificate and Authorization header that are read. */
const LIMIT = 64 * 1024

/** Reads a request from the environment; undefined if it is not that of a CGI program. Never throws. */
export function readCgi(env: Environment): CgiRequest | undefined {
  const { REQUEST_METHOD: method = '', SCRIPT_NAME: script = '', PATH_INFO: info = '' } = env
  if (!/^[A-Z]{1,20}$/.test(method)) return undefined
  return {
    method,
    path: `${script}${info}`,
    isSecure: /^(?:on|1)$/i.test(env['HTTPS'] ?? ''),
    contentType: (env['CONTENT_TYPE'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '',
    contentLength: readLength(env['CONTENT_LENGTH'] ?? ''),
    authorization: bounded(env['HTTP_AUTHORIZATION']),
    clientCertificate: SHOWN.test(env['SSL_CLIENT_VERIFY'] ?? '')
      ? readPem(bounded(env['SSL_CLIENT_CERT']))
      : undefined,
  }
}

/** Parses a Content-Length; NaN if it is not a number, which is neither absent nor within a limit. */
function readLength(text: string): number | undefined {
  if (text === '') return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function bounded(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > LIMIT ? undefined : text
}

/** Reads a PEM text, which nginx escapes ($ssl_client_escaped_cert) and Apache does not. */
function readPem(text: string | undefined): string | undefined {
  if (text?.includes('%') !== true) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Parses user and password of Basic authentication (RFC 7617); undefined for anything else. */
export function readBasic(
  authorization: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
  const [, token] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '') ?? []
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Returns a response with one sentence as its body. */
export function plainResponse(
  status: number,
  sentence: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=us-ascii', ...headers },
    body: `${asciiOnly(sentence)}\n`,
  }
}

/** Returns a Retry-After header in whole seconds (RFC 9110 section 10.2.3). */
export function retryAfter(seconds: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) }
}

function asciiOnly(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[^\x20-\x7e]/g, '?')
}

/** Encodes a response for the web server (RFC 3875 section 6.2.1). With `isHead` without its body but with its length. Throws a TypeError for an invalid header. */
export function formatCgi({ status, headers, body }: HttpResponse, isHead = false): Uint8Array {
  const octets = typeof body === 'string' ? utf8(body) : body
  const length = status === 204 ? {} : { 'Content-Length': String(octets.length) }
  const all = {
    Status: `${status} ${REASONS[status] ?? 'Unknown'}`,
    ...headers,
    ...length,
    'Cache-Control': 'no-store',
  }
  const lines = Object.entries(all).map(([name, value]) => {
    if (!/^[A-Za-z-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value)) throw new TypeError(`invalid header: ${name}`)
    return `${name}: ${value}\r\n`
  })
  const head = utf8(`${lines.join('')}\r\n`)
  return isHead || status === 204 ? head : concat([head, octets])
}
