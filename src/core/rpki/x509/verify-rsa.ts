/** Verification of RPKI signatures (RFC 7935 section 2): RSA PKCS#1 v1.5 with SHA-256. */
import { verify } from 'node:crypto'
import { subjectPublicKeyBits } from '../../crypto/digest.js'

/** Returns true if `signature` over `tbs` verifies under this SubjectPublicKeyInfo; false for a key that is not an RSA key. Never throws. */
export function verifyRsa(spki: Uint8Array, tbs: Uint8Array, signature: Uint8Array): boolean {
  try {
    // as PKCS#1: OpenSSL 3 takes ten times as long to parse a SubjectPublicKeyInfo
    const key = { key: Buffer.from(subjectPublicKeyBits(spki)), format: 'der', type: 'pkcs1' } as const
    return verify('sha256', tbs, key, signature)
  } catch {
    return false
  }
}
