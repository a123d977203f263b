/** Single defects of CMS envelopes and CRLs: the change, and the rule that it breaks. Names are those of the matrix of validators. */
import {
  type Der,
  encode,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  raw,
  seq,
  seqOf,
  set,
  utcOrGeneralized,
} from '../../../src/core/der/writer.js'
import type { CmsParts, CmsPatch, CrlParts } from './objects.js'
import { certificate, crl, crlNumber } from './objects.js'
import { aki, at, attribute, CA, ext, FROM, name, OTHER, RSA_SHA256, sha256, sorted, TO } from './parts.js'
import { type Expectation, field } from './patches.js'

type Defects<P> = Readonly<Record<string, readonly [(parts: P) => void, Expectation]>>
const cms = field<CmsParts>()
const list = field<CrlParts>()

const OID = {
  type: '1.2.840.113549.1.9.3',
  digest: '1.2.840.113549.1.9.4',
  time: '1.2.840.113549.1.9.5',
  binaryTime: '1.2.840.113549.1.9.16.2.46',
}
const withAttributes =
  (change: (list: Uint8Array[]) => Uint8Array[]): CmsPatch =>
  (p) => {
    p.attributes = change(p.attributes)
  }
const without = (type: string, ...more: Uint8Array[]): CmsPatch =>
  withAttributes((list) =>
    sorted([...list.filter((a) => !Buffer.from(a).includes(Buffer.from(encode(oid(type))))), ...more]),
  )
const gt = (text: string): Der => ({ tag: 0x18, content: text, size: text.length })
const asSet = (list: readonly Uint8Array[]): Uint8Array => encode({ ...seqOf(list.map(raw)), tag: 0x31 })
/** A constructed OCTET STRING in pieces of `size`. */
const chunked = (content: Uint8Array, size: number): Der => {
  const pieces: Der[] = []
  for (let i = 0; i < content.length; i += size) pieces.push(octets(content.subarray(i, i + size)))
  return { ...seqOf(pieces), tag: 0x24 }
}

/** Defects of the CMS envelope of a ROA. */
export const ENVELOPE: Readonly<Record<string, readonly [CmsPatch, Expectation]>> = {
  econtentConstructed: [
    (p) => {
      p.wrapped = chunked(p.eContent, 1000)
    },
    'ok',
  ],
  econtentChunked2: [
    (p) => {
      p.wrapped = chunked(p.eContent, 10)
    },
    'ok',
  ],
  indefinite: [
    (p) => {
      p.wrapped = raw(Buffer.concat([Uint8Array.of(0x24, 0x80), encode(octets(p.eContent)), Uint8Array.of(0, 0)]))
    },
    'ok',
  ],
  longLen: [cms('version', raw(Uint8Array.of(0x02, 0x81, 0x01, 0x03))), 'ok'],
  trailing: [cms('trailing', Uint8Array.of(0, 0)), 'X.690 section 8.1.1'],
  attrsUnsorted: [withAttributes((list) => [...list].reverse()), 'ok'],
  attrsUnsortedSignedSorted: [
    (p) => {
      p.signOver = asSet(p.attributes)
      p.attributes = [...p.attributes].reverse()
    },
    'RFC 6488 section 3',
  ],
  signCtxTag: [
    (p) => {
      p.signOver = encode({ ...seqOf(p.attributes.map(raw)), tag: 0xa0 })
    },
    'RFC 6488 section 3',
  ],
  noSigningTime: [without(OID.time), 'RFC 9589 section 4'],
  stGeneralized: [without(OID.time, attribute(OID.time, gt('20260601000000Z'))), 'ok'],
  stFuture: [without(OID.time, attribute(OID.time, utcOrGeneralized(at('2027-06-01T00:00:00Z')))), 'ok'],
  extraAttrBst: [
    withAttributes((list) => sorted([...list, attribute(OID.binaryTime, integer(1780000000))])),
    'RFC 9589 section 4',
  ],
  extraAttr: [
    withAttributes((list) => sorted([...list, attribute('1.2.840.113549.1.9.52', nothing())])),
    'RFC 6488 section 2.1.6.4',
  ],
  dupAttr: [withAttributes((list) => sorted([...list, list[0]!])), 'RFC 6488 section 2.1.6.4'],
  twoValues: [
    without(OID.time, attribute(OID.time, utcOrGeneralized(FROM), utcOrGeneralized(TO))),
    'RFC 9589 section 4',
  ],
  noAttrs: [cms('hasAttributes', false), 'RFC 6488 section 2.1.6.4'],
  unsignedAttrs: [
    cms('unsigned', implicit(1, set(seq(oid(OID.time), set(utcOrGeneralized(FROM)))))),
    'RFC 6488 section 2.1.6.7',
  ],
  ctAttrWrong: [
    without(OID.type, attribute(OID.type, oid('1.2.840.113549.1.9.16.1.26'))),
    'RFC 6488 section 2.1.6.4.1',
  ],
  noCtAttr: [without(OID.type), 'RFC 6488 section 2.1.6.4.1'],
  mdWrong: [without(OID.digest, attribute(OID.digest, octets(sha256(Buffer.from('x'))))), 'RFC 6488 section 2.1.6.4.2'],
  badSig: [cms('breakSignature', true), 'RFC 6488 section 3'],
  digestNull: [
    (p) => {
      p.siDigest = seq(oid('2.16.840.1.101.3.4.2.1'), nothing())
      p.digestAlgorithms = set(p.siDigest)
    },
    'ok',
  ],
  sdNoDigestAlgs: [cms('digestAlgorithms', set()), 'RFC 6488 section 2.1.2'],
  sigAlgSha256Rsa: [cms('signatureAlgorithm', RSA_SHA256), 'ok'],
  sigAlgSha256RsaNoParams: [cms('signatureAlgorithm', seq(oid('1.2.840.113549.1.1.11'))), 'ok'],
  sigAlgRsaNoParams: [cms('signatureAlgorithm', seq(oid('1.2.840.113549.1.1.1'))), 'ok'],
  sidIssuerSerial: [
    (p) => {
      p.sid = seq(name(CA.name), integer(4711))
      p.siVersion = integer(1)
    },
    'RFC 6488 section 2.1.6.2',
  ],
  sidWrong: [cms('sid', implicit(0, octets(OTHER.ski))), 'RFC 6488 section 2.1.6.2'],
  siVersion1: [cms('siVersion', integer(1)), 'RFC 6488 section 2.1.6.1'],
  sdVersion1: [cms('version', integer(1)), 'RFC 6488 section 2.1.1'],
  extraCert: [
    (p) => {
      p.certificates = [...p.certificates, raw(certificate('ca'))]
    },
    'RFC 6488 section 2.1.4',
  ],
  noCert: [cms('certificates', []), 'RFC 6488 section 2.1.4'],
  crlInCms: [cms('crls', implicit(1, { ...seq(raw(crl())), tag: 0x31 })), 'RFC 6488 section 2.1.5'],
  twoSI: [cms('infos', 2), 'RFC 6488 section 2.1.6'],
  detached: [cms('wrapped', undefined), 'RFC 6488 section 2.1.3.2'],
  otherType: [cms('contentType', '1.2.840.113549.1.9.16.1.26'), 'RFC 6488 section 2.1.6.4.1'],
}

/** Defects of a CRL. */
export const CRL: Defects<CrlParts> = {
  crlExpired: [list('nextUpdate', utcOrGeneralized(at('2026-06-01T06:00:00Z'))), 'RFC 6487 section 5'],
  crlFuture: [list('thisUpdate', utcOrGeneralized(at('2026-06-01T18:00:00Z'))), 'RFC 6487 section 5'],
  crlNoAKI: [list('extensions', [crlNumber(integer(7))]), 'RFC 6487 section 5'],
  crlNoNumber: [list('extensions', [aki(CA.ski)]), 'RFC 6487 section 5'],
  crlNumberCritical: [list('extensions', [aki(CA.ski), crlNumber(integer(7), true)]), 'RFC 6487 section 5'],
  crlNumberBig: [list('extensions', [aki(CA.ski), crlNumber(integer(1n << 160n))]), 'RFC 6487 section 5'],
  crlNumberNeg: [list('extensions', [aki(CA.ski), crlNumber(integer(-1))]), 'RFC 6487 section 5'],
  crlNumberTwice: [
    (p) => {
      p.extensions.push(crlNumber(integer(8)))
    },
    'RFC 6487 section 5',
  ],
  crlExtraExt: [
    (p) => {
      p.extensions.push(ext('1.3.6.1.4.1.99999.1', false, nothing()))
    },
    'RFC 6487 section 5',
  ],
  crlEntryExt: [
    list(
      'revoked',
      seq(seq(integer(99), utcOrGeneralized(FROM), seq(ext('2.5.29.21', false, raw(Uint8Array.of(0x0a, 1, 1)))))),
    ),
    'RFC 6487 section 5',
  ],
  crlV1: [
    (p) => {
      p.version = undefined
      p.extensions = []
    },
    'RFC 6487 section 5',
  ],
  crlNoNextUpdate: [list('nextUpdate', undefined), 'RFC 5280 section 5.1.2.5'],
  crlEmptyRevoked: [list('revoked', seq()), 'ok'],
  crlAlgNoParams: [list('algorithm', seq(oid('1.2.840.113549.1.1.11'))), 'ok'],
  crlReversed: [
    (p) => {
      p.thisUpdate = utcOrGeneralized(TO)
      p.nextUpdate = utcOrGeneralized(FROM)
    },
    'RFC 6487 section 5',
  ],
}
