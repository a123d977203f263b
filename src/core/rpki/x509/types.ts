/** Resource certificates (RFC 6487) as values: one shape for what is encoded and what is decoded. Numbers that may exceed 2^53 are `bigint`. */
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import type { ResourceSet } from '../../resources/types.js'

/** RFC 6487 section 4.8.8: where a CA publishes, or the URI of the object that this EE certificate signs. */
export type SubjectInfoAccess =
  | { readonly kind: 'ca'; readonly caRepository: string; readonly manifest: string; readonly notify?: string }
  | { readonly kind: 'ee'; readonly signedObject: string }

/** Per family: a set, or `inherit` (RFC 3779 section 2.2.3.3), or absent (undefined). */
export interface CertificateResources {
  readonly asn?: ResourceSet['asn'] | 'inherit'
  readonly ipv4?: ResourceSet['ipv4'] | 'inherit'
  readonly ipv6?: ResourceSet['ipv6'] | 'inherit'
}

/** A resource certificate (RFC 6487). `ta`: self-signed, no AIA, no CRLDP; `ca`: issued to a CA; `ee`: one-time, inside a signed object. */
export interface CertificateContent {
  readonly kind: 'ta' | 'ca' | 'ee'
  readonly serial: bigint
  /** Common names; Brine uses the upper-hex SKI of the issuing and the subject key. */
  readonly issuer: string
  /** DER of the issuer's Name where it differs from the common name `issuer`: the subject that its own issuer chose. */
  readonly issuerName?: Uint8Array
  readonly subject: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** DER SubjectPublicKeyInfo of the subject. */
  readonly spki: Uint8Array
  /** Identifier of the issuing key; a TA may leave it out (equal to its own). */
  readonly aki?: KeyId
  readonly crl?: string
  /** caIssuers URI. */
  readonly aia?: string
  readonly sia: SubjectInfoAccess
  readonly resources: CertificateResources
}

export interface DecodedCertificate extends CertificateContent {
  readonly ski: KeyId
  /** The signed bytes and the signature over them. */
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}
