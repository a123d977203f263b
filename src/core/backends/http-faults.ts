/**
 * What a failed exchange with a remote CA means, in the classes of the breaker.
 * Invariant: after a request that makes a certificate has gone out, a missing answer is `unknown` and never a mere failure.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { quoted } from '../base/text.js'
import { BackendFault } from '../ha/backend.js'
import { configFault } from './files.js'

/** How far an exchange has come. */
export interface Course {
  /** Origin and path, without a query: it goes into messages. */
  readonly where: string
  /** The CA makes a certificate when it gets this. */
  readonly issues: boolean
  /** TLS stands: from here on the request may have arrived. */
  isSecured: boolean
  /** The status line of the answer, once there was one. */
  status: number | undefined
}

export interface Answer {
  readonly where: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** TLS alerts about the certificate that we showed, or did not show (RFC 8446 section 6.2). */
const OUR_CERTIFICATE =
  /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/
const TLS = /^(?:ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_|EPROTO)/
const TLS_REASONS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'it is signed by an unknown root',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed and not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is signed by an unknown root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is signed by an unknown root',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
}
const SOCKET_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'broke the connection off',
  EPIPE: 'broke the connection off',
  ENOTFOUND: 'has a name that DNS does not know',
  EAI_AGAIN: 'has a name that DNS could not look up',
  ETIMEDOUT: 'could not be reached',
  EHOSTUNREACH: 'could not be reached',
  ENETUNREACH: 'could not be reached',
}

/** The fault that an error of the connection is; `isOver`: the time was over. */
export function connectionFault(error: Error, course: Course, isOver: boolean): BackendFault {
  const { where } = course
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (OUR_CERTIFICATE.test(code))
    return configFault(
      'ca-client-refused',
      `${where}: TLS ended with ${code}: our client certificate is missing or refused`,
    )
  if (!isOver && TLS.test(code))
    return caFault('ca-tls', `${where}: its TLS certificate is not accepted: ${TLS_REASONS[code] ?? code}`, error)
  if (!isOver && code.startsWith('HPE_'))
    return caFault('ca-garbled', `${where}: the answer is no HTTP (${code})`, error)
  const what = isOver
    ? lateness(course)
    : `${SOCKET_REASONS[code] ?? `failed: ${code || 'connection lost'}`}${phase(course)}`
  const hasRefused = course.status !== undefined && course.status >= 300
  if (course.issues && course.isSecured && !hasRefused)
    return new BackendFault(
      'unknown',
      'ca-outcome-unknown',
      `${where} ${what}: it may have made a certificate that never arrived`,
      error,
    )
  return caFault(isOver ? 'ca-timeout' : 'ca-unreachable', `${where} ${what}`, error)
}

function lateness({ isSecured, status }: Course): string {
  if (status !== undefined) return `began an answer (status ${status}) and did not end it in time`
  return isSecured ? 'took the request and did not answer in time' : 'could not be reached in time'
}

function phase({ isSecured, status }: Course): string {
  if (status !== undefined) return ` in the middle of its answer (status ${status})`
  return isSecured ? ' instead of an answer' : ''
}

function caFault(code: string, message: string, cause?: unknown): BackendFault {
  return new BackendFault('ca-fault', code, message, cause)
}

/** A CA that answers, but not as it should: counts against it. */
export function garbled({ where }: Pick<Answer, 'where'>, what: string): BackendFault {
  return caFault('ca-garbled', `${where}: ${what}`)
}

/** Only the person who asked can mend it. */
export function requestFault(code: string, { where }: Pick<Answer, 'where'>, what: string): BackendFault {
  return new BackendFault('request-fault', code, `${where}: ${what}`)
}

/**
 * The fault that an answer with another status than 2xx is. `said`: what its body says, where it is of the protocol.
 * 504 is our own timeout at a proxy's hand: what lies behind it may have made the certificate.
 */
export function statusFault(answer: Answer, issues: boolean, said = gist(answer)): BackendFault {
  const { status, where } = answer
  const what = `status ${status}${said === '' ? '' : `: ${said}`}`
  if (status < 400) return caFault('ca-redirect', `${where}: redirected (status ${status}), which is not followed`)
  // nginx says so of a client certificate with status 400
  const isNginx = status === 400 && /SSL certificate/.test(answer.body.toString('latin1'))
  if (status === 401 || status === 403 || status === 407 || isNginx)
    return configFault('ca-client-refused', `${where}: ${what}: our credentials are missing or do not suffice`)
  if (status === 404 || status === 405 || status === 410)
    return configFault('ca-url-unknown', `${where}: ${what}: it serves nothing there; check url, label and profile`)
  if (status === 504 && issues)
    return new BackendFault(
      'unknown',
      'ca-outcome-unknown',
      `${where}: ${what}: it may have made a certificate that never arrived`,
    )
  if (status >= 500 || status === 408 || status === 429) return caFault('ca-error', `${where}: ${what}`)
  return requestFault('ca-refused-request', answer, what)
}

/** What a body says, in a few words. */
function gist({ body, headers }: Answer): string {
  const text = body.toString('utf8').trim()
  if (text === '') return ''
  if (/html/i.test(headers['content-type'] ?? '') || /^<(?:!doctype|html)/i.test(text)) return 'a page of HTML'
  return quoted(text.replace(/\s+/g, ' '), 160)
}

/** The members of a JSON object. Throws a BackendFault (ca-fault) for anything else. */
export function jsonOf(answer: Answer): Readonly<Record<string, unknown>> {
  const found = tryJson(answer)
  if (found !== undefined) return found
  const { length } = answer.body
  throw garbled(answer, length === 0 ? 'status 200 with nothing' : `${gist(answer)} instead of JSON`)
}

/** As `jsonOf`; undefined for anything else. */
export function tryJson({ body }: Answer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
