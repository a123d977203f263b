/** Ed25519 (RFC 8032): keys as PKCS#8 DER and as the 32 bytes of the public half, signatures of 64 bytes. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'

/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 section 4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** Generates a private key, PKCS#8 DER. */
export function makeEd25519(): Uint8Array {
  return new Uint8Array(generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }))
}

/** Returns the public half, 32 bytes; undefined if the bytes are not an Ed25519 key. */
export function ed25519PublicOf(pkcs8: Uint8Array): Uint8Array | undefined {
  try {
    const key = createPublicKey(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }))
    if (key.asymmetricKeyType !== 'ed25519') return undefined
    return new Uint8Array(key.export({ format: 'der', type: 'spki' })).subarray(SPKI_HEAD.length)
  } catch {
    return undefined
  }
}

export function signEd25519(pkcs8: Uint8Array, bytes: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return new Uint8Array(sign(null, bytes, key))
}

/** Returns true if the signature of this key over these bytes is valid; false for a key or signature of another length. */
export function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' })
  return verify(null, bytes, key, signature)
}
