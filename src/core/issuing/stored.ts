/** What state keeps as text, as bytes again; and the digest by which content is compared. */
import { fromBase64 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { jsonDigest } from '../crypto/digest.js'

/** A stored public key. */
export function spkiOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'key-text', 'a stored public key is not base64')
  return bytes
}

/** A stored Name. */
export function nameOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'name-text', 'a stored subject name is not base64')
  return bytes
}

/** The digest by which content is compared. */
export function contentDigest(value: unknown): string {
  return jsonDigest(value).slice(0, 32)
}
