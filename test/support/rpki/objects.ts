/**
 * RPKI objects built part by part, so that a test can plant one defect in an otherwise valid object and sign it again.
 * Shares only the DER combinators with the product: profile and layout are repeated here on purpose.
 */
import { sign } from 'node:crypto'
import {
  bits,
  boolean,
  type Der,
  encode,
  explicit,
  generalized,
  ia5,
  implicit,
  integer,
  octets,
  oid,
  raw,
  seq,
  seqOf,
  set,
  utcOrGeneralized,
} from '../../../src/core/der/writer.js'
import {
  access,
  aia,
  aki,
  as,
  at,
  attribute,
  CA,
  CA_REPO,
  CA_URI,
  crldp,
  EE,
  type Ext,
  ext,
  FROM,
  HOST,
  ID,
  INHERIT_AS,
  INHERIT_IP,
  ip,
  name,
  policy,
  prefix,
  RSA,
  RSA_SHA256,
  SHA256,
  sha256,
  sia,
  sorted,
  TA,
  TA_REPO,
  TA_URI,
  type TestKey,
  TO,
  v4,
  v6,
} from './parts.js'

export interface CertParts {
  version: Der | undefined
  serial: Der
  algorithm: Der
  issuer: Der
  notBefore: Der
  notAfter: Der
  subject: Der
  spki: Uint8Array
  extensions: Partial<Record<Ext, Der>>
  extra: Der[]
  outerAlgorithm: Der
  signer: TestKey
  trailing: Uint8Array
}
export type CertPatch = (parts: CertParts) => void
export type CertKind = 'ta' | 'ca' | 'roa-ee' | 'mft-ee' | 'asa-ee' | 'router'

const ALL_IP = ip(v4(prefix([])), v6(prefix([])))
const ALL_AS = as(seq(integer(0), integer(4294967295)))

function baseParts(kind: CertKind, subject: TestKey, objectName: string): CertParts {
  const isTa = kind === 'ta'
  const isCa = isTa || kind === 'ca'
  const issuer = isCa ? TA : CA
  const repo = isTa ? TA_REPO : CA_REPO
  const parts: CertParts = {
    version: explicit(0, integer(2)),
    serial: integer(isTa ? 1 : 4711),
    algorithm: RSA_SHA256,
    issuer: name(issuer.name),
    notBefore: utcOrGeneralized(kind === 'mft-ee' ? FROM : at('2026-01-01T00:00:00Z')),
    notAfter: utcOrGeneralized(kind === 'mft-ee' ? TO : at('2027-01-01T00:00:00Z')),
    subject: name(kind === 'router' ? 'ROUTER-0000FBF0-00000001' : subject.name),
    spki: subject.spki,
    extensions: {
      ...(isCa && { bc: ext(ID.bc, true, seq(boolean(true))) }),
      ski: ext(ID.ski, false, octets(subject.ski)),
      ...(!isTa && { aki: aki(issuer.ski) }),
      ku: ext(ID.ku, true, isCa ? bits(Uint8Array.of(6), 1) : bits(Uint8Array.of(0x80), 7)),
      ...(kind === 'router' && { eku: ext(ID.eku, false, seq(oid('1.3.6.1.5.5.7.3.30'))) }),
      ...(!isTa && { crldp: crldp(kind === 'ca' ? `${TA_REPO}${TA.name}.crl` : `${CA_REPO}${CA.name}.crl`) }),
      ...(!isTa && { aia: aia(kind === 'ca' ? TA_URI : CA_URI) }),
      ...(isCa && {
        sia: sia(access(5, repo), access(10, `${repo}${subject.name}.mft`), access(13, `https://${HOST}/n.xml`)),
      }),
      ...(!isCa && kind !== 'router' && { sia: sia(access(11, `${CA_REPO}${objectName}`)) }),
      cp: policy(),
      ...resourceParts(kind),
    },
    extra: [],
    outerAlgorithm: RSA_SHA256,
    signer: issuer,
    trailing: new Uint8Array(),
  }
  return parts
}

function resourceParts(kind: CertKind): Partial<Record<Ext, Der>> {
  switch (kind) {
    case 'ta':
      return { ip: ALL_IP, as: ALL_AS }
    case 'ca':
      return {
        ip: ip(v4(prefix([10]), prefix([192, 0, 2])), v6(prefix([0x20, 0x01, 0x0d, 0xb8]))),
        as: as(seq(integer(64496), integer(64511))),
      }
    case 'roa-ee':
      return { ip: ip(v4(prefix([10, 0, 0]))) }
    case 'mft-ee':
      return { ip: INHERIT_IP, as: INHERIT_AS }
    default:
      return { as: as(integer(64496)) }
  }
}

/** Returns a certificate with `patch` applied before it is signed. */
export function certificate(
  kind: CertKind,
  patch: CertPatch = () => {},
  objectName = '',
  subject?: TestKey,
): Uint8Array {
  const parts = baseParts(kind, subject ?? (kind === 'ta' ? TA : kind === 'ca' ? CA : EE), objectName)
  patch(parts)
  const list = [...Object.values(parts.extensions), ...parts.extra].filter((e): e is Der => e !== undefined)
  const tbs = encode(
    seq(
      ...(parts.version === undefined ? [] : [parts.version]),
      parts.serial,
      parts.algorithm,
      parts.issuer,
      seq(parts.notBefore, parts.notAfter),
      parts.subject,
      raw(parts.spki),
      explicit(3, seqOf(list)),
    ),
  )
  const signature = sign('sha256', tbs, parts.signer.key)
  return Buffer.concat([encode(seq(raw(tbs), parts.outerAlgorithm, bits(signature))), parts.trailing])
}

export interface CmsParts {
  version: Der
  digestAlgorithms: Der
  contentType: string
  eContent: Uint8Array
  /** The content; undefined: detached. */
  wrapped: Der | undefined
  certificates: readonly Der[]
  crls: Der | undefined
  siVersion: Der
  sid: Der
  siDigest: Der
  /** Encoded attributes in wire order. */
  attributes: Uint8Array[]
  hasAttributes: boolean
  /** The octets that are signed; by default the attributes as a SET. */
  signOver: Uint8Array | undefined
  signatureAlgorithm: Der
  breakSignature: boolean
  unsigned: Der | undefined
  infos: number
  trailing: Uint8Array
}
export type CmsPatch = (parts: CmsParts) => void

export const CONTENT = {
  roa: '1.2.840.113549.1.9.16.1.24',
  mft: '1.2.840.113549.1.9.16.1.26',
  asa: '1.2.840.113549.1.9.16.1.49',
  rsc: '1.2.840.113549.1.9.16.1.48',
  tak: '1.2.840.113549.1.9.16.1.50',
  spl: '1.2.840.113549.1.9.16.1.51',
} as const

/** Returns a signed object over `eContent` with `patch` applied before it is signed. */
export function signedObject(
  type: keyof typeof CONTENT,
  eContent: Uint8Array,
  ee: Uint8Array,
  patch: CmsPatch = () => {},
): Uint8Array {
  const parts: CmsParts = {
    version: integer(3),
    digestAlgorithms: set(SHA256),
    contentType: CONTENT[type],
    eContent,
    wrapped: octets(eContent),
    certificates: [raw(ee)],
    crls: undefined,
    siVersion: integer(3),
    sid: implicit(0, octets(EE.ski)),
    siDigest: SHA256,
    attributes: [
      attribute('1.2.840.113549.1.9.3', oid(CONTENT[type])),
      attribute('1.2.840.113549.1.9.5', utcOrGeneralized(at('2026-06-01T00:00:00Z'))),
      attribute('1.2.840.113549.1.9.4', octets(sha256(eContent))),
    ],
    hasAttributes: true,
    signOver: undefined,
    signatureAlgorithm: RSA,
    breakSignature: false,
    unsigned: undefined,
    infos: 1,
    trailing: new Uint8Array(),
  }
  parts.attributes = sorted(parts.attributes)
  patch(parts)
  return Buffer.concat([encode(contentInfo(parts)), parts.trailing])
}

function contentInfo(parts: CmsParts): Der {
  const attributes = Buffer.concat(parts.attributes)
  const asSet = encode({ tag: 0x31, content: attributes, size: attributes.length })
  const signature = sign('sha256', parts.signOver ?? (parts.hasAttributes ? asSet : parts.eContent), EE.key)
  if (parts.breakSignature) signature[100] = (signature[100] ?? 0) ^ 1
  const info = seq(
    parts.siVersion,
    parts.sid,
    parts.siDigest,
    ...(parts.hasAttributes ? [{ tag: 0xa0, content: attributes, size: attributes.length }] : []),
    parts.signatureAlgorithm,
    octets(signature),
    ...(parts.unsigned === undefined ? [] : [parts.unsigned]),
  )
  const signedData = seq(
    parts.version,
    parts.digestAlgorithms,
    seq(oid(parts.contentType), ...(parts.wrapped === undefined ? [] : [explicit(0, parts.wrapped)])),
    ...(parts.certificates.length === 0 ? [] : [implicit(0, { ...seq(...parts.certificates), tag: 0x31 })]),
    ...(parts.crls === undefined ? [] : [parts.crls]),
    { ...seqOf(Array.from({ length: parts.infos }, () => info)), tag: 0x31 },
  )
  return seq(oid('1.2.840.113549.1.7.2'), explicit(0, signedData))
}

export interface CrlParts {
  version: Der | undefined
  algorithm: Der
  issuer: Der
  thisUpdate: Der
  nextUpdate: Der | undefined
  revoked: Der | undefined
  extensions: Der[]
  signer: TestKey
  breakSignature: boolean
}

export const crlNumber = (value: Der, critical = false): Der => ext('2.5.29.20', critical, value)

/** Returns a CRL of `issuer` with `patch` applied before it is signed. */
export function crl(patch: (parts: CrlParts) => void = () => {}, issuer = CA): Uint8Array {
  const parts: CrlParts = {
    version: integer(1),
    algorithm: RSA_SHA256,
    issuer: name(issuer.name),
    thisUpdate: utcOrGeneralized(FROM),
    nextUpdate: utcOrGeneralized(TO),
    revoked: seq(seq(integer(99), utcOrGeneralized(at('2026-05-01T00:00:00Z')))),
    extensions: [aki(issuer.ski), crlNumber(integer(7))],
    signer: issuer,
    breakSignature: false,
  }
  patch(parts)
  const optional = [parts.thisUpdate, parts.nextUpdate, parts.revoked].filter((d): d is Der => d !== undefined)
  const head = parts.version === undefined ? [] : [parts.version]
  const tail = parts.extensions.length === 0 ? [] : [explicit(0, seqOf(parts.extensions))]
  const tbs = encode(seq(...head, parts.algorithm, parts.issuer, ...optional, ...tail))
  const signature = sign('sha256', tbs, parts.signer.key)
  if (parts.breakSignature) signature[100] = (signature[100] ?? 0) ^ 1
  return encode(seq(raw(tbs), parts.algorithm, bits(signature)))
}

export interface ManifestParts {
  version: Der | undefined
  number: Der
  thisUpdate: Der
  nextUpdate: Der
  hash: Der
  files: [string, Uint8Array][]
  trailing: Der[]
}

/** Returns a manifest's eContent; its file list has the CRL and a ROA. */
export function manifestContent(patch: (parts: ManifestParts) => void = () => {}): Uint8Array {
  const parts: ManifestParts = {
    version: undefined,
    number: integer(7),
    thisUpdate: generalized(FROM),
    nextUpdate: generalized(TO),
    hash: oid('2.16.840.1.101.3.4.2.1'),
    files: [
      [`${CA.name}.crl`, sha256(crl())],
      ['AS64496.roa', sha256(Buffer.from('a roa'))],
    ],
    trailing: [],
  }
  patch(parts)
  const list = parts.files.map(([file, hash]) => seq(ia5(file), bits(hash)))
  const head = parts.version === undefined ? [] : [parts.version]
  return encode(
    seq(...head, parts.number, parts.thisUpdate, parts.nextUpdate, parts.hash, seqOf(list), ...parts.trailing),
  )
}

export interface RoaParts {
  version: Der | undefined
  asn: Der
  blocks: Der[]
  trailing: Der[]
}

/** Returns a ROA's eContent: AS64496, 10.0.0.0/24-26. */
export function roaContent(patch: (parts: RoaParts) => void = () => {}): Uint8Array {
  const parts: RoaParts = {
    version: undefined,
    asn: integer(64496),
    blocks: [v4(seq(prefix([10, 0, 0]), integer(26)))],
    trailing: [],
  }
  patch(parts)
  return encode(
    seq(...(parts.version === undefined ? [] : [parts.version]), parts.asn, seqOf(parts.blocks), ...parts.trailing),
  )
}

export interface AspaParts {
  version: Der | undefined
  customer: Der
  providers: Der[]
}

/** Returns an ASPA's eContent, version 1: AS64496 with two providers. */
export function aspaContent(patch: (parts: AspaParts) => void = () => {}): Uint8Array {
  const parts: AspaParts = {
    version: explicit(0, integer(1)),
    customer: integer(64496),
    providers: [integer(64500), integer(64501)],
  }
  patch(parts)
  return encode(seq(...(parts.version === undefined ? [] : [parts.version]), parts.customer, seqOf(parts.providers)))
}

export const roa = (patch?: CmsPatch, content = roaContent(), ee?: CertPatch): Uint8Array =>
  signedObject('roa', content, certificate('roa-ee', ee, 'AS64496.roa'), patch)
export const manifest = (patch?: CmsPatch, content = manifestContent(), ee?: CertPatch): Uint8Array =>
  signedObject('mft', content, certificate('mft-ee', ee, `${CA.name}.mft`), patch)
export const aspa = (content = aspaContent(), ee?: CertPatch): Uint8Array =>
  signedObject('asa', content, certificate('asa-ee', ee, 'AS64496.asa'))
