/** "Certs-only" messages of EST: SignedData with certificates and no signer (RFC 5652 section 5.1, RFC 8551 section 3.8). */
import { createFindings } from '../der/findings.js'
import { childrenOf, constructedTag, hasTag, parseDer, rawOf, TAG } from '../der/reader.js'
import { readOid } from '../der/values.js'
import { encode, explicit, implicit, integer, oid, raw, seq, seqOf, set } from '../der/writer.js'

const DATA = '1.2.840.113549.1.7.1'
const SIGNED_DATA = '1.2.840.113549.1.7.2'

/** Returns the certificates of a certs-only message, in its order; undefined if the bytes are not SignedData. Never throws. */
export function readCertsOnly(der: Uint8Array): readonly Uint8Array[] | undefined {
  const node = parseDer(der, createFindings())
  const [type, content] = childrenOf(node, TAG.sequence)
  const [signed] = childrenOf(content, constructedTag(0))
  if (readOid(type) !== SIGNED_DATA || signed?.tag !== TAG.sequence) return undefined
  const certificates = childrenOf(signed, TAG.sequence).find((field) => hasTag(field, constructedTag(0)))
  return certificates === undefined
    ? []
    : childrenOf(certificates, constructedTag(0))
        .filter(({ tag }) => tag === TAG.sequence)
        .map(rawOf)
}

/** Encodes `certificates` (DER) as SignedData without a signer. */
export function certsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  // a SET OF, but readers take the first as the requested certificate: the order is the caller's
  const members = implicit(0, seqOf(certificates.map(raw)))
  const signed = seq(integer(1), set(), seq(oid(DATA)), members, set())
  return encode(seq(oid(SIGNED_DATA), explicit(0, signed)))
}

/** Decodes an EST body: base64 (RFC 7030 section 4) with or without line breaks, or DER itself, which some servers send against RFC 8951. */
export function estBytes(body: Uint8Array): Uint8Array | undefined {
  if (body[0] === TAG.sequence) return body
  const text = Buffer.from(body).toString('latin1').replace(/\s+/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? new Uint8Array(Buffer.from(text, 'base64')) : undefined
}
