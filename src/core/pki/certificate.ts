/** Decoder of plain X.509 certificates (RFC 5280), as far as enrolment needs it: names, issuer, key usage and validity. */
import { createPublicKey, verify } from 'node:crypto'
import type { Instant } from '../base/time.js'
import { createFindings } from '../der/findings.js'
import {
  childrenOf,
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  parseDer,
  parseInner,
  rawOf,
  TAG,
} from '../der/reader.js'
import { readBits, readBoolean, readInteger, readOid, readTime } from '../der/values.js'
import { HASH_OF_SIGNATURE } from './algorithms.js'
import { isSameName } from './name-comparison.js'
import {
  type AlternativeNames,
  type DistinguishedName,
  NO_NAMES,
  readAlternativeNames,
  readDistinguishedName,
} from './names.js'

/** Key usages by bit number (RFC 5280 section 4.2.1.3). */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const
export type KeyUsage = (typeof KEY_USAGES)[number]

export interface PlainCertificate {
  readonly der: Uint8Array
  /** Lower-case hex without leading zeros. */
  readonly serial: string
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly spki: Uint8Array
  /** Octets of the subjectKeyIdentifier; undefined without one. */
  readonly ski: Uint8Array | undefined
  readonly isCa: boolean
  /** Largest number of CA certificates below this one, without the end entity; undefined without a limit. */
  readonly pathLength: number | undefined
  /** Object identifiers of critical extensions that are not read here: a certificate with one verifies nothing. */
  readonly unreadCritical: readonly string[]
  readonly names: AlternativeNames
  readonly extendedKeyUsages: readonly string[]
  /** Undefined if the extension is missing: then every use is allowed. */
  readonly keyUsages: readonly KeyUsage[] | undefined
  readonly tbs: Uint8Array
  /** Object identifier. */
  readonly algorithm: string
  readonly signature: Uint8Array
}

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const

/** Decodes a certificate; undefined if the bytes are not a certificate. Never throws. */
export function readPlainCertificate(der: Uint8Array): PlainCertificate | undefined {
  const findings = createFindings()
  const node = parseDer(der, findings)
  const [tbs, , signature] = childrenOf(node, TAG.sequence)
  const fields = childrenOf(tbs, TAG.sequence)
  const [serial, algorithm, issuer, validity, subject, spki, ...rest] = hasTag(fields[0], constructedTag(0))
    ? fields.slice(1)
    : fields
  const [from, to] = childrenOf(validity, TAG.sequence)
  const [notBefore, notAfter, number] = [readTime(from), readTime(to), readInteger(serial)]
  const bits = readBits(signature)
  if (
    tbs === undefined ||
    issuer === undefined ||
    subject === undefined ||
    spki === undefined ||
    algorithm === undefined
  )
    return undefined
  if (notBefore === undefined || notAfter === undefined || number === undefined || bits?.unused !== 0) return undefined
  return {
    der,
    serial: number.toString(16),
    issuer: readDistinguishedName(issuer, 'the issuer', findings),
    subject: readDistinguishedName(subject, 'the subject', findings),
    notBefore,
    notAfter,
    spki: rawOf(spki),
    ...readExtensions(rest.find((field) => hasTag(field, constructedTag(3)))),
    tbs: rawOf(tbs),
    algorithm: readOid(childrenOf(algorithm, TAG.sequence)[0]) ?? '',
    signature: bits.bytes,
  }
}

/** A policy is accepted whatever it is: no policy is required here (RFC 5280 section 6.1.1, initial-explicit-policy). */
const POLICIES = '2.5.29.32'
const READ: readonly string[] = [...Object.values(OID), POLICIES]

type Extensions = Pick<
  PlainCertificate,
  'ski' | 'isCa' | 'pathLength' | 'unreadCritical' | 'names' | 'keyUsages' | 'extendedKeyUsages'
>
const NO_EXTENSIONS: Extensions = {
  ski: undefined,
  isCa: false,
  pathLength: undefined,
  unreadCritical: [],
  names: NO_NAMES,
  keyUsages: undefined,
  extendedKeyUsages: [],
}

function readExtensions(field: DerNode | undefined): Extensions {
  let found = NO_EXTENSIONS
  const [list] = childrenOf(field, constructedTag(3))
  for (const extension of childrenOf(list, TAG.sequence)) {
    const parts = childrenOf(extension, TAG.sequence)
    const content = parts.at(-1)
    const id = readOid(parts[0]) ?? 'unnamed'
    if (readBoolean(parts[1]) === true && !READ.includes(id))
      found = { ...found, unreadCritical: [...found.unreadCritical, id] }
    const value =
      content?.tag === TAG.octetString ? parseInner(contentOf(content), 'extension', createFindings()) : undefined
    if (value === undefined) continue
    if (id === OID.subjectKeyIdentifier) found = { ...found, ski: contentOf(value) }
    else if (id === OID.basicConstraints) found = { ...found, ...readBasicConstraints(value) }
    else if (id === OID.subjectAltName) found = { ...found, names: readAlternativeNames(value, createFindings()) }
    else if (id === OID.keyUsage) found = { ...found, keyUsages: readKeyUsages(value) }
    else if (id === OID.extendedKeyUsage)
      found = { ...found, extendedKeyUsages: childrenOf(value, TAG.sequence).map((usage) => readOid(usage) ?? '') }
  }
  return found
}

function readBasicConstraints(value: DerNode): Pick<PlainCertificate, 'isCa' | 'pathLength'> {
  const parts = childrenOf(value, TAG.sequence)
  const limit = readInteger(parts[1])
  return { isCa: readBoolean(parts[0]) === true, pathLength: limit === undefined ? undefined : Number(limit) }
}

function readKeyUsages(value: DerNode): readonly KeyUsage[] {
  const [first = 0] = readBits(value)?.bytes ?? []
  return KEY_USAGES.filter((_, bit) => (first & (0x80 >> bit)) !== 0)
}

/** Returns true if the key of `issuer` verifies the signature of `certificate` and the names match (RFC 5280 section 7.1). Never throws. */
export function isSignedBy(certificate: PlainCertificate, issuer: PlainCertificate): boolean {
  const hash = HASH_OF_SIGNATURE[certificate.algorithm]
  if (hash === undefined || !isSameName(certificate.issuer.der, issuer.subject.der)) return false
  try {
    const key = createPublicKey({ key: Buffer.from(issuer.spki), format: 'der', type: 'spki' })
    return verify(hash, certificate.tbs, key, certificate.signature)
  } catch {
    return false
  }
}

/** Returns the DER of every certificate in a PEM text (RFC 7468), in order; a DER file is one certificate. */
export function certificatesOf(file: Uint8Array): readonly Uint8Array[] {
  if (file[0] === 0x30) return [file]
  const text = Buffer.from(file).toString('latin1')
  const blocks = text.matchAll(/-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)
  return [...blocks].map(([, body = '']) => new Uint8Array(Buffer.from(body, 'base64')))
}
