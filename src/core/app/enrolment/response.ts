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
  | { readonly certificate: PlainCertificate; readonly differences: readonly string[] }
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
  const ca = await ownCertificate(backend)
  const { certificate, fault, finding, differences } = checkIssued(response.certificate, request, ca, profile, now())
  if (certificate === undefined || fault === 'not-ours')
    throw new BackendFault('unknown', 'ca-wrong-certificate', `${backend.ca} returned another certificate: ${finding}`)
  if (fault === undefined) return { outcome: 'ok', message: 'issued', value: { certificate, differences } }
  const why = finding ?? fault
  const message = `the certificate ${certificate.serial} that ${backend.ca} issued is refused: ${why}`
  return { outcome: OUTCOMES[fault], message, value: { refused: certificate, why } }
}

/** Returns the certificate of the CA; undefined if it cannot be read, which must not lose a certificate that was issued. */
async function ownCertificate(backend: CaBackend): Promise<PlainCertificate | undefined> {
  try {
    const [own] = await backend.chain()
    return own === undefined ? undefined : readPlainCertificate(own)
  } catch (error) {
    if (error instanceof AppError) return undefined
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
