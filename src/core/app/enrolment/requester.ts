/**
 * Authentication of the requester over CGI (RFC 7030 section 3.3): a client certificate, whose key the web server has verified in the
 * handshake and everything else client-certificate.ts, or a one-time password. Invariant: of what a client can write into a header only a
 * password is used, and it is checked.
 */
import { AppError } from '../../base/errors.js'
import type { LabelConfig } from '../../config/enrolment/schema.js'
import type { Requester } from '../../est/state.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { type CgiRequest, readBasic } from '../../protocols/cgi.js'
import { type CertificatePorts, clientFault } from './client-certificate.js'

export type CheckPassword = (label: string, id: string, secret: string) => Promise<Requester>

export interface ClientPorts extends CertificatePorts {
  readonly checkPassword: CheckPassword
}

/**
 * Returns the certificate that the client presented in the TLS handshake; undefined without one, and for one whose subject has control
 * characters, which could falsify a log.
 */
export function shownCertificate({ clientCertificate }: CgiRequest): PlainCertificate | undefined {
  const [der] = clientCertificate === undefined ? [] : certificatesOf(Buffer.from(clientCertificate))
  const shown = der === undefined ? undefined : readPlainCertificate(der)
  return shown === undefined || /[\p{Cc}\p{Cf}]/u.test(shown.subject.text) ? undefined : shown
}

/** Returns the authenticated requester; undefined if the request has no credentials that this label accepts. */
export async function requesterOf(
  label: LabelConfig,
  request: CgiRequest,
  ports: ClientPorts,
): Promise<Requester | undefined> {
  const shown = shownCertificate(request)
  if (shown !== undefined && label.auth.includes('certificate')) {
    const fault = await clientFault(shown, label, ports)
    if (fault === undefined) return { how: 'certificate', name: shown.subject.text }
    ports.log(`the client certificate of ${shown.subject.text} is not accepted for label ${label.name}: ${fault}`)
  }
  const basic = readBasic(request.authorization)
  if (basic === undefined || !label.auth.includes('password')) return undefined
  try {
    return await ports.checkPassword(label.name, basic.user, basic.password)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'credentials') throw error
    ports.log(`a one-time password was refused for label ${label.name}: ${error.message}`)
    return undefined
  }
}
