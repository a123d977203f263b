/** Verification of the response of a CA. */
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { IssuedCertificate, RequestSpec } from '../../est/state.js'
import { BackendFault, type CaBackend, type Issued } from '../../ha/backend.js'
import { type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { checkIssued } from '../../pki/check-issued.js'
import type { CertificateRequest } from '../../pki/csr.js'
import { nameList } from '../../pki/names.js'
import type { CertificateProfile } from '../../pki/profile.js'
import type { CaResponse } from '../failover/call-ca.js'

export type Verified =
  | { readonly certificate: PlainCertificate }
  | { readonly reference: string; readonly retryAfter: number }

/**
 * Verifies that the response holds the requested certificate, or says that it is pending. Throws a BackendFault (`ca-fault`) for any other
 * certificate.
 */
export async function verifyResponse(
  response: Issued,
  backend: CaBackend,
  request: CertificateRequest,
  profile: CertificateProfile,
  now: () => Instant,
): Promise<CaResponse<Verified>> {
  if (response.outcome === 'pending') {
    const { reference, retryAfter, message = 'waiting for approval at the CA' } = response
    return { outcome: 'pending', message, value: { reference, retryAfter } }
  }
  const [own] = await backend.chain()
  const ca = own === undefined ? undefined : readPlainCertificate(own)
  if (ca === undefined) throw new BackendFault('config-fault', 'ca-certificate', `${backend.ca} has no certificate`)
  const { certificate, finding } = checkIssued(response.certificate, request, ca, profile, now())
  if (certificate === undefined)
    throw new BackendFault('ca-fault', 'ca-wrong-certificate', `${backend.ca} returned a wrong certificate: ${finding}`)
  return { outcome: 'ok', message: 'issued', value: { certificate } }
}

/** Returns what is recorded of a certificate. */
export function recordOf(
  certificate: PlainCertificate,
  ca: string,
  { label, key, by, renews }: RequestSpec,
): Omit<IssuedCertificate, 'at' | 'revoked'> {
  const { serial, notBefore, notAfter, der } = certificate
  // a CA may set another subject than the requested one
  const [subject, names] = [certificate.subject.text, nameList(certificate.names)]
  return { label, key, subject, names, by, renews, ca, serial, notBefore, notAfter, sha256: sha256Hex(der) }
}
