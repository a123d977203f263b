/**
 * CMS SignedData with one signer, as RFC 6488 and RFC 6492 both require it: version 3, the signer named by its key, three signed attributes.
 *
 * RFC 5652 sections 3 and 5:
 *
 *     ContentInfo ::= SEQUENCE {
 *       contentType              OBJECT IDENTIFIER,     -- id-signedData
 *       content                  [0] EXPLICIT SignedData }
 *
 *     SignedData ::= SEQUENCE {
 *       version                  INTEGER,               -- 3
 *       digestAlgorithms         SET OF AlgorithmIdentifier,
 *       encapContentInfo         SEQUENCE {
 *         eContentType             OBJECT IDENTIFIER,
 *         eContent                 [0] EXPLICIT OCTET STRING },
 *       certificates             [0] IMPLICIT SET OF Certificate,
 *       crls                     [1] IMPLICIT SET OF CertificateList OPTIONAL,
 *       signerInfos              SET OF SignerInfo }
 *
 *     SignerInfo ::= SEQUENCE {
 *       version                  INTEGER,               -- 3
 *       sid                      [0] IMPLICIT OCTET STRING,
 *       digestAlgorithm          AlgorithmIdentifier,
 *       signedAttrs              [0] IMPLICIT SET OF Attribute,
 *       signatureAlgorithm       AlgorithmIdentifier,
 *       signature                OCTET STRING,
 *       unsignedAttrs            [1] IMPLICIT SET OF Attribute OPTIONAL }   -- RFC 6488: absent
 */
import type { Instant } from '../../base/time.js'
import { sha256 } from '../../crypto/digest.js'
import type { OneTimeKey } from '../../crypto/ports.js'
import {
  type Der,
  encode,
  explicit,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  raw,
  seq,
  set,
  utcOrGeneralized,
} from '../../der/writer.js'
import { keyIdBytes } from '../x509/encode-parts.js'
import * as oids from '../x509/oids.js'

export interface SignedDataContent {
  /** Dotted object identifier. */
  readonly contentType: string
  readonly eContent: Uint8Array
  readonly signingTime: Instant
  /** DER, the signer's own certificate first. */
  readonly certificates: readonly Uint8Array[]
  /** DER; a signed object has none, a protocol message one. */
  readonly crls?: readonly Uint8Array[]
  readonly key: OneTimeKey
}

/** RFC 5754 section 2: sha256 without parameters. */
const SHA256 = seq(oid(oids.OID_SHA256))

/** RFC 7935 section 2: rsaEncryption in a SignerInfo, with NULL. */
const RSA_ENCRYPTION = seq(oid(oids.OID_RSA_ENCRYPTION), nothing())

/** Returns the DER ContentInfo. The signature covers the signed attributes as a SET OF (RFC 5652 section 5.4), the wire carries them as `[0]`. */
export async function signData(content: SignedDataContent): Promise<Uint8Array> {
  const { contentType, eContent, key } = content
  const signedAttributes = set(
    attribute(oids.OID_CONTENT_TYPE, oid(contentType)),
    attribute(oids.OID_SIGNING_TIME, utcOrGeneralized(content.signingTime)),
    attribute(oids.OID_MESSAGE_DIGEST, octets(sha256(eContent))),
  )
  const signature = await key.sign(encode(signedAttributes))
  const signerInfo = seq(
    integer(3),
    implicit(0, octets(keyIdBytes(key.id))),
    SHA256,
    implicit(0, signedAttributes),
    RSA_ENCRYPTION,
    octets(signature),
  )
  const crls = content.crls ?? []
  const signedData = seq(
    integer(3),
    set(SHA256),
    seq(oid(contentType), explicit(0, octets(eContent))),
    implicit(0, set(...content.certificates.map(raw))),
    ...(crls.length === 0 ? [] : [implicit(1, set(...crls.map(raw)))]),
    set(signerInfo),
  )
  return encode(seq(oid(oids.OID_SIGNED_DATA), explicit(0, signedData)))
}

function attribute(type: string, value: Der): Der {
  return seq(oid(type), set(value))
}
