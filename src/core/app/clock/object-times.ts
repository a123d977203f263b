/** The time from which a published object is valid, read from its certificate. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import { kindOf } from '../../rpki/object-kinds.js'
import { decodeRouterCertificate } from '../../rpki/router-certificate.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'
import { decodeCertificate } from '../../rpki/x509/decode-certificate.js'

/**
 * Returns true if the certificate of an object begins after `now`, and for an object that is missing or cannot be decoded: issuing it again
 * is right in both cases.
 */
export function beginsAfter(work: Work, name: string, sha256: Sha256, now: Instant): boolean {
  const bytes = bytesOf(work, sha256)
  if (bytes === undefined) return true
  const certificate = certificateOf(name, bytes)
  return certificate === undefined || certificate.notBefore > now
}

function certificateOf(name: string, bytes: Uint8Array): { readonly notBefore: Instant } | undefined {
  if (!name.endsWith('.cer')) return decodeSignedObject(bytes).content?.ee
  return kindOf(name) === 'router' ? decodeRouterCertificate(bytes).content : decodeCertificate(bytes).content
}

function bytesOf(work: Work, sha256: Sha256): Uint8Array | undefined {
  try {
    return work.object(sha256)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}
