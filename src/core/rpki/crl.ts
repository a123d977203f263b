/**
 * Certificate revocation lists (RFC 6487 section 5): content, encoder, strict decoder, profile.
 * Version 2, AKI and CRL number the only extensions, no entry extensions.
 *
 * RFC 5280 section 5.1:
 *
 *     CertificateList ::= SEQUENCE {
 *       tbsCertList           TBSCertList,
 *       signatureAlgorithm    AlgorithmIdentifier,
 *       signatureValue        BIT STRING }
 *
 *     TBSCertList ::= SEQUENCE {
 *       version               Version OPTIONAL,     -- must be v2 (1)
 *       signature             AlgorithmIdentifier,
 *       issuer                Name,
 *       thisUpdate            Time,
 *       nextUpdate            Time OPTIONAL,        -- required by RFC 6487
 *       revokedCertificates   SEQUENCE OF SEQUENCE {
 *         userCertificate       CertificateSerialNumber,
 *         revocationDate        Time,
 *         crlEntryExtensions    Extensions OPTIONAL } OPTIONAL,
 *       crlExtensions     [0] EXPLICIT Extensions OPTIONAL }
 */
import type { Instant } from '../base/time.js'
import type { KeyId, Sign } from '../crypto/ports.js'
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { childrenOf, constructedTag, type DerNode, isType, parseDer, parseInner, rawOf, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readTime } from '../der/values.js'
import { type Der, encode, explicit, integer, seq, seqOf, utcOrGeneralized } from '../der/writer.js'
import { checkSignatureAlgorithms, checkTimeForm } from './x509/algorithm.js'
import {
  authorityKeyIdentifier,
  extension,
  issuerName,
  limitedNumber,
  SHA256_WITH_RSA,
  signed,
} from './x509/encode-parts.js'
import { readExtension, readKeyIdentifier } from './x509/extensions.js'
import { type ParsedName, readName } from './x509/name.js'
import { checkCommonName, checkNumber, checkOrder, checkSerial } from './x509/numbers.js'
import { OID_AUTHORITY_KEY_IDENTIFIER, OID_CRL_NUMBER } from './x509/oids.js'

export interface CrlEntry {
  readonly serial: bigint
  readonly revokedAt: Instant
}

/** RFC 6487 section 5. */
export interface CrlContent {
  readonly issuer: string
  /** DER of the issuer's Name where it differs from the common name `issuer`. */
  readonly issuerName?: Uint8Array
  readonly aki: KeyId
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly number: bigint
  readonly revoked: readonly CrlEntry[]
}

export interface DecodedCrl extends CrlContent {
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

/** The readable parts of a CRL, valid or not. */
export interface ParsedCrl {
  readonly tbs: Uint8Array
  readonly signature: Uint8Array | undefined
  readonly issuer: ParsedName | undefined
  readonly thisUpdate: Instant | undefined
  readonly nextUpdate: Instant | undefined
  readonly revoked: readonly CrlEntry[]
  readonly aki: KeyId | undefined
  readonly number: bigint | undefined
}

const RULE = 'RFC 6487 section 5'

/**
 * Returns the DER CRL, entries sorted by serial; without entries revokedCertificates is absent (RFC 5280 section 5.1.2.6).
 * Throws a TypeError for times reversed, a number outside 0 to 2^159 - 1, a serial outside 1 to 2^159 - 1 or listed twice.
 */
export async function signCrl(content: CrlContent, sign: Sign): Promise<Uint8Array> {
  return signed(encode(tbsCertList(content)), sign)
}

function tbsCertList(content: CrlContent): Der {
  if (content.thisUpdate >= content.nextUpdate)
    throw new TypeError(`thisUpdate ${content.thisUpdate} is not before nextUpdate ${content.nextUpdate}`)
  const number = limitedNumber('CRL number', content.number, 0n)
  const extensions = seq(authorityKeyIdentifier(content.aki), extension(OID_CRL_NUMBER, false, number))
  return seq(
    integer(1),
    SHA256_WITH_RSA,
    issuerName(content),
    utcOrGeneralized(content.thisUpdate),
    utcOrGeneralized(content.nextUpdate),
    ...(content.revoked.length === 0 ? [] : [revokedCertificates(content.revoked)]),
    explicit(0, extensions),
  )
}

function revokedCertificates(entries: readonly CrlEntry[]): Der {
  const sorted = [...entries].sort((a, b) => (a.serial < b.serial ? -1 : a.serial > b.serial ? 1 : 0))
  return seqOf(
    sorted.map(({ serial, revokedAt }, i) => {
      if (serial === sorted[i - 1]?.serial) throw new TypeError(`serial revoked twice: ${serial}`)
      return seq(limitedNumber('serial', serial, 1n), utcOrGeneralized(revokedAt))
    }),
  )
}

/** Returns the CRL in `bytes` with every finding against DER and the profile. */
export function decodeCrl(bytes: Uint8Array): Decoded<DecodedCrl> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  const parsed = node === undefined ? undefined : parseCrl(node, findings)
  return { content: parsed === undefined ? undefined : contentOfCrl(parsed), findings: findings.all() }
}

/** Reads and checks a CRL, reading on after a finding. Returns undefined where the outer structure is not that of a CRL. */
export function parseCrl(node: DerNode, findings: FindingList): ParsedCrl | undefined {
  const [tbs, outerAlgorithm, signatureNode, ...more] = childrenOf(node, TAG.sequence)
  if (tbs?.tag !== TAG.sequence) {
    findings.add('RFC 5280 section 5.1', 'this is not a certificate revocation list')
    return undefined
  }
  if (more.length > 0) findings.add('RFC 5280 section 5.1', 'more than three members in a CRL')
  const signature = readBits(signatureNode)
  if (signature === undefined || signature.unused !== 0)
    findings.add('RFC 5280 section 5.1.1.3', 'the signature is not a BIT STRING of octets')
  const parsed = { ...readFields(tbs, outerAlgorithm, findings), tbs: rawOf(tbs), signature: signature?.bytes }
  const content = contentOfCrl(parsed)
  if (content !== undefined) findings.addAll(checkCrlContent(content))
  return parsed
}

function readFields(
  tbs: DerNode,
  outerAlgorithm: DerNode | undefined,
  findings: FindingList,
): Omit<ParsedCrl, 'tbs' | 'signature'> {
  const parts = [...childrenOf(tbs, TAG.sequence)]
  const version = isType(parts[0], TAG.integer) ? readInteger(parts.shift()) : 0n
  if (version !== 1n)
    findings.add(RULE, `the CRL is ${version === undefined ? 'of an unreadable version' : `v${version + 1n}`}, not v2`)
  const algorithm = parts.shift()
  checkSignatureAlgorithms(algorithm, outerAlgorithm, findings)
  const issuerNode = parts.shift()
  const issuer = issuerNode === undefined ? undefined : readName(issuerNode, 'issuer', RULE, findings)
  const thisNode = parts.shift()
  const thisUpdate = readTime(thisNode)
  if (thisUpdate === undefined) findings.add('RFC 5280 section 5.1.2.4', 'thisUpdate is unreadable')
  checkTimeForm(thisNode, thisUpdate, 'thisUpdate', findings)
  const hasNext = parts[0]?.tag === TAG.utcTime || parts[0]?.tag === TAG.generalizedTime
  const nextNode = hasNext ? parts.shift() : undefined
  const nextUpdate = readTime(nextNode)
  if (nextUpdate === undefined)
    findings.add('RFC 5280 section 5.1.2.5', hasNext ? 'nextUpdate is unreadable' : 'no nextUpdate')
  checkTimeForm(nextNode, nextUpdate, 'nextUpdate', findings)
  const revoked = parts[0]?.tag === TAG.sequence ? readEntries(parts.shift(), findings) : []
  return { issuer, thisUpdate, nextUpdate, revoked, ...readExtensions(parts, findings) }
}

function readEntries(list: DerNode | undefined, findings: FindingList): readonly CrlEntry[] {
  const rule = 'RFC 5280 section 5.1.2.6'
  const nodes = childrenOf(list, TAG.sequence)
  if (nodes.length === 0) findings.tolerate(rule, 'an empty list of revoked certificates must be left out')
  const entries: CrlEntry[] = []
  for (const node of nodes) {
    const frame = { what: 'an entry', rule, tag: TAG.sequence, least: 2, most: 3 }
    const [serialNode, timeNode, extensions] = membersOf(node, frame, findings)
    const serial = readInteger(serialNode)
    const revokedAt = readTime(timeNode)
    if (serial === undefined || revokedAt === undefined)
      findings.add(rule, 'an entry without serial number or revocation date')
    else entries.push({ serial, revokedAt })
    checkTimeForm(timeNode, revokedAt, 'revocation date', findings)
    if (extensions !== undefined) findings.add(RULE, 'an entry has extensions')
  }
  return entries
}

function readExtensions(rest: readonly DerNode[], findings: FindingList): Pick<ParsedCrl, 'aki' | 'number'> {
  const [wrapper, ...more] = rest
  if (more.length > 0) findings.add('RFC 5280 section 5.1', 'an unknown member in the CRL')
  const frame = {
    what: 'the extensions field',
    rule: 'RFC 5280 section 5.1',
    tag: constructedTag(0),
    least: 1,
    most: 1,
  }
  const listFrame = { what: 'the list of extensions', rule: frame.rule, tag: TAG.sequence }
  const list = wrapper === undefined ? [] : membersOf(membersOf(wrapper, frame, findings)[0], listFrame, findings)
  if (list.length !== 2) findings.add(RULE, `${list.length} extensions, not exactly two`)
  let aki: KeyId | undefined
  let number: bigint | undefined
  for (const node of list) {
    const { oid, isCritical, value } = readExtension(node, findings)
    const inner = value === undefined ? undefined : parseInner(value, `CRL extension ${oid}`, findings)
    if (oid === OID_AUTHORITY_KEY_IDENTIFIER && inner !== undefined) aki = readKeyIdentifier(inner, RULE, findings)
    else if (oid === OID_CRL_NUMBER) number = readInteger(inner)
    else findings.add(RULE, `unexpected extension ${oid}`)
    if (isCritical) findings.add(RULE, `the extension ${oid} is critical, which it must not be`)
  }
  if (aki === undefined) findings.add(RULE, 'no authority key identifier')
  if (number === undefined) findings.add(RULE, 'no readable CRL number')
  return { aki, number }
}

/** Returns the CRL as the value that the encoder takes; undefined while a member is missing. */
function contentOfCrl(parsed: ParsedCrl): DecodedCrl | undefined {
  const { thisUpdate, nextUpdate, aki, number, signature } = parsed
  const issuer = parsed.issuer?.commonName
  if (issuer === undefined || thisUpdate === undefined || nextUpdate === undefined) return undefined
  if (aki === undefined || number === undefined || signature === undefined) return undefined
  return { issuer, aki, thisUpdate, nextUpdate, number, revoked: parsed.revoked, tbs: parsed.tbs, signature }
}

/** Returns every finding about the content of a CRL. Used before signing and on what was decoded. */
export function checkCrlContent(content: CrlContent): readonly ObjectFinding[] {
  const findings = createFindings()
  findings.addAll(checkCommonName('issuer', content.issuer, RULE))
  if (!/^[0-9A-F]{40}$/.test(content.aki)) findings.add(RULE, 'the authority key identifier is not 20 octets')
  findings.addAll(checkOrder('thisUpdate', content.thisUpdate, 'nextUpdate', content.nextUpdate, RULE))
  findings.addAll(checkNumber('CRL number', content.number, RULE))
  const serials = new Set<bigint>()
  for (const { serial } of content.revoked) {
    const text = serial.toString(16).toUpperCase()
    findings.addAll(checkSerial(serial))
    if (serials.has(serial)) findings.tolerate(RULE, `serial ${text} is listed twice`)
    serials.add(serial)
  }
  return findings.all()
}
