/**
 * Messages in CMS built part by part, so that a test can plant one defect in an otherwise valid message and sign it again. The ID key is
 * that of `CA`, the EE key that of `EE`. Shares only the DER combinators with the product.
 */
import { createFindings } from '../../../src/core/der/findings.js'
import { type DerNode, elementsIn, parseDer, rawOf } from '../../../src/core/der/reader.js'
import { boolean, type Der, implicit, octets, oid, raw, seq, utcOrGeneralized } from '../../../src/core/der/writer.js'
import { type CertPatch, type CmsPatch, type CrlParts, certificate, crl, signedObject } from '../rpki/objects.js'
import { aki, at, attribute, CA, ext, ID, NOW, name, sha256, sorted, type TestKey } from '../rpki/parts.js'

export const CONTENT_TYPE = '1.2.840.113549.1.9.16.1.28'
export const CONTENT = Buffer.from('<message version="1" type="list"/>')
/** Signing time, in the middle of the validity of the EE certificate and the CRL. */
export const SIGNED_AT = NOW
export const FROM = at('2026-06-01T11:55:00Z')
export const TO = at('2026-06-01T12:05:00Z')

export interface Craft {
  /** Default: `CONTENT`. */
  readonly content?: Uint8Array
  readonly ee?: CertPatch
  readonly crl?: (parts: CrlParts) => void
  readonly cms?: CmsPatch
  /** Changes the encoded message. */
  readonly bytes?: (message: Uint8Array) => Uint8Array
}

/** Returns a message with the changes applied before each part is signed. */
export function craft(changes: Craft = {}): Uint8Array {
  const content = Buffer.from(changes.content ?? CONTENT)
  const message = signedObject('roa', content, eeCertificate(changes.ee), (parts) => {
    parts.contentType = CONTENT_TYPE
    parts.attributes = sorted([
      attribute('1.2.840.113549.1.9.3', oid(CONTENT_TYPE)),
      attribute('1.2.840.113549.1.9.5', utcOrGeneralized(SIGNED_AT)),
      attribute('1.2.840.113549.1.9.4', octets(sha256(content))),
    ])
    parts.crls = crls(messageCrl(changes.crl))
    changes.cms?.(parts)
  })
  return changes.bytes?.(message) ?? message
}

/** Returns the EE certificate of a message, issued by `CA`. */
export function eeCertificate(patch: CertPatch = () => {}, subject?: TestKey): Uint8Array {
  const changed: CertPatch = (parts) => {
    parts.notBefore = utcOrGeneralized(FROM)
    parts.notAfter = utcOrGeneralized(TO)
    const { ski, aki: issuer } = parts.extensions
    parts.extensions = { ...(ski !== undefined && { ski }), ...(issuer !== undefined && { aki: issuer }) }
    patch(parts)
  }
  return certificate('roa-ee', changed, 'x', subject)
}

/** Returns the certificate of a CA of the business PKI: `subject` certified by `issuer`. */
export function bpkiCa(subject: TestKey, issuer: TestKey, patch: CertPatch = () => {}): Uint8Array {
  const changed: CertPatch = (parts) => {
    parts.issuer = name(issuer.name)
    parts.signer = issuer
    parts.extensions = {
      bc: ext(ID.bc, true, seq(boolean(true))),
      ski: ext(ID.ski, false, octets(subject.ski)),
      aki: aki(issuer.ski),
    }
    patch(parts)
  }
  return certificate('ca', changed, '', subject)
}

/** Returns the CRL of a message: of `issuer`, valid as long as the EE certificate. */
export function messageCrl(patch: (parts: CrlParts) => void = () => {}, issuer = CA): Uint8Array {
  const changed = (parts: CrlParts): void => {
    parts.thisUpdate = utcOrGeneralized(FROM)
    parts.nextUpdate = utcOrGeneralized(TO)
    parts.revoked = undefined
    patch(parts)
  }
  return crl(changed, issuer)
}

/** Returns the member `crls` of SignedData. */
export function crls(...lists: readonly Uint8Array[]): Der {
  return implicit(1, { ...seq(...lists.map(raw)), tag: 0x31 })
}

/** Returns a message in BER: indefinite lengths everywhere but in certificates and CRLs, and strings in parts of `size` octets. */
export function asBer(message: Uint8Array, size = 10): Uint8Array {
  const node = parseDer(message, createFindings())
  if (node === undefined) throw new Error('not ASN.1')
  return berOf(node, size)
}

const END = Uint8Array.of(0, 0)

function berOf(node: DerNode, size: number): Uint8Array {
  const members = elementsIn(node)
  if (node.tag === 0x04) return stringInParts(node, size)
  // certificates and CRLs: SEQUENCE of SEQUENCE, SEQUENCE, BIT STRING
  const isSigned = members.length === 3 && members[0]?.tag === 0x30 && members[2]?.tag === 0x03
  if ((node.tag & 0x20) === 0 || isSigned) return rawOf(node)
  return Buffer.concat([Uint8Array.of(node.tag, 0x80), ...members.map((member) => berOf(member, size)), END])
}

function stringInParts(node: DerNode, size: number): Uint8Array {
  const content = node.bytes.subarray(node.body, node.end)
  const parts: Uint8Array[] = []
  for (let at = 0; at < content.length; at += size) {
    const piece = content.subarray(at, at + size)
    parts.push(Buffer.concat([Uint8Array.of(0x04, piece.length), piece]))
  }
  return Buffer.concat([Uint8Array.of(0x24, 0x80), ...parts, END])
}
