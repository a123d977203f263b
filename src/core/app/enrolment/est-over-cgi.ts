/**
 * EST over CGI (RFC 7030): `/.well-known/est/<label>/{cacerts,simpleenroll,simplereenroll,csrattrs}`.
 * Invariants: a label whose configuration does not say who may enrol refuses everybody; a certificate is made for nobody else.
 */
import { AppError } from '../../base/errors.js'
import type { LabelConfig } from '../../config/enrolment/schema.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { type CgiRequest, type HttpResponse, plainResponse, retryAfter } from '../../protocols/cgi.js'
import {
  attributesResponse,
  CSR_TYPE,
  caCertificatesResponse,
  certificateResponse,
  type EstRoute,
  isEnrolment,
  readCsr,
  readRoute,
} from '../../protocols/est.js'
import type { Session } from '../transaction/session.js'
import { type CgiPorts, logged } from './cgi-failure.js'
import type { EnrolOptions } from './enrolment-run.js'
import type { EstHandlers } from './est-handlers.js'
import { clientFault, requesterOf, shownCertificate } from './requester.js'

/** Seconds after which a client asks again for what somebody has to decide. */
const PENDING = 300

/** The answer to a request below `/.well-known/est/`. Throws what concerns the server and not the request. */
export async function answerEst(
  request: CgiRequest,
  body: Uint8Array,
  ports: CgiPorts,
  duties?: EstHandlers,
): Promise<HttpResponse> {
  const route = readRoute(request.path)
  if (route === undefined)
    return plainResponse(404, 'There is nothing here; paths are /.well-known/est/LABEL/OPERATION.')
  const malformed = formFault(route, request)
  if (malformed !== undefined) return malformed
  const session = await ports.open()
  const label = session.enrolment.labels.find(({ name }) => name === route.label)
  if (label === undefined) return plainResponse(404, 'There is no such label.')
  if (label.auth.length === 0) {
    ports.log(`label ${label.name} is refused: set auth in its [[est.label]]`)
    return plainResponse(403, 'Nobody enrols with this label over HTTP.')
  }
  const own = duties ?? (await import('./est-handlers.js')).EST_HANDLERS
  if (route.operation === 'cacerts') return caCertificatesResponse(await own.caCertificates(session, label.name))
  if (route.operation === 'csrattrs') return attributesResponse(own.csrAttributes(session, label.name))
  return enrolment(route, request, body, { session, label, duties: own, log: ports.log })
}

/** What is wrong with a request before anybody looks at what it asks for. */
function formFault(
  { operation }: EstRoute,
  { method, contentType, contentLength }: CgiRequest,
): HttpResponse | undefined {
  const wanted = isEnrolment(operation) ? 'POST' : 'GET'
  if (method !== wanted)
    return plainResponse(405, `${operation} is asked for with ${wanted}.`, {
      Allow: wanted === 'GET' ? 'GET, HEAD' : wanted,
    })
  if (wanted === 'GET') return undefined
  if (contentLength === undefined) return plainResponse(411, 'A request says how long it is.')
  return contentType === CSR_TYPE ? undefined : plainResponse(415, `A request is of the type ${CSR_TYPE}.`)
}

interface Desk {
  readonly session: Session
  readonly label: LabelConfig
  readonly duties: EstHandlers
  readonly log: (line: string) => void
}

async function enrolment(route: EstRoute, request: CgiRequest, body: Uint8Array, tx: Desk): Promise<HttpResponse> {
  const allowed = await allow(route, request, tx)
  if ('status' in allowed) return allowed
  const csr = readCsr(body)
  if (csr === undefined)
    return plainResponse(400, 'The body is no base64 of a certification request (RFC 7030 section 4.2.1).')
  const { session, label, duties, log } = tx
  try {
    const { certificate } = await duties.enroll(session, { label: label.name, csr, ...allowed })
    return certificateResponse(certificate)
  } catch (error) {
    const answer = error instanceof AppError ? refusal(error) : undefined
    if (answer === undefined) throw error
    log(`${route.operation} at ${label.name} by ${allowed.by.how} ${allowed.by.name}: ${logged(error as AppError)}`)
    return answer
  }
}

/** Who asks, and what is renewed; the answer where nobody may. */
async function allow(
  { operation }: EstRoute,
  request: CgiRequest,
  tx: Desk,
): Promise<Pick<EnrolOptions, 'by' | 'renews'> | HttpResponse> {
  const { session, label, duties, log } = tx
  if (operation === 'simplereenroll') {
    // which CA issued it, and that it still holds, is asked where it is renewed
    const shown = shownCertificate(request)
    if (shown === undefined)
      return plainResponse(403, 'A renewal wants the certificate that is renewed as the client certificate of TLS.')
    // else who may have a certificate of one label had one of every other that these CAs serve
    const findKnown = duties.findKnown(session)
    const known = await findKnown(shown)
    if (known !== undefined && known.label !== label.name)
      return plainResponse(403, `The client certificate is renewed with the label ${known.label}.`)
    if (known === undefined && !(await isClient(shown, tx)))
      return plainResponse(403, 'The client certificate was not issued with this label.')
    return { by: { how: 'certificate', name: shown.subject.text }, renews: shown.der }
  }
  const by = await requesterOf(label, request, {
    now: session.now,
    checkPassword: duties.checkPassword(session),
    findKnown: duties.findKnown(session),
    log,
  })
  if (by !== undefined) return { by }
  if (label.auth.includes('password'))
    return plainResponse(401, 'A client certificate or a one-time password that is good for this label is wanted.', {
      'WWW-Authenticate': 'Basic realm="EST", charset="UTF-8"',
    })
  return plainResponse(403, 'A client certificate that is good for this label is wanted.')
}

/** A certificate that is not on record, of a CA whose clients may enrol here anyway: one from before this data directory. */
async function isClient(shown: PlainCertificate, { session, label, duties, log }: Desk): Promise<boolean> {
  if (!label.auth.includes('certificate')) return false
  const ports = { now: session.now, checkPassword: duties.checkPassword(session), findKnown: duties.findKnown(session) }
  return (await clientFault(shown, label, { ...ports, log })) === undefined
}

/** The answer to what concerns the request; undefined for what concerns the server. */
function refusal(error: AppError): HttpResponse | undefined {
  if (error.kind === 'pending')
    return plainResponse(
      202,
      'The request waits for a decision; ask again with the same request.',
      retryAfter(error.retryAfter ?? PENDING),
    )
  if (error.kind !== 'rejected') return undefined
  switch (error.code) {
    case 'est-request-running':
      return plainResponse(202, 'The request is being answered; ask again with the same request.', retryAfter(5))
    case 'est-request-open':
      return plainResponse(409, 'A certificate for this key may have been issued already; the operator has to decide.')
    case 'est-password-spent':
      return plainResponse(403, 'The one-time password is spent, expired or revoked.')
    case 'renewal-invalid':
      return plainResponse(403, `The client certificate is not renewed: ${error.message}.`)
    default:
      return plainResponse(
        400,
        isOfRequest(error) ? `The request is refused: ${told(error)}.` : 'The request is refused.',
      )
  }
}

/** Do all faults speak of the request alone, so that the client may read them? */
function isOfRequest({ code, details }: AppError): boolean {
  const { faults } = details as { readonly faults?: readonly { readonly code?: string }[] }
  if (code !== 'several-faults') return code.startsWith('csr-')
  return Array.isArray(faults) && faults.every((fault) => fault?.code?.startsWith('csr-') === true)
}

/** Faults in one line. */
function told({ message }: AppError): string {
  const [first = '', ...rest] = message.split('\n').map((line) => line.trim())
  return (rest.length === 0 ? first.replace(/^the request is refused: /, '') : rest.join('; ')).slice(0, 1000)
}
