/** Contact of a peer: its server and ID certificate from an RFC 8183 response, and the permissions that the operator gave toward it. */
import { fromBase64 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { type Check, isFlag, isKeyId, isText, isTime, objectOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'

/** STORED. */
export interface PeerContact {
  /** HTTP or HTTPS URI that takes the messages (RFC 8183 section 5.2.2). */
  readonly serviceUri: string
  /** Our ID key toward this peer. */
  readonly id: KeyId
  /** End of the certificate of that key which this peer holds; left out: of the first one. */
  readonly idUntil?: Instant
  /** Base64 DER of the peer's ID certificate. */
  readonly peer: string
  /** PEM of the CAs that verify its HTTPS server, besides those of the system. */
  readonly tlsCa?: string
  /** True if the operator permitted HTTPS without verification. */
  readonly tlsInsecure?: boolean
  /** True if the operator permitted messages with a CRL that is out of date. */
  readonly acceptStaleCrl?: boolean
  /** True if the operator permitted a server with a loopback, link-local or private address. */
  readonly allowPrivate?: boolean
}

export const isPeerContact: Check<PeerContact> = objectOf<PeerContact>({
  serviceUri: isText,
  id: isKeyId,
  'idUntil?': isTime,
  peer: isText,
  'tlsCa?': isText,
  'tlsInsecure?': isFlag,
  'acceptStaleCrl?': isFlag,
  'allowPrivate?': isFlag,
})

/** Returns the DER of a stored ID certificate. Throws `id-text` (corrupt). */
export function peerDer(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'id-text', 'a stored ID certificate is not base64')
  return bytes
}
