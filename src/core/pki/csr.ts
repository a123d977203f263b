/**
 * Certification requests, PKCS#10 (RFC 2986), read strictly: DER, sizes bounded, proof of possession by the signature over them.
 * Invariant: a `CertificateRequest` is whole and its signer holds the private key; what a label allows is asked by check-csr.ts.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { createFindings, type FindingList, type ObjectFinding } from '../der/findings.js'
import { childrenOf, contentOf, type DerNode, isContext, parseDer, parseInner, rawOf, TAG } from '../der/reader.js'
import { readBits, readBoolean, readInteger, readOid } from '../der/values.js'
import { HASH_OF_SIGNATURE } from './algorithms.js'
import {
  type AlternativeNames,
  type DistinguishedName,
  NO_NAMES,
  readAlternativeNames,
  readDistinguishedName,
} from './names.js'

export interface RequestKey {
  readonly kind: 'rsa' | 'ec'
  /** Of an RSA modulus; 0 for EC. */
  readonly bits: number
  /** `P-256`, `P-384`, `P-521`; empty for RSA and for curves that nobody allows. */
  readonly curve: string
}

export interface CertificateRequest {
  readonly der: Uint8Array
  readonly subject: DistinguishedName
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly key: RequestKey
  readonly names: AlternativeNames
  /** The subjectAltName as it was asked for; undefined when none was. */
  readonly san: Uint8Array | undefined
  /** Object identifiers that were asked for as extended key usages. */
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
/** Attributes of one value (RFC 2985 sections 5.4.1 and 5.4.2). */
const SINGLE: readonly string[] = [OID.extensionRequest, OID.challengePassword]
/** Extensions that are looked into; the others are not copied. */
const READ: Readonly<Record<string, string>> = {
  [OID.subjectAltName]: 'subjectAltName',
  [OID.basicConstraints]: 'basic constraints',
  [OID.extendedKeyUsage]: 'extended key usage',
}

/** Octets of a request: more is an attack or a mistake. */
export const LARGEST_REQUEST = 64 * 1024

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

export type ReadRequest =
  | { readonly request: CertificateRequest; readonly faults: readonly [] }
  | { readonly request: undefined; readonly faults: readonly ObjectFinding[] }

/** The request, or every fault that keeps it from being one. Never throws. */
export function readRequest(der: Uint8Array): ReadRequest {
  const faults = createFindings()
  const request = der.length > LARGEST_REQUEST ? tooLarge(der, faults) : parse(der, faults)
  // what validators of the RPKI tolerate in old objects nobody may send anew
  if (request !== undefined && faults.all().length === 0) return { request, faults: [] }
  if (faults.all().length === 0) faults.add(RULE, 'this is no certification request')
  return { request: undefined, faults: faults.all() }
}

function tooLarge(der: Uint8Array, faults: FindingList): undefined {
  faults.add(RULE, `${der.length} octets; a request has at most ${LARGEST_REQUEST}`)
}

function parse(der: Uint8Array, faults: FindingList): CertificateRequest | undefined {
  const node = parseDer(der, faults)
  const [info, algorithm, signature, extra] = node?.tag === TAG.sequence ? childrenOf(node) : []
  const [version, subject, spki, attributes, more] = info === undefined ? [] : childrenOf(info)
  const bits = readBits(signature)
  if (
    info === undefined ||
    algorithm === undefined ||
    bits === undefined ||
    subject === undefined ||
    spki === undefined
  )
    return undefined
  if (algorithm.tag !== TAG.sequence || info.tag !== TAG.sequence) faults.add(RULE, 'a member is no sequence')
  if (bits.unused !== 0) faults.add(RULE, 'a signature of no whole number of octets')
  if (extra !== undefined || more !== undefined) faults.add(RULE, 'more members than a request has')
  if (readInteger(version) !== 0n) faults.add(RULE, 'the version is not 0')
  const name = readDistinguishedName(subject, 'the subject', faults)
  const key = keyOf(rawOf(spki), faults)
  if (key === undefined) return undefined
  checkPossession(rawOf(info), readOid(childrenOf(algorithm)[0]), bits.bytes, key.object, faults)
  const asked = readAttributes(attributes, faults)
  return { der, subject: name, spki: rawOf(spki), key: key.key, ...asked }
}

function keyOf(
  spki: Uint8Array,
  faults: FindingList,
): { readonly object: KeyObject; readonly key: RequestKey } | undefined {
  try {
    const object = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    const { modulusLength = 0, namedCurve = '' } = object.asymmetricKeyDetails ?? {}
    if (object.asymmetricKeyType === 'rsa') return { object, key: { kind: 'rsa', bits: modulusLength, curve: '' } }
    if (object.asymmetricKeyType === 'ec')
      return { object, key: { kind: 'ec', bits: 0, curve: CURVES[namedCurve] ?? '' } }
    faults.add('RFC 5280 section 4.1.2.7', `a public key of a kind that is not issued for: ${object.asymmetricKeyType}`)
  } catch {
    faults.add('RFC 5280 section 4.1.2.7', 'a public key that cannot be read')
  }
  return undefined
}

/** RFC 2986 section 3: the signature proves that whoever asks holds the key. */
function checkPossession(
  info: Uint8Array,
  algorithm: string | undefined,
  signature: Uint8Array,
  key: KeyObject,
  faults: FindingList,
): void {
  const hash = algorithm === undefined ? undefined : HASH_OF_SIGNATURE[algorithm]
  if (hash === undefined) {
    faults.add(RULE, `signed with an algorithm that is not taken: ${algorithm ?? 'none'}`)
    return
  }
  let isGood = false
  try {
    isGood = verify(hash, info, key, signature)
  } catch {
    // a signature of another kind of key
  }
  if (!isGood) faults.add('RFC 2986 section 3', 'the signature does not hold: no proof that the private key is held')
}

type Asked = Pick<CertificateRequest, 'names' | 'san' | 'extendedKeyUsages' | 'challengePassword'>

function readAttributes(attributes: DerNode | undefined, faults: FindingList): Asked {
  let asked: Asked = { names: NO_NAMES, san: undefined, extendedKeyUsages: [], challengePassword: undefined }
  if (attributes === undefined) return asked
  if (!isContext(attributes, 0)) faults.add(RULE, 'what stands in the place of the attributes is none')
  const seen = new Set<string>()
  for (const attribute of childrenOf(attributes)) {
    const [type, values] = childrenOf(attribute)
    const [value, another] = values === undefined ? [] : childrenOf(values)
    const oid = readOid(type) ?? 'unnamed'
    // a CA that reads the other one issues something else than what is checked here
    if (seen.has(oid)) faults.add(RULE, `the attribute ${oid} stands there twice`)
    seen.add(oid)
    if (value === undefined) faults.add(RULE, `an attribute without a value: ${oid}`)
    else if (another !== undefined && SINGLE.includes(oid)) faults.add(RULE, `the attribute ${oid} has several values`)
    else if (oid === OID.extensionRequest) asked = { ...asked, ...readExtensionRequest(value, faults) }
    else if (oid === OID.challengePassword)
      asked = { ...asked, challengePassword: Buffer.from(contentOf(value)).toString('utf8') }
  }
  return asked
}

/** RFC 2985 section 5.4.2. What is not known here is not copied, so it is passed over. */
function readExtensionRequest(value: DerNode, faults: FindingList): Partial<Asked> {
  if (value.tag !== TAG.sequence)
    faults.add('RFC 5280 section 4.2', 'the extensions that are asked for are no sequence')
  let [names, san, usages]: [AlternativeNames, Uint8Array | undefined, readonly string[]] = [NO_NAMES, undefined, []]
  const seen = new Set<string>()
  for (const extension of childrenOf(value)) {
    const parts = childrenOf(extension)
    const oid = readOid(parts[0])
    const content = parts.at(-1)
    if (oid === undefined || content?.tag !== TAG.octetString || parts.length > 3) {
      faults.add('RFC 5280 section 4.2', 'something that is no extension is asked for')
      continue
    }
    if (seen.has(oid)) faults.add('RFC 5280 section 4.2', `the extension ${oid} is asked for twice`)
    seen.add(oid)
    const what = READ[oid]
    const inner = what === undefined ? undefined : parseInner(contentOf(content), what, faults)
    if (inner === undefined) continue
    if (oid === OID.basicConstraints) {
      if (readBoolean(childrenOf(inner)[0]) === true)
        faults.add('RFC 5280 section 4.2.1.9', 'the certificate of a CA is asked for')
    } else if (oid === OID.subjectAltName) {
      names = readAlternativeNames(inner, faults)
      san = contentOf(content)
    } else usages = childrenOf(inner).map((usage) => readOid(usage) ?? '')
  }
  return { names, san, extendedKeyUsages: usages }
}

/** The DER of a request that came as PEM (RFC 7468) or DER; undefined when it is neither. */
export function requestBytes(file: Uint8Array): Uint8Array | undefined {
  if (file[0] === 0x30) return file
  const text = Buffer.from(file).toString('latin1')
  const [, label, body = ''] = /-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(text) ?? []
  if (label !== 'CERTIFICATE REQUEST' && label !== 'NEW CERTIFICATE REQUEST') return undefined
  return new Uint8Array(Buffer.from(body, 'base64'))
}
