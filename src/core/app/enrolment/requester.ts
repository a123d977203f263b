/**
 * Authentication of the requester over CGI (RFC 7030 section 3.3): a client certificate, verified by the web server and again here, or a
 * one-time password. Invariant: of what a client can write into a header only a password is used, and it is checked.
 */
import { readCertificates } from '../../backends/files.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { LabelConfig } from '../../config/enrolment/schema.js'
import type { Requester } from '../../est/state.js'
import { certificatesOf, isSignedBy, type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { EXTENDED_KEY_USAGES } from '../../pki/profile.js'
import { type CgiRequest, readBasic } from '../../protocols/cgi.js'

export type CheckPassword = (label: string, id: string, secret: string) => Promise<Requester>
export interface KnownCertificate {
  readonly label: string
  readonly revokedAt: Instant | undefined
}
/** Looks up a certificate that was issued here; undefined for any other. */
export type FindKnown = (certificate: PlainCertificate) => Promise<KnownCertificate | undefined>

export interface ClientPorts {
  readonly now: () => Instant
  readonly checkPassword: CheckPassword
  readonly findKnown: FindKnown
  readonly log: (line: string) => void
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

/** Returns the reason why a client certificate is not accepted for this label; undefined if it is accepted. */
export async function clientFault(
  shown: PlainCertificate,
  { clientCa = '' }: LabelConfig,
  ports: ClientPorts,
): Promise<string | undefined> {
  const now = ports.now()
  const found = await readCertificates(clientCa).catch((error: unknown) => {
    if (error instanceof AppError) return error.message
    throw error
  })
  if (typeof found === 'string') return found
  const cas = found.filter((ca) => ca.isCa && isValid(ca, now))
  if (!cas.some((ca) => mayIssue(ca) && isSignedBy(shown, ca))) return `no CA in ${clientCa} issued it`
  if (!isValid(shown, now)) return `it is valid from ${shown.notBefore} to ${shown.notAfter}`
  if (!isForClients(shown)) return 'it is not for client authentication'
  const known = await ports.findKnown(shown)
  return known?.revokedAt === undefined ? undefined : `it was revoked at ${known.revokedAt}`
}

function isValid({ notBefore, notAfter }: PlainCertificate, now: Instant): boolean {
  return notBefore <= now && now < notAfter
}

function mayIssue({ keyUsages }: PlainCertificate): boolean {
  return keyUsages?.includes('keyCertSign') !== false
}

/**
 * Returns true for a certificate that allows client authentication and is not a CA certificate. A use that no extension limits is allowed
 * (RFC 5280 sections 4.2.1.3 and 4.2.1.12).
 */
export function isForClients({ isCa, keyUsages, extendedKeyUsages }: PlainCertificate): boolean {
  const accepted = [EXTENDED_KEY_USAGES.clientAuth, '2.5.29.37.0']
  const isAllowed = extendedKeyUsages.length === 0 || extendedKeyUsages.some((usage) => accepted.includes(usage))
  return !isCa && isAllowed && keyUsages?.includes('digitalSignature') !== false
}
