/** Reader of the CRL of a message (RFC 6492 section 3.1.1.5): DER, version 2, AKI and CRL number optional, entries with or without reasons. */
import type { FindingList } from '../../der/findings.js'
import { constructedTag, type DerNode, hasTag, isType, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readBits, readInteger, readTime } from '../../der/values.js'
import { checkSignatureAlgorithms } from '../../rpki/x509/algorithm.js'
import { OID_AUTHORITY_KEY_IDENTIFIER, OID_CRL_NUMBER } from '../../rpki/x509/oids.js'
import { checkDer } from './ber.js'
import { readInstant, readName } from './certificate.js'
import { type Extension, readAki, readExtensionList } from './extensions.js'
import type { BpkiCrl } from './types.js'

const RULE = 'RFC 5280 section 5.1'
const WHAT = 'the CRL'

/** Largest CRL in octets: of some 25,000 revoked certificates. */
const LARGEST = 1_048_576

/** Reads a CRL. Returns undefined where the outer structure is not that of a CRL. */
export function readBpkiCrl(node: DerNode, findings: FindingList): BpkiCrl | undefined {
  const members = hasTag(node, TAG.sequence)
    ? membersOf(node, { what: WHAT, rule: RULE, tag: TAG.sequence, least: 3, most: 3 }, findings)
    : []
  const [tbs, algorithm, signatureNode] = members
  if (!hasTag(tbs, TAG.sequence)) {
    findings.add(RULE, 'what should be the CRL is not a certificate revocation list')
    return undefined
  }
  if (rawOf(node).length > LARGEST) {
    findings.add(RULE, `the CRL has ${rawOf(node).length} octets, at most ${LARGEST} are accepted`)
    return undefined
  }
  checkDer(node, WHAT, 'all', findings)
  const signature = readBits(signatureNode)
  if (signature?.unused !== 0)
    findings.add('RFC 5280 section 5.1.1.3', 'the signature of the CRL is not a BIT STRING of octets')
  return { raw: rawOf(node), tbs: rawOf(tbs), signature: signature?.bytes, ...readFields(tbs, algorithm, findings) }
}

function readFields(
  tbs: DerNode,
  outer: DerNode | undefined,
  findings: FindingList,
): Omit<BpkiCrl, 'raw' | 'tbs' | 'signature'> {
  const frame = { what: 'the signed part of the CRL', rule: RULE, tag: TAG.sequence, least: 5, most: 7 }
  const parts = [...membersOf(tbs, frame, findings)]
  const version = isType(parts[0], TAG.integer) ? readInteger(parts.shift()) : 0n
  if (version !== 1n) findings.add('RFC 5280 section 5.1.2.1', 'the CRL is not of version 2')
  checkSignatureAlgorithms(parts.shift(), outer, findings)
  const issuer = readName(parts.shift(), 'the issuer of the CRL', findings)
  const thisUpdate = readInstant(parts.shift(), 'thisUpdate of the CRL', findings)
  const hasNext = hasTag(parts[0], TAG.utcTime) || hasTag(parts[0], TAG.generalizedTime)
  if (!hasNext) findings.add('RFC 5280 section 5.1.2.5', 'the CRL has no nextUpdate')
  const nextUpdate = hasNext ? readInstant(parts.shift(), 'nextUpdate of the CRL', findings) : undefined
  const revoked = hasTag(parts[0], TAG.sequence) ? readEntries(parts.shift(), findings) : new Set<bigint>()
  return { issuer, thisUpdate, nextUpdate, revoked, ...readListExtensions(parts, findings) }
}

function readEntries(list: DerNode | undefined, findings: FindingList): ReadonlySet<bigint> {
  const rule = 'RFC 5280 section 5.1.2.6'
  const serials = new Set<bigint>()
  for (const node of membersOf(list, { what: 'the list of revoked certificates', rule, tag: TAG.sequence }, findings)) {
    const frame = { what: 'an entry of the CRL', rule, tag: TAG.sequence, least: 2, most: 3 }
    const [serialNode, time, extensions] = membersOf(node, frame, findings)
    const serial = readInteger(serialNode)
    if (serial === undefined || readTime(time) === undefined)
      findings.add(rule, 'an entry of the CRL has no readable serial number or revocation date')
    else serials.add(serial)
    if (extensions !== undefined)
      refuseCritical(readExtensionList(extensions, 'an entry of the CRL', findings), findings)
  }
  return serials
}

function readListExtensions(rest: readonly DerNode[], findings: FindingList): Pick<BpkiCrl, 'aki' | 'number'> {
  const [wrapper, ...more] = rest
  if (more.length > 0) findings.add(RULE, 'the CRL has unknown members')
  if (wrapper === undefined) return { aki: undefined, number: undefined }
  const frame = { what: 'the extensions of the CRL', rule: RULE, tag: constructedTag(0), least: 1, most: 1 }
  const list = readExtensionList(membersOf(wrapper, frame, findings)[0], WHAT, findings)
  refuseCritical(list, findings)
  const number = list.get(OID_CRL_NUMBER)
  const value = readInteger(number?.value)
  if (number !== undefined && value === undefined)
    findings.add('RFC 5280 section 5.2.3', 'the CRL number is unreadable')
  return { aki: readAki(list.get(OID_AUTHORITY_KEY_IDENTIFIER), WHAT, findings), number: value }
}

/** RFC 5280 sections 5.2 and 5.3: a critical extension may limit what the list or the entry covers. */
function refuseCritical(list: ReadonlyMap<string, Extension>, findings: FindingList): void {
  for (const { oid, isCritical } of list.values())
    if (isCritical && oid !== OID_AUTHORITY_KEY_IDENTIFIER && oid !== OID_CRL_NUMBER)
      findings.add('RFC 5280 section 5.2', `the CRL has the critical extension ${oid}, which is not supported`)
}
