/** Certificate revocation lists (RFC 6487 section 5, RFC 5280 section 5): version 2, AKI and number the only extensions. */
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import { createFindings, type FindingList } from '../der/faults.js'
import { childrenOf, type DerNode, isContext, isType, parseDer, parseInner, rawOf, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readTime } from '../der/values.js'
import { checkCrlContent } from './profile/crl.js'
import type { CrlEntry, Decoded, DecodedCrl } from './types.js'
import { checkSignatureAlgorithms, checkTimeForm } from './x509/algorithm.js'
import { readExtension, readKeyIdentifier } from './x509/extensions.js'
import { type ParsedName, readName } from './x509/name.js'
import { OID_AUTHORITY_KEY_IDENTIFIER, OID_CRL_NUMBER } from './x509/oids.js'

const RULE = 'RFC 6487 section 5'

/** What could be read of a CRL, whatever is wrong with it. */
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

/** The CRL that `bytes` are, with every fault against DER and its profile. */
export function decodeCrl(bytes: Uint8Array): Decoded<DecodedCrl> {
  const faults = createFindings()
  const node = parseDer(bytes, faults)
  const parsed = node === undefined ? undefined : parseCrl(node, faults)
  return { content: parsed === undefined ? undefined : contentOfCrl(parsed), faults: faults.all() }
}

/** Reads and checks a CRL. Undefined when it has no CRL's frame. */
export function parseCrl(node: DerNode, faults: FindingList): ParsedCrl | undefined {
  const [tbs, outerAlgorithm, signatureNode, ...more] = childrenOf(node)
  if (node.tag !== TAG.sequence || tbs === undefined || tbs.tag !== TAG.sequence) {
    faults.add('RFC 5280 section 5.1', 'this is not a certificate revocation list')
    return undefined
  }
  if (more.length > 0) faults.add('RFC 5280 section 5.1', 'more than three members in a CRL')
  const signature = readBits(signatureNode)
  if (signature === undefined || signature.unused !== 0)
    faults.add('RFC 5280 section 5.1.1.3', 'the signature is not a BIT STRING of octets')
  const parsed = { ...readFields(tbs, outerAlgorithm, faults), tbs: rawOf(tbs), signature: signature?.bytes }
  const content = contentOfCrl(parsed)
  if (content !== undefined) faults.addAll(checkCrlContent(content))
  return parsed
}

function readFields(
  tbs: DerNode,
  outerAlgorithm: DerNode | undefined,
  faults: FindingList,
): Omit<ParsedCrl, 'tbs' | 'signature'> {
  const parts = [...childrenOf(tbs)]
  const version = isType(parts[0], TAG.integer) ? readInteger(parts.shift()) : 0n
  if (version !== 1n)
    faults.add(RULE, `the CRL is ${version === undefined ? 'of an unreadable version' : `v${version + 1n}`}, not v2`)
  const algorithm = parts.shift()
  checkSignatureAlgorithms(algorithm, outerAlgorithm, faults)
  const issuerNode = parts.shift()
  const issuer = issuerNode === undefined ? undefined : readName(issuerNode, 'issuer', RULE, faults)
  const thisNode = parts.shift()
  const thisUpdate = readTime(thisNode)
  if (thisUpdate === undefined) faults.add('RFC 5280 section 5.1.2.4', 'thisUpdate is unreadable')
  checkTimeForm(thisNode, thisUpdate, 'thisUpdate', faults)
  const hasNext = parts[0]?.tag === TAG.utcTime || parts[0]?.tag === TAG.generalizedTime
  const nextNode = hasNext ? parts.shift() : undefined
  const nextUpdate = readTime(nextNode)
  if (nextUpdate === undefined)
    faults.add('RFC 5280 section 5.1.2.5', hasNext ? 'nextUpdate is unreadable' : 'no nextUpdate')
  checkTimeForm(nextNode, nextUpdate, 'nextUpdate', faults)
  const revoked = parts[0]?.tag === TAG.sequence ? readEntries(parts.shift(), faults) : []
  return { issuer, thisUpdate, nextUpdate, revoked, ...readExtensions(parts, faults) }
}

function readEntries(list: DerNode | undefined, faults: FindingList): readonly CrlEntry[] {
  const nodes = list === undefined ? [] : childrenOf(list)
  if (nodes.length === 0)
    faults.tolerate('RFC 5280 section 5.1.2.6', 'an empty list of revoked certificates must be left out')
  const entries: CrlEntry[] = []
  for (const node of nodes) {
    const [serialNode, timeNode, extensions] = childrenOf(node)
    const serial = readInteger(serialNode)
    const revokedAt = readTime(timeNode)
    if (serial === undefined || revokedAt === undefined)
      faults.add('RFC 5280 section 5.1.2.6', 'an entry without serial number or revocation date')
    else entries.push({ serial, revokedAt })
    checkTimeForm(timeNode, revokedAt, 'revocation date', faults)
    if (extensions !== undefined) faults.add(RULE, 'an entry has extensions')
  }
  return entries
}

function readExtensions(rest: readonly DerNode[], faults: FindingList): Pick<ParsedCrl, 'aki' | 'number'> {
  const [wrapper, ...more] = rest
  if (more.length > 0 || (wrapper !== undefined && !isContext(wrapper, 0)))
    faults.add('RFC 5280 section 5.1', 'an unknown member in the CRL')
  const frame = { what: 'the extensions field', rule: 'RFC 5280 section 5.1', least: 1, most: 1 }
  const list = wrapper === undefined ? [] : membersOf(wrapper, frame, faults).flatMap(childrenOf)
  if (list.length !== 2) faults.add(RULE, `${list.length} extensions, not exactly two`)
  let aki: KeyId | undefined
  let number: bigint | undefined
  for (const node of list) {
    const { oid, isCritical, value } = readExtension(node, faults)
    const inner = value === undefined ? undefined : parseInner(value, `CRL extension ${oid}`, faults)
    if (oid === OID_AUTHORITY_KEY_IDENTIFIER && inner !== undefined) aki = readKeyIdentifier(inner, RULE, faults)
    else if (oid === OID_CRL_NUMBER) number = readInteger(inner)
    else faults.add(RULE, `unexpected extension ${oid}`)
    if (isCritical) faults.add(RULE, `the extension ${oid} is critical, which it must not be`)
  }
  if (aki === undefined) faults.add(RULE, 'no authority key identifier')
  if (number === undefined) faults.add(RULE, 'no readable CRL number')
  return { aki, number }
}

/** The CRL as the value that the encoder takes; undefined while a member is missing. */
export function contentOfCrl(parsed: ParsedCrl): DecodedCrl | undefined {
  const { thisUpdate, nextUpdate, aki, number, signature } = parsed
  const issuer = parsed.issuer?.commonName
  if (issuer === undefined || thisUpdate === undefined || nextUpdate === undefined) return undefined
  if (aki === undefined || number === undefined || signature === undefined) return undefined
  return { issuer, aki, thisUpdate, nextUpdate, number, revoked: parsed.revoked, tbs: parsed.tbs, signature }
}
