/**
 * Classification of failed HTTP exchanges with a remote CA for the circuit breaker.
 * Invariant: after an issuing request may have been sent, a missing response is `unknown` and never a `ca-fault`, and so is a 2xx response
 * without a readable result.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BackendFault } from '../ha/backend.js'
import { failureCode, isTlsFailure, jsonObject, socketReason, summaryOf, tlsReason } from '../transport/failures.js'
import { configFault } from './files.js'

/** Progress of one HTTP exchange. */
export interface ExchangeProgress {
  /** Origin and path for messages, without the query. */
  readonly where: string
  /** True if the CA issues a certificate for this request. */
  readonly issues: boolean
  /** True once TLS is established: from then on the request may have arrived. */
  isSecured: boolean
  /** Status code of the response, once received. */
  status: number | undefined
}

export interface HttpResponse {
  readonly where: string
  /** As in ExchangeProgress. */
  readonly issues: boolean
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** TLS alerts about our client certificate, or about a missing one (RFC 8446 section 6.2). */
const CLIENT_CERTIFICATE_ALERTS =
  /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/

/** Returns the fault of a connection error; `timedOut` if the attempt has timed out. */
export function connectionFault(error: Error, progress: ExchangeProgress, timedOut: boolean): BackendFault {
  const { where } = progress
  const code = failureCode(error)
  if (CLIENT_CERTIFICATE_ALERTS.test(code))
    return configFault(
      'ca-client-refused',
      `${where}: TLS failed with ${code}: our client certificate is missing or refused`,
    )
  // an alert refuses the connection; any other TLS failure after the handshake may hide a response
  const isOpen = progress.issues && progress.isSecured && !code.includes('ALERT')
  if (!timedOut && isTlsFailure(code) && !isOpen)
    return caFault('ca-tls', `${where}: its TLS certificate is not accepted: ${tlsReason(code)}`, error)
  if (!timedOut && code.startsWith('HPE_'))
    return garbled({ ...progress, status: progress.status ?? 200 }, `the response is not HTTP (${code})`, error)
  const what = timedOut ? timeoutText(progress) : `${socketReason(code)}${phase(progress)}`
  const hasRefused = progress.status !== undefined && progress.status >= 300
  if (progress.issues && progress.isSecured && !hasRefused) return outcomeUnknown(`${where} ${what}`, error)
  return caFault(timedOut ? 'ca-timeout' : 'ca-unreachable', `${where} ${what}`, error)
}

function timeoutText({ isSecured, status }: ExchangeProgress): string {
  if (status !== undefined) return `did not complete its response (status ${status}) in time`
  return isSecured ? 'did not respond to the request in time' : 'could not be reached in time'
}

function phase({ isSecured, status }: ExchangeProgress): string {
  if (status !== undefined) return ` during its response (status ${status})`
  return isSecured ? ' before a response' : ''
}

function caFault(code: string, message: string, cause?: unknown): BackendFault {
  return new BackendFault('ca-fault', code, message, cause)
}

/** Returns the fault of a CA that may have issued a certificate which did not arrive here. */
export function outcomeUnknown(what: string, cause?: unknown): BackendFault {
  const message = `${what}: it may have issued a certificate that never arrived`
  return new BackendFault('unknown', 'ca-outcome-unknown', message, cause)
}

/**
 * Returns the fault of a response that cannot be read: it counts against the CA. After a request that may issue, a 2xx of that kind leaves
 * the outcome unknown.
 */
export function garbled(
  { where, issues, status = 0 }: Pick<ExchangeProgress, 'where' | 'issues' | 'status'>,
  what: string,
  cause?: unknown,
): BackendFault {
  if (issues && isSuccess(status)) return outcomeUnknown(`${where}: ${what}`, cause)
  return caFault('ca-garbled', `${where}: ${what}`, cause)
}

/** Returns the fault of an error that the CA itself reports: it issued nothing. */
export function reportedFault({ where }: Pick<HttpResponse, 'where'>, what: string): BackendFault {
  return caFault('ca-error', `${where}: ${what}`)
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

/** Returns a fault that only the requester can fix. */
export function requestFault(code: string, { where }: Pick<HttpResponse, 'where'>, what: string): BackendFault {
  return new BackendFault('request-fault', code, `${where}: ${what}`)
}

/**
 * Returns the fault of a response with another status than expected. `detail` is the message of the protocol in its body.
 * 504 is a timeout at a proxy: the server behind it may have issued the certificate.
 */
export function statusFault(response: HttpResponse, detail = summaryOf(response)): BackendFault {
  const { status, where, issues } = response
  const what = `status ${status}${detail === '' ? '' : `: ${detail}`}`
  if (isSuccess(status)) return garbled(response, `${what} instead of a certificate`)
  if (status < 400) return caFault('ca-redirect', `${where}: redirected (status ${status}), which is not followed`)
  // nginx reports a missing client certificate with status 400
  const isNginx = status === 400 && /SSL certificate/.test(response.body.toString('latin1'))
  if (status === 401 || status === 403 || status === 407 || isNginx)
    return configFault('ca-client-refused', `${where}: ${what}: our credentials are missing or insufficient`)
  if (status === 404 || status === 405 || status === 410)
    return configFault('ca-url-unknown', `${where}: ${what}: not found; check url, label and profile`)
  if (status === 504 && issues) return outcomeUnknown(`${where}: ${what}`)
  if (status >= 500 || status === 408 || status === 429) return caFault('ca-error', `${where}: ${what}`)
  return requestFault('ca-refused-request', response, what)
}

/** Parses a body as a JSON object. Throws the BackendFault of `garbled` for anything else. */
export function jsonOf(response: HttpResponse): Readonly<Record<string, unknown>> {
  const found = tryJson(response)
  if (found !== undefined) return found
  const { body, status } = response
  throw garbled(
    response,
    body.length === 0 ? `status ${status} with an empty body` : `${summaryOf(response)} instead of JSON`,
  )
}

/** Parses a body as `jsonOf` does; undefined for anything else. */
export function tryJson({ body }: HttpResponse): Readonly<Record<string, unknown>> | undefined {
  return jsonObject(body)
}
