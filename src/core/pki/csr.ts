/**
 * Strict decoder of certification requests, PKCS#10 (RFC 2986): DER, bounded size, proof of possession by the signature.
 * Invariant: a `CertificateRequest` is valid and its signer holds the private key; check-csr.ts checks what a label allows.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { createFindings, type FindingList, type ObjectFinding } from '../der/findings.js'
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
import { readBits, readBoolean, readInteger, readOid } from '../der/values.js'
import { HASH_OF_SIGNATURE } from './algorithms.js'
import {
  type AlternativeNames,
  type DistinguishedName,
  encodeAlternativeNames,
  NO_NAMES,
  readAlternativeNames,
  readDistinguishedName,
} from './names.js'

export interface RequestKey {
  readonly kind: 'rsa' | 'ec'
  /** Size of an RSA modulus; 0 for EC. */
  readonly bits: number
  /** `P-256`, `P-384`, `P-521`; empty for RSA and for unsupported curves. */
  readonly curve: string
}

export interface CertificateRequest {
  readonly der: Uint8Array
  readonly subject: DistinguishedName
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly key: RequestKey
  readonly names: AlternativeNames
  /** DER of the requested subjectAltName, each name once; undefined without one. */
  readonly san: Uint8Array | undefined
  /** Object identifiers of the requested extended key usages. */
  readonly extendedKeyUsages: readonly string[]
  readonly challengePassword: string | undefined
}

const RULE = 'RFC 2986 section 4'
const OID = {
  extensionRequest: '1.2.840.113549.1.9.14',
  challengePassword: '1.2.840.113549.1.9.7',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const
/** Attributes that have a single value (RFC 2985 sections 5.4.1 and 5.4.2). */
const SINGLE: readonly string[] = [OID.extensionRequest, OID.challengePassword]
/** Extensions that are read; no other one is copied into a certificate. */
const READ: Readonly<Record<string, string>> = {
  [OID.subjectAltName]: 'subjectAltName',
  [OID.basicConstraints]: 'basic constraints',
  [OID.extendedKeyUsage]: 'extended key usage',
}

/** Largest accepted request in octets: more is an attack or a mistake. */
export const LARGEST_REQUEST = 64 * 1024

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

export type ReadRequest =
  | { readonly request: CertificateRequest; readonly findings: readonly [] }
  | { readonly request: undefined; readonly findings: readonly ObjectFinding[] }

/** Decodes a request. Returns it, or every finding that makes it invalid. Never throws. */
export function readRequest(der: Uint8Array): ReadRequest {
  const findings = createFindings()
  const request = der.length > LARGEST_REQUEST ? tooLarge(der, findings) : parse(der, findings)
  // findings that RPKI validators tolerate in old objects are not tolerated in a new request
  if (request !== undefined && findings.all().length === 0) return { request, findings: [] }
  if (findings.all().length === 0) findings.add(RULE, 'not a certification request')
  return { request: undefined, findings: findings.all() }
}

function tooLarge(der: Uint8Array, findings: FindingList): undefined {
  findings.add(RULE, `${der.length} octets; at most ${LARGEST_REQUEST} are accepted`)
}

function parse(der: Uint8Array, findings: FindingList): CertificateRequest | undefined {
  const node = parseDer(der, findings)
  const [info, algorithm, signature, extra] = childrenOf(node, TAG.sequence)
  const [version, subject, spki, attributes, more] = childrenOf(info, TAG.sequence)
  const bits = readBits(signature)
  if (
    info === undefined ||
    algorithm === undefined ||
    bits === undefined ||
    subject === undefined ||
    spki === undefined
  )
    return undefined
  if (algorithm.tag !== TAG.sequence || info.tag !== TAG.sequence) findings.add(RULE, 'a member is not a SEQUENCE')
  if (bits.unused !== 0) findings.add(RULE, 'the signature is not a whole number of octets')
  if (extra !== undefined || more !== undefined) findings.add(RULE, 'extra members after those of a request')
  if (readInteger(version) !== 0n) findings.add(RULE, 'the version is not 0')
  const name = readDistinguishedName(subject, 'the subject', findings)
  const key = keyOf(rawOf(spki), findings)
  if (key === undefined) return undefined
  checkPossession(rawOf(info), readOid(childrenOf(algorithm, TAG.sequence)[0]), bits.bytes, key.object, findings)
  const requested = readAttributes(attributes, findings)
  return { der, subject: name, spki: rawOf(spki), key: key.key, ...requested }
}

function keyOf(
  spki: Uint8Array,
  findings: FindingList,
): { readonly object: KeyObject; readonly key: RequestKey } | undefined {
  try {
    const object = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    const { modulusLength = 0, namedCurve = '' } = object.asymmetricKeyDetails ?? {}
    if (object.asymmetricKeyType === 'rsa') return { object, key: { kind: 'rsa', bits: modulusLength, curve: '' } }
    if (object.asymmetricKeyType === 'ec')
      return { object, key: { kind: 'ec', bits: 0, curve: CURVES[namedCurve] ?? '' } }
    findings.add('RFC 5280 section 4.1.2.7', `unsupported type of public key: ${object.asymmetricKeyType}`)
  } catch {
    findings.add('RFC 5280 section 4.1.2.7', 'the public key cannot be decoded')
  }
  return undefined
}

/** Verifies the signature, which proves that the requester holds the private key (RFC 2986 section 3). */
function checkPossession(
  info: Uint8Array,
  algorithm: string | undefined,
  signature: Uint8Array,
  key: KeyObject,
  findings: FindingList,
): void {
  const hash = algorithm === undefined ? undefined : HASH_OF_SIGNATURE[algorithm]
  if (hash === undefined) {
    findings.add(RULE, `unsupported signature algorithm: ${algorithm ?? 'none'}`)
    return
  }
  let isValid = false
  try {
    isValid = verify(hash, info, key, signature)
  } catch {
    // a signature of another kind of key
  }
  if (!isValid)
    findings.add('RFC 2986 section 3', 'the signature does not verify: no proof of possession of the private key')
}

type Requested = Pick<CertificateRequest, 'names' | 'san' | 'extendedKeyUsages' | 'challengePassword'>

function readAttributes(attributes: DerNode | undefined, findings: FindingList): Requested {
  let requested: Requested = { names: NO_NAMES, san: undefined, extendedKeyUsages: [], challengePassword: undefined }
  if (attributes === undefined) return requested
  if (!hasTag(attributes, constructedTag(0))) findings.add(RULE, 'the attributes have the wrong tag')
  const seen = new Set<string>()
  for (const attribute of childrenOf(attributes, constructedTag(0))) {
    const [type, values] = childrenOf(attribute, TAG.sequence)
    const [value, another] = childrenOf(values, TAG.set)
    const oid = readOid(type) ?? 'unnamed'
    // a CA that reads the other one would issue something that was not checked here
    if (seen.has(oid)) findings.add(RULE, `attribute ${oid} appears twice`)
    seen.add(oid)
    if (value === undefined) findings.add(RULE, `attribute ${oid} has no value`)
    else if (another !== undefined && SINGLE.includes(oid)) findings.add(RULE, `attribute ${oid} has several values`)
    else if (oid === OID.extensionRequest) requested = { ...requested, ...readExtensionRequest(value, findings) }
    else if (oid === OID.challengePassword)
      requested = { ...requested, challengePassword: Buffer.from(contentOf(value)).toString('utf8') }
  }
  return requested
}

/** Reads an extension request (RFC 2985 section 5.4.2). Unknown extensions are ignored, since they are not copied. */
function readExtensionRequest(value: DerNode, findings: FindingList): Partial<Requested> {
  if (value.tag !== TAG.sequence) findings.add('RFC 5280 section 4.2', 'the requested extensions are not a SEQUENCE')
  let [names, san, usages]: [AlternativeNames, Uint8Array | undefined, readonly string[]] = [NO_NAMES, undefined, []]
  const seen = new Set<string>()
  for (const extension of childrenOf(value, TAG.sequence)) {
    const parts = childrenOf(extension, TAG.sequence)
    const oid = readOid(parts[0])
    const content = parts.at(-1)
    if (oid === undefined || content?.tag !== TAG.octetString || parts.length > 3) {
      findings.add('RFC 5280 section 4.2', 'a requested extension is malformed')
      continue
    }
    if (seen.has(oid)) findings.add('RFC 5280 section 4.2', `extension ${oid} is requested twice`)
    seen.add(oid)
    const what = READ[oid]
    const inner = what === undefined ? undefined : parseInner(contentOf(content), what, findings)
    if (inner === undefined) continue
    // each of the extensions that are read is a SEQUENCE
    if (inner.tag !== TAG.sequence) findings.add('RFC 5280 section 4.2', `the ${what} is malformed`)
    if (oid === OID.basicConstraints) {
      if (readBoolean(childrenOf(inner, TAG.sequence)[0]) === true)
        findings.add('RFC 5280 section 4.2.1.9', 'a CA certificate is requested')
    } else if (oid === OID.subjectAltName) {
      names = readAlternativeNames(inner, findings)
      san = findings.isBroken() ? undefined : encodeAlternativeNames(inner)
    } else usages = childrenOf(inner, TAG.sequence).map((usage) => readOid(usage) ?? '')
  }
  return { names, san, extendedKeyUsages: usages }
}

/** Returns the DER of a request in PEM (RFC 7468) or DER; undefined if it is neither. */
export function requestBytes(file: Uint8Array): Uint8Array | undefined {
  if (file[0] === 0x30) return file
  const text = Buffer.from(file).toString('latin1')
  const [, label, body = ''] = /-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(text) ?? []
  if (label !== 'CERTIFICATE REQUEST' && label !== 'NEW CERTIFICATE REQUEST') return undefined
  return new Uint8Array(Buffer.from(body, 'base64'))
}
