/** Bytes that a state stores as base64, and the digest by which content is compared. */
import { fromBase64 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { jsonDigest } from '../crypto/digest.js'

/** Returns the bytes of a stored public key. Throws `key-text`. */
export function spkiOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'key-text', 'a stored public key is not base64')
  return bytes
}

/** Returns the DER of a stored Name. Throws `name-text`. */
export function nameOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'name-text', 'a stored subject name is not base64')
  return bytes
}

/** Returns the digest by which content is compared. */
export function contentDigest(value: unknown): string {
  return jsonDigest(value).slice(0, 32)
}
