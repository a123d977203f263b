/** Strict decoder of certificate extensions (RFC 6487 section 4.8): each once, with the required criticality and encoding. */
import type { KeyId } from '../../crypto/ports.js'
import type { FindingList } from '../../der/findings.js'
import {
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  isType,
  parseInner,
  primitiveTag,
  TAG,
} from '../../der/reader.js'
import { membersOf, readBits, readBoolean, readOctets, readOid } from '../../der/values.js'
import { accessDescriptions, isRsync, readUri } from './access-descriptions.js'
import type { SiaValues } from './certificate-profile.js'
import { readAsIdentifiers, readIpAddrBlocks } from './decode-resources.js'
import * as oids from './oids.js'
import { readPolicies } from './policies.js'
import type { CertificateResources } from './types.js'

/** Values of the extensions; undefined where one is missing or unreadable. */
export interface Extensions {
  isCa?: boolean
  ski?: KeyId
  aki?: KeyId
  /** First octet of the KeyUsage bits: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign; -1 when others are set too. */
  keyUsage?: number
  extendedKeyUsage?: readonly string[]
  crl?: string
  aia?: string
  sia?: SiaValues
  resources: CertificateResources
  /** Object identifiers of all extensions that are present. */
  readonly present: Set<string>
}

interface Known {
  readonly name: string
  readonly section: string
  readonly isCritical: boolean
  readonly read: (value: DerNode, into: Extensions, rule: string, findings: FindingList) => void
}

const KNOWN: ReadonlyMap<string, Known> = new Map([
  [
    oids.OID_BASIC_CONSTRAINTS,
    { name: 'basic constraints', section: '4.8.1', isCritical: true, read: readBasicConstraints },
  ],
  [
    oids.OID_SUBJECT_KEY_IDENTIFIER,
    { name: 'subject key identifier', section: '4.8.2', isCritical: false, read: readSki },
  ],
  [
    oids.OID_AUTHORITY_KEY_IDENTIFIER,
    { name: 'authority key identifier', section: '4.8.3', isCritical: false, read: readAki },
  ],
  [oids.OID_KEY_USAGE, { name: 'key usage', section: '4.8.4', isCritical: true, read: readKeyUsage }],
  [
    oids.OID_EXTENDED_KEY_USAGE,
    { name: 'extended key usage', section: '4.8.5', isCritical: false, read: readExtendedKeyUsage },
  ],
  [
    oids.OID_CRL_DISTRIBUTION_POINTS,
    { name: 'CRL distribution points', section: '4.8.6', isCritical: false, read: readCrlPoints },
  ],
  [
    oids.OID_AUTHORITY_INFO_ACCESS,
    { name: 'authority information access', section: '4.8.7', isCritical: false, read: readAia },
  ],
  [
    oids.OID_SUBJECT_INFO_ACCESS,
    { name: 'subject information access', section: '4.8.8', isCritical: false, read: readSia },
  ],
  [
    oids.OID_CERTIFICATE_POLICIES,
    {
      name: 'certificate policies',
      section: '4.8.9',
      isCritical: true,
      read: (value, _, rule, findings) => readPolicies(value, rule, findings),
    },
  ],
  [oids.OID_IP_ADDR_BLOCKS, { name: 'IP address blocks', section: '4.8.10', isCritical: true, read: readIp }],
  [oids.OID_AUTONOMOUS_SYS_IDS, { name: 'AS numbers', section: '4.8.11', isCritical: true, read: readAs }],
])

/** Reads `Extensions ::= SEQUENCE OF Extension`. */
export function readExtensions(list: DerNode | undefined, findings: FindingList): Extensions {
  const found: Extensions = { resources: {}, present: new Set() }
  const frame = { what: 'the list of extensions', rule: 'RFC 5280 section 4.1', tag: TAG.sequence }
  for (const extension of list === undefined ? [] : membersOf(list, frame, findings)) {
    const { oid, isCritical, value } = readExtension(extension, findings)
    if (oid === undefined) findings.add('RFC 5280 section 4.1', 'an extension is malformed')
    else if (found.present.has(oid))
      findings.add('RFC 5280 section 4.2', `the extension ${KNOWN.get(oid)?.name ?? oid} appears twice`)
    else {
      found.present.add(oid)
      readOne(oid, isCritical, value, found, findings)
    }
  }
  return found
}

function readOne(
  oid: string,
  isCritical: boolean,
  value: Uint8Array | undefined,
  into: Extensions,
  findings: FindingList,
): void {
  const known = KNOWN.get(oid)
  if (known === undefined) {
    if (isCritical) findings.add('RFC 6487 section 4.8', `unknown critical extension ${oid}`)
    else findings.tolerate('RFC 6487 section 4.8', `unknown extension ${oid}`)
    return
  }
  const rule = `RFC 6487 section ${known.section}`
  if (isCritical !== known.isCritical)
    findings.add(
      rule,
      `the ${known.name} extension is ${isCritical ? 'critical, which it must not be' : 'not critical'}`,
    )
  const node = value === undefined ? undefined : parseInner(value, `${known.name} extension`, findings)
  if (node === undefined) findings.add(rule, `the ${known.name} extension is unreadable`)
  else known.read(node, into, rule, findings)
}

/** Reads one Extension of a certificate or CRL. */
export function readExtension(
  node: DerNode,
  findings: FindingList,
): { readonly oid: string | undefined; readonly isCritical: boolean; readonly value: Uint8Array | undefined } {
  const frame = { what: 'an extension', rule: 'RFC 5280 section 4.1', tag: TAG.sequence }
  const parts = membersOf(node, frame, findings)
  const oid = readOid(parts[0])
  const hasFlag = isType(parts[1], TAG.boolean)
  const isCritical = hasFlag && readBoolean(parts[1]) === true
  if (hasFlag && !isCritical)
    findings.tolerate('X.690 section 11.5', `extension ${oid}: critical FALSE is the default and is not encoded`)
  if (parts.length !== (hasFlag ? 3 : 2)) findings.add('RFC 5280 section 4.1', `extension ${oid} is malformed`)
  return { oid, isCritical, value: readOctets(parts[hasFlag ? 2 : 1]) }
}

/** Reads the key identifier of an AuthorityKeyIdentifier, which must contain nothing else. */
export function readKeyIdentifier(node: DerNode, rule: string, findings: FindingList): KeyId | undefined {
  let id: KeyId | undefined
  const frame = { what: 'the authority key identifier', rule, tag: TAG.sequence }
  for (const part of membersOf(node, frame, findings)) {
    if (hasTag(part, primitiveTag(0)) && id === undefined)
      id = keyId(contentOf(part), 'authority key identifier', rule, findings)
    else findings.add(rule, 'the authority key identifier contains more than a key identifier')
  }
  if (id === undefined) findings.add(rule, 'the authority key identifier has no key identifier')
  return id
}

function keyId(octets: Uint8Array, what: string, rule: string, findings: FindingList): KeyId {
  if (octets.length !== 20) findings.add(rule, `the ${what} has ${octets.length} octets, a SHA-1 hash has 20`)
  return Buffer.from(octets.subarray(0, 64)).toString('hex').toUpperCase() as KeyId
}

function readBasicConstraints(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const parts = membersOf(value, { what: 'the basic constraints', rule, tag: TAG.sequence }, findings)
  const flag = readBoolean(parts[0])
  into.isCa = flag === true
  if (flag === false)
    findings.tolerate('X.690 section 11.5', 'basic constraints: cA FALSE is the default and is not encoded')
  const rest = flag === undefined ? parts : parts.slice(1)
  if (rest.some((part) => isType(part, TAG.integer))) findings.add(rule, 'the basic constraints have a path length')
  else if (rest.length > 0) findings.add(rule, 'the basic constraints are malformed')
}

function readSki(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const octets = readOctets(value)
  if (octets === undefined) findings.add(rule, 'the subject key identifier is not an OCTET STRING')
  else into.ski = keyId(octets, 'subject key identifier', rule, findings)
}

function readAki(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const id = readKeyIdentifier(value, rule, findings)
  if (id !== undefined) into.aki = id
}

function readKeyUsage(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const bits = readBits(value)
  if (bits === undefined) {
    findings.add(rule, 'the key usage is not a BIT STRING')
    return
  }
  const last = bits.bytes.at(-1) ?? 0
  if (((last >> bits.unused) & 1) === 0)
    findings.tolerate('X.690 section 11.2.2', 'key usage: trailing zero bits are not stripped')
  into.keyUsage = bits.bytes.subarray(1).some((octet) => octet !== 0) ? -1 : (bits.bytes[0] ?? 0)
}

function readExtendedKeyUsage(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const frame = { what: 'the extended key usage', rule, tag: TAG.sequence, least: 1 }
  into.extendedKeyUsage = membersOf(value, frame, findings).map((node) => readOid(node) ?? 'unreadable')
}

function readCrlPoints(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const points = membersOf(value, { what: 'the list of distribution points', rule, tag: TAG.sequence }, findings)
  if (points.length !== 1) findings.add(rule, `${points.length} distribution points, not one`)
  const frame = { what: 'a distribution point', rule, tag: TAG.sequence }
  const parts = points.slice(0, 1).flatMap((point) => membersOf(point, frame, findings))
  for (const part of parts) {
    if (hasTag(part, primitiveTag(1))) findings.add(rule, 'the distribution point has reasons')
    else if (hasTag(part, constructedTag(2))) findings.add(rule, 'the distribution point has a CRL issuer')
    else if (part !== parts[0]) findings.add(rule, 'the distribution point is malformed')
    else {
      const nameFrame = { what: 'the name of the distribution point', rule, tag: constructedTag(0), least: 1, most: 1 }
      const [fullName] = membersOf(part, nameFrame, findings)
      if (hasTag(fullName, constructedTag(0))) readCrlUris(fullName, into, rule, findings)
      else findings.add(rule, 'the distribution point has no full name')
    }
  }
}

function readCrlUris(fullName: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const frame = { what: 'the full name of the distribution point', rule, tag: constructedTag(0), least: 1 }
  const uris = membersOf(fullName, frame, findings).map(readUri)
  if (uris.includes(undefined)) findings.add(rule, 'the distribution point has a name that is not a URI')
  const [rsync, ...more] = uris.filter(isRsync)
  if (rsync !== undefined) into.crl = rsync
  if (more.length > 0) findings.tolerate(rule, 'the distribution point has more than one rsync URI')
}

function readAia(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  for (const { method, uri } of accessDescriptions(value, rule, findings)) {
    if (method !== oids.OID_AD_CA_ISSUERS) findings.add(rule, `unexpected access method ${method}`)
    else if (!isRsync(uri)) continue
    else if (into.aia === undefined) into.aia = uri
    else findings.tolerate(rule, 'more than one rsync URI of the issuer')
  }
}

const SIA_METHODS: ReadonlyMap<string, keyof SiaValues> = new Map([
  [oids.OID_AD_CA_REPOSITORY, 'caRepository'],
  [oids.OID_AD_RPKI_MANIFEST, 'manifest'],
  [oids.OID_AD_RPKI_NOTIFY, 'notify'],
  [oids.OID_AD_SIGNED_OBJECT, 'signedObject'],
] as const)

function readSia(value: DerNode, into: Extensions, rule: string, findings: FindingList): void {
  const sia: { -readonly [K in keyof SiaValues]: SiaValues[K] } = {}
  for (const { method, uri } of accessDescriptions(value, rule, findings)) {
    const member = SIA_METHODS.get(method)
    if (member === undefined) findings.add('RFC 6487 section 4.8.8.1', `unexpected access method ${method}`)
    else if (uri === undefined || (member !== 'notify' && !isRsync(uri))) continue
    else if (sia[member] === undefined) sia[member] = uri
    else if (sia[member] === uri) findings.tolerate(rule, `the URI of ${member} is listed twice`)
    else if (member === 'notify') findings.refused(rule, 'more than one URI of notify')
  }
  into.sia = sia
}

function readIp(value: DerNode, into: Extensions, _rule: string, findings: FindingList): void {
  into.resources = { ...into.resources, ...readIpAddrBlocks(value, findings) }
}

function readAs(value: DerNode, into: Extensions, _rule: string, findings: FindingList): void {
  const asn = readAsIdentifiers(value, findings)
  if (asn !== undefined) into.resources = { ...into.resources, asn }
}
