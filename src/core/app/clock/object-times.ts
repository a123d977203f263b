/** The time from which a published object is valid, read from its certificate. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'
import { decodeCertificate } from '../../rpki/x509/decode-certificate.js'

/**
 * Returns true if the certificate of an object begins after `now`, and for an object that is missing or cannot be decoded: issuing it again
 * is right in both cases.
 */
export function beginsAfter(work: Work, name: string, sha256: Sha256, now: Instant): boolean {
  const bytes = bytesOf(work, sha256)
  if (bytes === undefined) return true
  const certificate = name.endsWith('.cer') ? decodeCertificate(bytes).content : decodeSignedObject(bytes).content?.ee
  return certificate === undefined || certificate.notBefore > now
}

function bytesOf(work: Work, sha256: Sha256): Uint8Array | undefined {
  try {
    return work.object(sha256)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}
