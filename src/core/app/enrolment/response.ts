/** Verification of the response of a CA. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { IssuedCertificate, RequestSpec } from '../../est/state.js'
import { BackendFault, type CaBackend, type Issued } from '../../ha/backend.js'
import type { Outcome } from '../../ha/state.js'
import { type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { checkIssued, type IssuedFault } from '../../pki/check-issued.js'
import type { CertificateRequest } from '../../pki/csr.js'
import { nameList } from '../../pki/names.js'
import type { CertificateProfile } from '../../pki/profile.js'
import type { CaResponse } from '../failover/call-ca.js'

/** A certificate that was issued and is not handed out, and why. */
export interface Refused {
  readonly refused: PlainCertificate
  readonly why: string
}

export type Verified =
  /** `chain` is that of the CA, DER, its own certificate first; empty if it cannot be read. */
  | {
      readonly certificate: PlainCertificate
      readonly differences: readonly string[]
      readonly chain: readonly Uint8Array[]
    }
  | Refused
  | { readonly reference: string; readonly retryAfter: number }

/** Outcome of each finding: a difference that the policy of the CA makes does not count against it; after the others another CA may serve. */
const OUTCOMES: Readonly<Record<Exclude<IssuedFault, 'not-ours'>, Outcome>> = {
  policy: 'request-fault',
  clock: 'ca-fault',
  'other-ca': 'config-fault',
}

/**
 * Verifies that the response holds the requested certificate, or says that it is pending. A certificate that is not handed out is a value
 * too, so that it is recorded. Throws a BackendFault (`unknown`) for a response without a certificate for the requested key.
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
  const chain = await chainOf(backend)
  const [own] = chain
  const ca = own === undefined ? undefined : readPlainCertificate(own)
  const { certificate, fault, finding, differences } = checkIssued(response.certificate, request, ca, profile, now())
  if (certificate === undefined || fault === 'not-ours')
    throw new BackendFault('unknown', 'ca-wrong-certificate', `${backend.ca} returned another certificate: ${finding}`)
  if (fault === undefined) return { outcome: 'ok', message: 'issued', value: { certificate, differences, chain } }
  const why = finding ?? fault
  const message = `the certificate ${certificate.serial} that ${backend.ca} issued is refused: ${why}`
  return { outcome: OUTCOMES[fault], message, value: { refused: certificate, why } }
}

/** Returns the chain of the CA; empty if it cannot be read, which must not lose a certificate that was issued. */
async function chainOf(backend: CaBackend): Promise<readonly Uint8Array[]> {
  try {
    return await backend.chain()
  } catch (error) {
    if (error instanceof AppError) return []
    throw error
  }
}

/** Returns what is recorded of a certificate; `refused` is the reason why it is not handed out. */
export function recordOf(
  certificate: PlainCertificate,
  ca: string,
  { label, key, by, renews }: RequestSpec,
  refused?: string,
): Omit<IssuedCertificate, 'at' | 'revoked'> {
  const { serial, notBefore, notAfter, der } = certificate
  // a CA may set another subject than the requested one
  const [subject, names] = [certificate.subject.text, nameList(certificate.names)]
  return {
    ...{ label, key, subject, names, by, renews, ca, serial, notBefore, notAfter, sha256: sha256Hex(der) },
    ...(refused !== undefined && { refused }),
  }
}
