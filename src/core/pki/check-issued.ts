/**
 * Check of a certificate that a CA returned: is it the one that was requested? Every certificate is checked here before it is used.
 * A certificate that fails the check is a fault of the CA and not of the request.
 */
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from './certificate.js'
import type { CertificateRequest } from './csr.js'
import { nameList } from './names.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from './profile.js'

/** Seconds by which the clock of a CA may be ahead. */
const CLOCK_SKEW = 300
const ANY_USAGE = '2.5.29.37.0'

export type IssuedCheck =
  | { readonly certificate: PlainCertificate; readonly finding: undefined }
  | { readonly certificate: undefined; readonly finding: string }

/** Decodes and checks a certificate. Returns it, or the first finding as a sentence. */
export function checkIssued(
  der: Uint8Array,
  request: CertificateRequest,
  ca: PlainCertificate,
  profile: CertificateProfile,
  now: Instant,
): IssuedCheck {
  const certificate = readPlainCertificate(der)
  if (certificate === undefined) return { certificate: undefined, finding: 'the response is not a certificate' }
  const finding = findingIn(certificate, request, ca, profile, now)
  return finding === undefined ? { certificate, finding } : { certificate: undefined, finding }
}

function findingIn(
  certificate: PlainCertificate,
  request: CertificateRequest,
  ca: PlainCertificate,
  profile: CertificateProfile,
  now: Instant,
): string | undefined {
  if (!Buffer.from(certificate.spki).equals(request.spki)) return 'the certificate is for another key'
  if (!isSignedBy(certificate, ca)) return `the certificate is not signed by ${ca.subject.text}`
  if (certificate.isCa) return 'the certificate is a CA certificate'
  if (certificate.notBefore > addSeconds(now, CLOCK_SKEW))
    return `the certificate is not valid before ${certificate.notBefore}`
  if (certificate.notAfter <= now) return `the certificate expired at ${certificate.notAfter}`
  if (certificate.notAfter > ca.notAfter)
    return `the certificate is valid longer than its CA, which expires at ${ca.notAfter}`
  if (secondsBetween(now, certificate.notAfter) > profile.validSeconds + CLOCK_SKEW)
    return `the certificate is valid until ${certificate.notAfter}, longer than the profile ${profile.name} allows`
  const [got, requested] = [nameList(certificate.names), nameList(request.names)]
  if (got.join() !== requested.join())
    return `the certificate has the names ${got.join(', ') || '(none)'}, requested were ${requested.join(', ') || '(none)'}`
  const allowed = new Set<string>(profile.extendedKeyUsages.map((usage) => EXTENDED_KEY_USAGES[usage]))
  if (allowed.size > 0 && certificate.extendedKeyUsages.length === 0)
    return `the certificate has no extended key usage and so allows every use, which ${profile.name} does not`
  const surplus = certificate.extendedKeyUsages.find((usage) => !allowed.has(usage) || usage === ANY_USAGE)
  return surplus === undefined
    ? undefined
    : `the certificate has the extended key usage ${surplus}, which ${profile.name} does not allow`
}
