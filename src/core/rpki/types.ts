/** The contents of RPKI objects as values, one shape for what we encode and what we decode. Numbers that may exceed 2^53 are `bigint`. */

import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/faults.js'
import type { Family, ResourceSet } from '../resources/types.js'

/** RFC 6487 section 4.8.8: where a CA publishes, or where the object that this EE certificate signs lies. */
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
  /** Common names; by house rule the upper-hex SKI of the issuing and the subject key. */
  readonly issuer: string
  /** DER of the issuer's Name where it is another than the common name `issuer`: the subject that its own issuer chose. */
  readonly issuerName?: Uint8Array
  readonly subject: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** DER SubjectPublicKeyInfo of the subject. */
  readonly spki: Uint8Array
  /** Of the issuing key; a TA may leave it out (equal to its own). */
  readonly aki?: KeyId
  readonly crl?: string
  /** caIssuers URI. */
  readonly aia?: string
  readonly sia: SubjectInfoAccess
  readonly resources: CertificateResources
}

export interface CrlEntry {
  readonly serial: bigint
  readonly revokedAt: Instant
}

/** RFC 6487 section 5. */
export interface CrlContent {
  readonly issuer: string
  /** As in a certificate. */
  readonly issuerName?: Uint8Array
  readonly aki: KeyId
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly number: bigint
  readonly revoked: readonly CrlEntry[]
}

export interface ManifestFile {
  readonly name: string
  /** 32 octets. */
  readonly sha256: Uint8Array
}

/** RFC 9286 section 4.2. */
export interface ManifestContent {
  readonly number: bigint
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly files: readonly ManifestFile[]
}

export interface RoaAddress {
  readonly family: Family
  readonly address: bigint
  readonly length: number
  /** Absent means equal to `length` (RFC 9582 section 4.3.2.2). */
  readonly maxLength?: number
}

/** RFC 9582 section 4. */
export interface RoaContent {
  readonly asn: number
  readonly addresses: readonly RoaAddress[]
}

/** RFC 8630 section 2. */
export interface TalContent {
  readonly comments: readonly string[]
  readonly uris: readonly string[]
  readonly spki: Uint8Array
}

export type SignedObjectType = 'roa' | 'mft'

/** What was read and every fault found. `content` is undefined only when too little could be read. */
export interface Decoded<T> {
  readonly content: T | undefined
  readonly faults: readonly ObjectFinding[]
}

export interface DecodedCertificate extends CertificateContent {
  readonly ski: KeyId
  /** The signed bytes and the signature over them. */
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

export interface DecodedCrl extends CrlContent {
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

/** RFC 6488: the envelope. */
export interface DecodedSignedObject {
  readonly contentType: string
  readonly eContent: Uint8Array
  readonly ee: DecodedCertificate
  readonly signingTime: Instant | undefined
}
