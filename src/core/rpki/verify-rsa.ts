/** Signatures of the RPKI (RFC 7935 section 2): RSA PKCS#1 v1.5 with SHA-256. */
import { createPublicKey, verify } from 'node:crypto'

/** Does `signature` over `tbs` hold under this SubjectPublicKeyInfo? False for a key that is none. Never throws. */
export function verifyRsa(spki: Uint8Array, tbs: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'rsa' && verify('sha256', tbs, key, signature)
  } catch {
    return false
  }
}
