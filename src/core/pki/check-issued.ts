/**
 * Is this the certificate that was asked for? Nothing that a CA returns counts before it has passed here.
 * A certificate that fails says something about the CA and not about the request.
 */
import { addSeconds, type Instant, secondsBetween } from '../base/time.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from './certificate.js'
import type { CertificateRequest } from './csr.js'
import { nameList } from './names.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from './profile.js'

/** Clocks of CAs may be ahead by so many seconds. */
const AHEAD = 300
const ANY_USAGE = '2.5.29.37.0'

export type IssuedCheck =
  | { readonly certificate: PlainCertificate; readonly fault: undefined }
  | { readonly certificate: undefined; readonly fault: string }

/** The certificate, or the first thing that is wrong with it as a sentence. */
export function checkIssued(
  der: Uint8Array,
  request: CertificateRequest,
  ca: PlainCertificate,
  profile: CertificateProfile,
  now: Instant,
): IssuedCheck {
  const certificate = readPlainCertificate(der)
  if (certificate === undefined) return { certificate: undefined, fault: 'the answer is no certificate' }
  const fault = faultOf(certificate, request, ca, profile, now)
  return fault === undefined ? { certificate, fault } : { certificate: undefined, fault }
}

function faultOf(
  certificate: PlainCertificate,
  request: CertificateRequest,
  ca: PlainCertificate,
  profile: CertificateProfile,
  now: Instant,
): string | undefined {
  if (!Buffer.from(certificate.spki).equals(request.spki)) return 'the certificate is for another key'
  if (!isSignedBy(certificate, ca)) return `the certificate is not signed by ${ca.subject.text}`
  if (certificate.isCa) return 'the certificate makes a CA of whom it is for'
  if (certificate.notBefore > addSeconds(now, AHEAD))
    return `the certificate is not valid before ${certificate.notBefore}`
  if (certificate.notAfter <= now) return `the certificate expired at ${certificate.notAfter}`
  if (certificate.notAfter > ca.notAfter) return `the certificate outlives its CA, which ends at ${ca.notAfter}`
  if (secondsBetween(now, certificate.notAfter) > profile.validSeconds + AHEAD)
    return `the certificate is valid until ${certificate.notAfter}, longer than the profile ${profile.name} allows`
  const [got, asked] = [nameList(certificate.names), nameList(request.names)]
  if (got.join() !== asked.join())
    return `the certificate names ${got.join(', ') || 'nobody'}, asked for was ${asked.join(', ') || 'no name'}`
  const allowed = new Set<string>(profile.extendedKeyUsages.map((usage) => EXTENDED_KEY_USAGES[usage]))
  if (allowed.size > 0 && certificate.extendedKeyUsages.length === 0)
    return `the certificate has no extended key usage and so is good for any, which ${profile.name} does not allow`
  const surplus = certificate.extendedKeyUsages.find((usage) => !allowed.has(usage) || usage === ANY_USAGE)
  return surplus === undefined
    ? undefined
    : `the certificate has the extended key usage ${surplus}, which ${profile.name} does not allow`
}
