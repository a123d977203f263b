/**
 * RSA-2048 keys with exponent 65537 (RFC 7935 section 3), generated on libuv's threads and read from PKCS#8.
 * Invariant: a `FreshKey` has the size and exponent that the profile requires, and its private half belongs to its public half.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { keyIdOf } from './digest.js'
import type { PublicKey } from './ports.js'

const MODULUS_BITS = 2048
const EXPONENT = 65537n

/** A key pair in memory. The private half leaves only through `exportPkcs8`; dropping the last reference frees and clears it. */
export interface FreshKey extends PublicKey {
  readonly privateKey: KeyObject
}

export interface MakeOptions {
  /** The number of cores to use. libuv runs at most UV_THREADPOOL_SIZE keys at once, which the launcher sets. */
  readonly concurrency: number
  /** Called after each key with the number of keys so far and in total. */
  readonly onProgress?: (made: number, total: number) => void
  /** Stops before the next key; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Source of keys; default `makeKey`. */
  readonly make?: () => Promise<FreshKey>
}

/** Returns the number of keys in progress: four more than there are cores, so that no core is idle while the event loop writes signed objects. */
export function inFlightFor(concurrency: number): number {
  return concurrency + 4
}

/** Generates a key. */
export function makeKey(): Promise<FreshKey> {
  return new Promise((resolve, reject) => {
    const parameters = { modulusLength: MODULUS_BITS, publicExponent: Number(EXPONENT) }
    generateKeyPair('rsa', parameters, (error, publicKey, privateKey) => {
      if (error !== null) return reject(error)
      const spki = exportSpki(publicKey)
      resolve({ id: keyIdOf(spki), spki, privateKey })
    })
  })
}

/** Returns the key as unencrypted PKCS#8 DER, for the key store only. The caller clears it after use. */
export function exportPkcs8(key: KeyObject): Uint8Array {
  return plainBytes(key.export({ type: 'pkcs8', format: 'der' }))
}

/** Reads a key. Throws a TypeError with the reason, which quotes nothing of the key. */
export function importPkcs8(pkcs8: Uint8Array): FreshKey {
  const privateKey = parse(pkcs8)
  if (privateKey.asymmetricKeyType !== 'rsa') throw new TypeError(`${privateKey.asymmetricKeyType} key, not RSA`)
  const { modulusLength, publicExponent } = privateKey.asymmetricKeyDetails ?? {}
  if (modulusLength !== MODULUS_BITS || publicExponent !== EXPONENT)
    throw new TypeError(`RSA key of ${modulusLength} bits with exponent ${publicExponent}, not 2048 and 65537`)
  if (!isConsistent(privateKey)) throw new TypeError('RSA key whose private numbers do not belong to its modulus')
  const spki = exportSpki(createPublicKey(privateKey))
  return { id: keyIdOf(spki), spki, privateKey }
}

function parse(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({
      key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length),
      format: 'der',
      type: 'pkcs8',
    })
  } catch {
    // OpenSSL's message has library internals and, in some versions, offsets into the key
    throw new TypeError('not a PKCS#8 private key')
  }
}

function exportSpki(publicKey: KeyObject): Uint8Array {
  return plainBytes(publicKey.export({ type: 'spki', format: 'der' }))
}

/** Returns a Uint8Array over the same memory: `slice` of a Buffer shares bytes, that of a Uint8Array copies, and private keys are cleared. */
export function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** Checks the equations of RFC 8017 section 3.2: OpenSSL reads a key with a flipped bit without an error, and its signatures do not verify. */
function isConsistent(privateKey: KeyObject): boolean {
  const jwk = privateKey.export({ format: 'jwk' })
  const [n, d, p, q] = [integer(jwk.n), integer(jwk.d), integer(jwk.p), integer(jwk.q)]
  const [dp, dq, qi] = [integer(jwk.dp), integer(jwk.dq), integer(jwk.qi)]
  if (p < 2n || q < 2n || p * q !== n) return false
  return (
    (EXPONENT * d) % (p - 1n) === 1n &&
    (EXPONENT * d) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    (qi * q) % p === 1n
  )
}

function integer(base64url: string | undefined): bigint {
  return BigInt(`0x0${Buffer.from(base64url ?? '', 'base64url').toString('hex')}`)
}
