/**
 * EST over CGI (RFC 7030): `/.well-known/est/[<label>/]{cacerts,simpleenroll,simplereenroll,csrattrs}`.
 * Invariant: a label without `auth` in its configuration refuses every request; no certificate is issued to an unauthenticated requester.
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
import { refuseDisabledLabel } from '../failover/disabled.js'
import { type CgiPorts, isClockFault, logged } from '../http/cgi-ports.js'
import type { Session } from '../session/session.js'
import { type CertificatePorts, clientFault, renewalFault } from './client-certificate.js'
import type { EnrolOptions } from './enrolment-run.js'
import type { EstHandlers } from './est-handlers.js'
import { requesterOf, shownCertificate } from './requester.js'

/** Retry-After of a pending request, in seconds. */
const PENDING = 300

/** Handles a request below `/.well-known/est/`. Throws errors that the request did not cause. */
export async function answerEst(
  request: CgiRequest,
  body: Uint8Array,
  ports: CgiPorts,
  handlers?: EstHandlers,
): Promise<HttpResponse> {
  const route = readRoute(request.path)
  if (route === undefined) return plainResponse(404, 'Not found; paths are /.well-known/est/LABEL/OPERATION.')
  const malformed = checkForm(route, request)
  if (malformed !== undefined) return malformed
  const session = await ports.open()
  const { defaultLabel, labels } = session.enrolment
  const wanted = route.label ?? defaultLabel
  if (wanted === undefined) {
    ports.log('refused: the path has no label, and default_label of [est] is not set')
    return plainResponse(404, 'This server needs a label in the path: /.well-known/est/LABEL/OPERATION.')
  }
  refuseDisabledLabel(session, wanted)
  const label = labels.find(({ name }) => name === wanted)
  if (label === undefined) return plainResponse(404, 'Unknown label.')
  if (label.auth.length === 0) {
    ports.log(`refused: label ${label.name} has no auth; set auth in its [[est.label]]`)
    return plainResponse(403, 'This label is not available over HTTP.')
  }
  const used = handlers ?? (await import('./est-handlers.js')).EST_HANDLERS
  if (route.operation === 'cacerts') return caCertificatesResponse(await used.caCertificates(session, label.name))
  if (route.operation === 'csrattrs') return attributesResponse(used.csrAttributes(session, label.name))
  return enrolment(route, request, body, { session, label, handlers: used, log: ports.log })
}

/** Checks method, type and length. Returns the error response; undefined if they are in order. */
function checkForm(
  { operation }: EstRoute,
  { method, contentType, contentLength }: CgiRequest,
): HttpResponse | undefined {
  const required = isEnrolment(operation) ? 'POST' : 'GET'
  if (method !== required)
    return plainResponse(405, `The method of ${operation} is ${required}.`, {
      Allow: required === 'GET' ? 'GET, HEAD' : required,
    })
  if (required === 'GET') return undefined
  if (contentLength === undefined) return plainResponse(411, 'Content-Length is required.')
  return contentType === CSR_TYPE ? undefined : plainResponse(415, `The Content-Type must be ${CSR_TYPE}.`)
}

interface EnrolmentContext {
  readonly session: Session
  readonly label: LabelConfig
  readonly handlers: EstHandlers
  readonly log: (line: string) => void
}

async function enrolment(
  route: EstRoute,
  request: CgiRequest,
  body: Uint8Array,
  context: EnrolmentContext,
): Promise<HttpResponse> {
  const authorized = await authorize(route, request, context)
  if ('status' in authorized) return authorized
  const csr = readCsr(body)
  if (csr === undefined)
    return plainResponse(
      400,
      'The body is not a certification request: it must be the base64 of PKCS#10 in DER (RFC 7030 section 4.2.1), or a PEM file.',
    )
  const { session, label, handlers, log } = context
  try {
    const { certificate } = await handlers.enroll(session, { label: label.name, csr, ...authorized })
    return certificateResponse(certificate)
  } catch (error) {
    const response = error instanceof AppError ? refusal(error) : undefined
    if (response === undefined) throw error
    const { how, name } = authorized.by
    log(`${route.operation} for label ${label.name} by ${how} ${name}: ${logged(error as AppError)}`)
    return response
  }
}

/** Returns the requester and the certificate that is renewed; the error response if the request is not authorized. */
async function authorize(
  { operation }: EstRoute,
  request: CgiRequest,
  context: EnrolmentContext,
): Promise<Pick<EnrolOptions, 'by' | 'renews'> | HttpResponse> {
  const { session, label, handlers } = context
  if (operation === 'simplereenroll') {
    const shown = shownCertificate(request)
    if (shown === undefined)
      return plainResponse(403, 'A renewal needs the certificate to renew as the TLS client certificate.')
    return (
      (await refusedRenewal(shown, context)) ?? {
        by: { how: 'certificate', name: shown.subject.text },
        renews: shown.der,
      }
    )
  }
  const by = await requesterOf(label, request, { ...portsOf(context), checkPassword: handlers.checkPassword(session) })
  if (by !== undefined) return { by }
  if (label.auth.includes('password'))
    // Bouncy Castle and other clients fail on a 401 with a body
    return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="EST", charset="UTF-8"' }, body: '' }
  return plainResponse(403, 'A client certificate that is valid for this label is required.')
}

/**
 * Returns the error response for a certificate that may not be renewed at this label; undefined for one that may. `enroll` checks
 * afterwards that it is valid, and which CA issued it. A certificate that is not recorded here (it predates this data directory) is
 * renewed where its holder could enrol with it.
 */
async function refusedRenewal(shown: PlainCertificate, context: EnrolmentContext): Promise<HttpResponse | undefined> {
  const { label, log } = context
  const ports = portsOf(context)
  const known = await ports.findKnown(shown)
  // otherwise the holder of a certificate of one label could get one of every other label that these CAs serve
  if (known !== undefined && known.label !== label.name)
    return plainResponse(403, `The client certificate belongs to the label ${known.label}.`)
  const fault = known === undefined ? await strangerFault(shown, label, ports) : await renewalFault(shown, label, ports)
  if (fault === undefined) return undefined
  log(`the certificate of ${shown.subject.text} is not renewed at label ${label.name}: ${fault}`)
  return plainResponse(
    403,
    known === undefined
      ? 'The client certificate was not issued with this label.'
      : 'The client certificate is not renewed: it was revoked.',
  )
}

async function strangerFault(
  shown: PlainCertificate,
  label: LabelConfig,
  ports: CertificatePorts,
): Promise<string | undefined> {
  if (label.auth.includes('certificate')) return clientFault(shown, label, ports)
  return 'it was not issued here, and the auth of the label has no certificate'
}

function portsOf({ session, label, handlers, log }: EnrolmentContext): CertificatePorts {
  const chains = () => handlers.caCertificates(session, label.name)
  const [findKnown, compromisedAt] = [handlers.findKnown(session), handlers.compromisedAt(session)]
  return { now: session.now, findKnown, compromisedAt, chains, log }
}

/** Returns the response to an error that the request caused; undefined for any other error. */
function refusal(error: AppError): HttpResponse | undefined {
  if (error.kind === 'pending')
    return plainResponse(
      202,
      'The request is pending; send the same request again later.',
      retryAfter(error.retryAfter ?? PENDING),
    )
  if (error.kind !== 'rejected' || isClockFault(error)) return undefined
  switch (error.code) {
    case 'est-request-running':
      return plainResponse(202, 'The request is already in progress; send the same request again later.', retryAfter(5))
    case 'est-request-open':
      return plainResponse(409, 'A certificate for this key may have been issued already; the operator has to check.')
    case 'est-password-spent':
      return plainResponse(403, 'The one-time password is spent, expired or revoked.')
    case 'est-certificate-refused':
      return plainResponse(
        400,
        'The CA issued a certificate that this label does not accept; the operator has to check.',
      )
    case 'renewal-invalid':
      return plainResponse(403, `The client certificate is not renewed: ${error.message}.`)
    default:
      return plainResponse(
        400,
        isAboutRequest(error) ? `The request is refused: ${textOf(error)}.` : 'The request is refused.',
      )
  }
}

/** Returns true if all violations concern only the request, so that the client may read them. */
function isAboutRequest({ code, details }: AppError): boolean {
  const { faults } = details as { readonly faults?: readonly { readonly code?: string }[] }
  if (code !== 'several-faults') return code.startsWith('csr-')
  return Array.isArray(faults) && faults.every((fault) => fault?.code?.startsWith('csr-') === true)
}

/** Returns all violations in one line. */
function textOf({ message }: AppError): string {
  const [first = '', ...rest] = message.split('\n').map((line) => line.trim())
  return (rest.length === 0 ? first.replace(/^the request is refused: /, '') : rest.join('; ')).slice(0, 1000)
}
