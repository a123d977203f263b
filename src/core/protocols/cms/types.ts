/** Values of the business PKI (RFC 8183 section 4) and of the messages in CMS that RFC 6492 section 3.1 defines and RFC 8181 section 2 takes over. */
import type { Instant } from '../../base/time.js'
import type { KeyId, Sign } from '../../crypto/ports.js'
import type { ObjectFinding } from '../../der/findings.js'
import type { DerNode } from '../../der/reader.js'
import type { ParsedKey } from '../../rpki/x509/key.js'

/** The certificate of an ID key: what RFC 8183 calls a BPKI TA. It need not be self-signed. */
export interface IdCertificate {
  readonly der: Uint8Array
  readonly ski: KeyId
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** DER Name. */
  readonly subject: Uint8Array
  readonly serial: bigint
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly isSelfSigned: boolean
  /** CA certificates that it allows below itself; undefined without a limit. */
  readonly pathLength: bigint | undefined
}

/** An ID key that signs EE certificates and CRLs; the private half stays in the `Signer`. */
export interface IdSigner {
  readonly ski: KeyId
  readonly spki: Uint8Array
  readonly sign: Sign
}

/** The readable parts of a certificate of the business PKI, valid or not. */
export interface BpkiCertificate {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signature: Uint8Array | undefined
  readonly version: bigint | undefined
  readonly serial: bigint | undefined
  /** DER Names. */
  readonly issuer: Uint8Array | undefined
  readonly subject: Uint8Array | undefined
  readonly notBefore: Instant | undefined
  readonly notAfter: Instant | undefined
  readonly key: ParsedKey | undefined
  readonly extensions: BpkiExtensions
}

/** The extensions that matter here; all others are ignored, critical or not. */
export interface BpkiExtensions {
  readonly isCa: boolean
  /** Largest number of CA certificates below; undefined without a limit. */
  readonly pathLength: bigint | undefined
  readonly ski: KeyId | undefined
  /** The key identifier; undefined also where the extension names the issuer by name and serial number alone. */
  readonly aki: KeyId | undefined
  /** First octet of the KeyUsage bits; undefined without the extension. */
  readonly keyUsage: number | undefined
}

/** The readable parts of the CRL of a message, valid or not. */
export interface BpkiCrl {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signature: Uint8Array | undefined
  readonly issuer: Uint8Array | undefined
  readonly thisUpdate: Instant | undefined
  readonly nextUpdate: Instant | undefined
  readonly revoked: ReadonlySet<bigint>
  readonly aki: KeyId | undefined
  readonly number: bigint | undefined
}

export interface Attribute {
  readonly oid: string
  readonly values: readonly DerNode[]
}

/** The readable parts of a SignerInfo. */
export interface SignerReading {
  readonly version: bigint | undefined
  /** Undefined unless the signer is named by a subject key identifier. */
  readonly sid: KeyId | undefined
  readonly digestAlgorithm: string
  readonly attributes: readonly Attribute[]
  /** Octets that the signature may cover: the attributes as a SET OF in DER, in the order of the wire and, where it differs, sorted. */
  readonly signedOctets: readonly Uint8Array[]
  readonly signatureAlgorithm: string
  readonly signature: Uint8Array | undefined
  readonly hasUnsigned: boolean
}

/** The readable parts of a message, accepted or not. */
export interface MessageReading {
  /** False where nothing could be read: then `structure` has the reason. */
  readonly isSignedData: boolean
  readonly version: bigint | undefined
  readonly digestAlgorithms: readonly string[]
  readonly contentType: string | undefined
  readonly content: Uint8Array | undefined
  readonly certificates: readonly BpkiCertificate[]
  readonly crls: readonly BpkiCrl[]
  readonly signers: readonly SignerReading[]
  /** Departures from the encoding and the ASN.1 of the standards. */
  readonly structure: readonly ObjectFinding[]
}

/** A finding about a message, with the name of the acceptance rule. */
export interface MessageFinding extends ObjectFinding {
  readonly check: string
}
