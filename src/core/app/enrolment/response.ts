/** What a CA says to a request, verified before it counts. */
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

/** The answer, where it is the certificate that was asked for or a promise of one. Throws a BackendFault (ca-fault) for any other certificate. */
export async function verified(
  answer: Issued,
  backend: CaBackend,
  request: CertificateRequest,
  profile: CertificateProfile,
  now: () => Instant,
): Promise<CaResponse<Verified>> {
  if (answer.outcome === 'pending') {
    const { reference, retryAfter } = answer
    return { outcome: 'pending', message: 'somebody at the CA has to decide', value: { reference, retryAfter } }
  }
  const [own] = await backend.chain()
  const ca = own === undefined ? undefined : readPlainCertificate(own)
  if (ca === undefined) throw new BackendFault('config-fault', 'ca-certificate', `${backend.ca} has no certificate`)
  const { certificate, fault } = checkIssued(answer.certificate, request, ca, profile, now())
  if (certificate === undefined)
    throw new BackendFault('ca-fault', 'ca-wrong-certificate', `${backend.ca} returned a wrong certificate: ${fault}`)
  return { outcome: 'ok', message: 'it issued', value: { certificate } }
}

/** What history keeps of a certificate. */
export function recordOf(
  certificate: PlainCertificate,
  ca: string,
  { label, key, by, renews }: RequestSpec,
): Omit<IssuedCertificate, 'at' | 'revoked'> {
  const { serial, notBefore, notAfter, der } = certificate
  // a CA may have its own word on the subject
  const [subject, names] = [certificate.subject.text, nameList(certificate.names)]
  return { label, key, subject, names, by, renews, ca, serial, notBefore, notAfter, sha256: sha256Hex(der) }
}
