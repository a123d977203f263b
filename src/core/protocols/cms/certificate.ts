/**
 * Reader of the certificates of the business PKI: ID certificates (RFC 8183 section 4), EE certificates of messages and what lies between
 * them. The structure of RFC 5280 section 4.1 is required; names, criticality and unknown extensions are as the peer likes them.
 */
import type { Instant } from '../../base/time.js'
import type { FindingList } from '../../der/findings.js'
import { constructedTag, type DerNode, hasTag, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readBits, readInteger, readOid, readTime } from '../../der/values.js'
import { checkSignatureAlgorithms, checkTimeForm } from '../../rpki/x509/algorithm.js'
import { type ParsedKey, readKey } from '../../rpki/x509/key.js'
import { verifyRsa } from '../../rpki/x509/verify-rsa.js'
import { checkDer } from './ber.js'
import { readBpkiExtensions, readExtensionList } from './extensions.js'
import type { BpkiCertificate, BpkiExtensions } from './types.js'

const RULE = 'RFC 5280 section 4.1'

/** Largest certificate in octets; real ones have about 1,000. */
const LARGEST = 65_536

/** Reads a certificate; `what` names it in findings. Returns undefined where the outer structure is not that of a certificate. */
export function readBpkiCertificate(node: DerNode, what: string, findings: FindingList): BpkiCertificate | undefined {
  if (!hasTag(node, TAG.sequence)) {
    findings.add(RULE, `${what} is not a certificate`)
    return undefined
  }
  if (rawOf(node).length > LARGEST) {
    findings.add(RULE, `${what} has ${rawOf(node).length} octets, at most ${LARGEST} are accepted`)
    return undefined
  }
  checkDer(node, what, 'lengths', findings)
  const frame = { what, rule: RULE, tag: TAG.sequence, least: 3, most: 3 }
  const [tbs, algorithm, signatureNode] = membersOf(node, frame, findings)
  if (!hasTag(tbs, TAG.sequence)) {
    findings.add(RULE, `${what} is not a certificate`)
    return undefined
  }
  const signature = readBits(signatureNode)
  if (signature?.unused !== 0)
    findings.add('RFC 5280 section 4.1.1.3', `the signature of ${what} is not a BIT STRING of octets`)
  return {
    raw: rawOf(node),
    tbs: rawOf(tbs),
    signature: signature?.bytes,
    ...readFields(tbs, algorithm, what, findings),
  }
}

type Fields = Omit<BpkiCertificate, 'raw' | 'tbs' | 'signature'>

function readFields(tbs: DerNode, outer: DerNode | undefined, what: string, findings: FindingList): Fields {
  const frame = { what: `the signed part of ${what}`, rule: RULE, tag: TAG.sequence, least: 6, most: 10 }
  const parts = [...membersOf(tbs, frame, findings)]
  const versionFrame = { what: `the version of ${what}`, rule: RULE, tag: constructedTag(0), least: 1, most: 1 }
  const hasVersion = hasTag(parts[0], versionFrame.tag)
  const version = hasVersion ? readInteger(membersOf(parts.shift(), versionFrame, findings)[0]) : 0n
  const [serialNode, algorithm, issuer, validity, subject, spki, ...rest] = parts
  const serial = readInteger(serialNode)
  if (serial === undefined) findings.add('RFC 5280 section 4.1.2.2', `the serial number of ${what} is unreadable`)
  checkSignatureAlgorithms(algorithm, outer, findings)
  const times = {
    what: `the validity of ${what}`,
    rule: 'RFC 5280 section 4.1.2.5',
    tag: TAG.sequence,
    least: 2,
    most: 2,
  }
  const [from, to] = membersOf(validity, times, findings)
  const key = readKey(spki, findings)
  if (key === undefined) findings.add('RFC 5280 section 4.1.2.7', `the public key of ${what} is unreadable`)
  return {
    version,
    serial,
    issuer: readName(issuer, `the issuer of ${what}`, findings),
    subject: readName(subject, `the subject of ${what}`, findings),
    notBefore: readInstant(from, `notBefore of ${what}`, findings),
    notAfter: readInstant(to, `notAfter of ${what}`, findings),
    key,
    extensions: readFieldExtensions(rest, what, findings),
  }
}

/** Returns the DER of a Name, which is compared and shown, never interpreted. Its attributes and string types are not restricted, and it may be empty. */
export function readName(node: DerNode | undefined, what: string, findings: FindingList): Uint8Array | undefined {
  const rule = 'RFC 5280 section 4.1.2.4'
  const sets = membersOf(node, { what, rule, tag: TAG.sequence, most: MOST }, findings)
  const part = { what: `a part of ${what}`, rule, tag: TAG.set, least: 1, most: MOST }
  for (const pair of sets.flatMap((one) => membersOf(one, part, findings))) {
    const [type, value] = membersOf(
      pair,
      { ...part, what: `an attribute of ${what}`, tag: TAG.sequence, least: 2, most: 2 },
      findings,
    )
    if (readOid(type) === undefined || value === undefined || !STRINGS.has(value.tag))
      findings.add(rule, `an attribute of ${what} is not a type with a string`)
  }
  return node === undefined ? undefined : rawOf(node)
}

/** Parts of a name that are read. */
const MOST = 50
/** UTF8String, PrintableString, TeletexString, IA5String, UniversalString, BMPString. */
const STRINGS: ReadonlySet<number> = new Set([TAG.utf8String, TAG.printableString, 0x14, TAG.ia5String, 0x1c, 0x1e])

export function readInstant(node: DerNode | undefined, what: string, findings: FindingList): Instant | undefined {
  const instant = readTime(node)
  if (instant === undefined) findings.add('RFC 5280 section 4.1.2.5', `${what} is unreadable`)
  checkTimeForm(node, instant, what, findings)
  return instant
}

function readFieldExtensions(rest: readonly DerNode[], what: string, findings: FindingList): BpkiExtensions {
  const [wrapper, ...more] = rest
  const frame = { what: `the extensions of ${what}`, rule: RULE, tag: constructedTag(3), least: 1, most: 1 }
  if (more.length > 0) findings.add(RULE, `${what} has unknown members`)
  const list = wrapper === undefined ? undefined : membersOf(wrapper, frame, findings)[0]
  const extensions = list === undefined ? new Map() : readExtensionList(list, what, findings)
  return readBpkiExtensions(extensions, what, findings)
}

/** Returns the reason why a key cannot be used (RFC 7935 section 3 requires 2048 bits; longer ones are accepted); undefined for a usable key. */
export function keyFault(key: ParsedKey | undefined): string | undefined {
  if (key === undefined) return 'the public key is unreadable'
  if (key.algorithm !== 'RSA') return 'the public key is not an RSA key'
  if (key.bits < 2048 || key.bits > 8192) return `the RSA key has ${key.bits} bits, not 2048 to 8192`
  if (!key.hasNullParameters) return 'the RSA key has no NULL parameters'
  // with an exponent of 1 a signature is its own message: no private key is needed to make one
  return key.exponent < 3n || key.exponent % 2n === 0n ? `the RSA exponent is ${key.exponent}` : undefined
}

/** Returns true if the key verifies the signature of a certificate or CRL. Never throws. */
export function isSignedBy(signed: Pick<BpkiCertificate, 'tbs' | 'signature'>, spki: Uint8Array): boolean {
  return signed.signature !== undefined && verifyRsa(spki, signed.tbs, signed.signature)
}
