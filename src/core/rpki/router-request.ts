/**
 * Certification requests of BGPsec routers (PKCS #10, RFC 2986) with the profile of RFC 8209 section 3.2: a key on the curve P-256, signed by
 * ecdsa-with-SHA256 (RFC 8608 section 3). The router or its operator made the key; the signature proves that the sender holds it.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { subjectPublicKeyBits } from '../crypto/digest.js'
import type { KeyId } from '../crypto/ports.js'
import { createFindings, type Decoded, type FindingList } from '../der/findings.js'
import { constructedTag, type DerNode, parseDer, rawOf, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readOid } from '../der/values.js'
import { parseRouterCommonName, routerIdOf } from '../resources/router-names.js'
import { type Extensions, readExtensions } from './x509/extensions.js'
import { checkRouterKey, readKey } from './x509/key.js'
import { readName } from './x509/name.js'
import * as oids from './x509/oids.js'

const RULE = 'RFC 8209 section 3.2'
const OID_EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const OID_CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7'

/** Longest request that is read, in octets: one of a router has about 300. */
export const LARGEST_ROUTER_REQUEST = 16 * 1024

/** Extensions that a request may ask for; a router certificate has them in any case. */
const REQUESTED: ReadonlySet<string> = new Set([
  oids.OID_BASIC_CONSTRAINTS,
  oids.OID_SUBJECT_KEY_IDENTIFIER,
  oids.OID_KEY_USAGE,
  oids.OID_EXTENDED_KEY_USAGE,
])

export interface RouterRequest {
  readonly ski: KeyId
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** AS and BGP Identifier that the subject names, if it has the form of RFC 8209 section 3.1.1. */
  readonly subject: { readonly asn: number; readonly routerId: string | undefined } | undefined
}

/** Decodes a request and verifies that its sender holds the private key. `content` is undefined where a finding makes it unacceptable. */
export function decodeRouterRequest(der: Uint8Array): Decoded<RouterRequest> {
  const findings = createFindings()
  if (der.length > LARGEST_ROUTER_REQUEST)
    findings.add(RULE, `${der.length} octets; at most ${LARGEST_ROUTER_REQUEST} are read`)
  const node = findings.isBroken() ? undefined : parseDer(der, findings)
  const content = node === undefined ? undefined : readRequest(node, findings)
  return { content: findings.isBroken() ? undefined : content, findings: findings.all() }
}

function readRequest(node: DerNode, findings: FindingList): RouterRequest | undefined {
  const frame = { what: 'the request', rule: 'RFC 2986 section 4', tag: TAG.sequence, least: 3, most: 3 }
  const [info, algorithm, signature] = membersOf(node, frame, findings)
  if (findings.isBroken()) return undefined
  const inner = { what: 'the request information', rule: 'RFC 2986 section 4', tag: TAG.sequence, least: 4, most: 4 }
  const [version, subject, spki, attributes] = membersOf(info, inner, findings)
  if (findings.isBroken()) return undefined
  if (readInteger(version) !== 0n) findings.add('RFC 2986 section 4.1', 'the version is not 0')
  const key = readKey(spki, findings)
  findings.addAll(checkRouterKey(key))
  checkAlgorithm(algorithm, findings)
  readAttributes(attributes, findings)
  if (info === undefined || key === undefined || findings.isBroken()) return undefined
  const point = readPoint(key.spki, findings)
  const octets = readBits(signature)
  if (point !== undefined && (octets?.unused !== 0 || !isSignedBy(point, rawOf(info), octets.bytes)))
    findings.add('RFC 2986 section 3', 'the signature does not verify: no proof that the sender holds the private key')
  return { ski: key.ski, spki: key.spki, subject: subjectOf(subject) }
}

/** Checks RFC 8608 section 2: ecdsa-with-SHA256, which has no parameters (RFC 5758 section 3.2). */
function checkAlgorithm(node: DerNode | undefined, findings: FindingList): void {
  const rule = 'RFC 8608 section 2'
  const frame = { what: 'the signature algorithm', rule, tag: TAG.sequence, least: 1, most: 1 }
  const [id] = membersOf(node, frame, findings)
  if (readOid(id) !== oids.OID_ECDSA_WITH_SHA256) findings.add(rule, 'the signature algorithm is not ecdsa-with-SHA256')
}

/** Returns the public key. A point that is compressed, or not on the curve, is a finding: not every router and validator reads the first. */
function readPoint(spki: Uint8Array, findings: FindingList): KeyObject | undefined {
  const rule = 'RFC 8608 section 3.1'
  const point = subjectPublicKeyBits(spki)
  if (point.length !== 65 || point[0] !== 0x04) {
    findings.add(rule, 'the router key is not an uncompressed point of P-256')
    return undefined
  }
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    findings.add(rule, 'the router key is not a point on the curve P-256')
    return undefined
  }
}

function isSignedBy(key: KeyObject, info: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify('sha256', info, key, signature)
  } catch {
    return false
  }
}

/** Reads the attributes. One that is not an extension request would be stored in history for ever and has no effect. */
function readAttributes(attributes: DerNode | undefined, findings: FindingList): void {
  const rule = 'RFC 2986 section 4.1'
  const frame = { what: 'the attributes', rule, tag: constructedTag(0) }
  let isRequested = false
  for (const attribute of membersOf(attributes, frame, findings)) {
    const parts = { what: 'an attribute', rule, tag: TAG.sequence, least: 2, most: 2 }
    const [type, values] = membersOf(attribute, parts, findings)
    const oid = readOid(type) ?? 'unreadable'
    if (oid === OID_CHALLENGE_PASSWORD)
      findings.add(RULE, 'the request has a challenge password, which would be stored in history')
    else if (oid !== OID_EXTENSION_REQUEST)
      findings.add(RULE, `the request has the attribute ${oid}, which no router certificate needs`)
    else if (isRequested) findings.add(RULE, 'extensions are requested twice')
    else {
      isRequested = true
      const one = { what: 'the extension request', rule, tag: TAG.set, least: 1, most: 1 }
      checkRequested(readExtensions(membersOf(values, one, findings)[0], findings), findings)
    }
  }
}

function checkRequested({ isCa, keyUsage, extendedKeyUsage, present }: Extensions, findings: FindingList): void {
  if (isCa === true) findings.add(`${RULE}.1`, 'a CA certificate is requested')
  if (keyUsage !== undefined && keyUsage !== 0x80)
    findings.add(`${RULE}.1`, 'the requested key usage is not exactly digitalSignature')
  if (extendedKeyUsage !== undefined && extendedKeyUsage.join() !== oids.OID_BGPSEC_ROUTER)
    findings.add(`${RULE}.2`, 'the requested extended key usage is not exactly id-kp-bgpsec-router')
  for (const oid of present)
    if (!REQUESTED.has(oid)) findings.add(RULE, `the extension ${oid} is requested, which Brine does not copy`)
}

/** Returns what the subject says; the name in a request is optional, and up to the CA. */
function subjectOf(node: DerNode | undefined): RouterRequest['subject'] {
  if (node === undefined) return undefined
  const { commonName = '', serialNumber = '' } = readName(node, 'subject', RULE, createFindings())
  const named = parseRouterCommonName(commonName)
  return named === undefined ? undefined : { asn: named.asn, routerId: routerIdOf(serialNumber) ?? named.routerId }
}
