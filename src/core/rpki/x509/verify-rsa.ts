/** Signatures of the RPKI (RFC 7935 section 2): RSA PKCS#1 v1.5 with SHA-256. */
import { verify } from 'node:crypto'
import { subjectPublicKeyBits } from '../../crypto/digest.js'

/** Does `signature` over `tbs` hold under this SubjectPublicKeyInfo? False for a key that is no RSA key. Never throws. */
export function verifyRsa(spki: Uint8Array, tbs: Uint8Array, signature: Uint8Array): boolean {
  try {
    // OpenSSL 3 takes ten times as long to find out what a SubjectPublicKeyInfo is
    const key = { key: Buffer.from(subjectPublicKeyBits(spki)), format: 'der', type: 'pkcs1' } as const
    return verify('sha256', tbs, key, signature)
  } catch {
    return false
  }
}
