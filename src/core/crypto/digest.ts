/** Digests: SHA-256 of objects and records, SHA-1 for subject key identifiers (RFC 6487 section 4.8.2). */
import { createHash, hash } from 'node:crypto'
import { canonicalJson } from '../base/json.js'
import type { KeyId, Sha256 } from './ports.js'

/** Returns the SHA-256 as lower-case hex. */
export function sha256Hex(bytes: Uint8Array | string): Sha256 {
  return hash('sha256', bytes, 'hex') as Sha256
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

/** Returns the SHA-256 of the canonical JSON of a value. */
export function jsonDigest(value: unknown): Sha256 {
  return sha256Hex(canonicalJson(value))
}

/** Returns the key identifier of RFC 6487 section 4.8.2: SHA-1 of the bits of subjectPublicKey, without tag, length and unused-bits octet. `spki` is exported by node:crypto, with the key as its last member. */
export function keyIdOf(spki: Uint8Array): KeyId {
  return createHash('sha1').update(subjectPublicKeyBits(spki)).digest('hex').toUpperCase() as KeyId
}

/** Returns the octets of the BIT STRING at the end of a SubjectPublicKeyInfo. Throws a TypeError for other bytes. */
export function subjectPublicKeyBits(spki: Uint8Array): Uint8Array {
  const outer = header(spki, 0)
  const algorithm = header(spki, outer.body)
  const bits = header(spki, algorithm.end)
  if (spki[outer.start] !== 0x30 || spki[bits.start] !== 0x03 || bits.end !== spki.length)
    throw new TypeError('not a SubjectPublicKeyInfo')
  return spki.subarray(bits.body + 1, bits.end)
}

function header(der: Uint8Array, start: number): { start: number; body: number; end: number } {
  const first = der[start + 1] ?? 0
  if (first < 0x80) return { start, body: start + 2, end: start + 2 + first }
  let length = 0
  for (let i = 0; i < (first & 0x7f); i++) length = length * 256 + (der[start + 2 + i] ?? 0)
  const body = start + 2 + (first & 0x7f)
  return { start, body, end: body + length }
}
