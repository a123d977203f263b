/**
 * Route Origin Authorizations (RFC 9582): content, encoder, strict decoder, profile.
 *
 * RFC 9582 section 4:
 *
 *     RouteOriginAttestation ::= SEQUENCE {
 *       version [0]   INTEGER DEFAULT 0,
 *       asID          ASID,
 *       ipAddrBlocks  SEQUENCE (SIZE(1..2)) OF ROAIPAddressFamily }
 *
 *     ASID ::= INTEGER (0..4294967295)
 *
 *     ROAIPAddressFamily ::= SEQUENCE {
 *       addressFamily OCTET STRING,                 -- 0001 IPv4, 0002 IPv6
 *       addresses     SEQUENCE (SIZE(1..MAX)) OF ROAIPAddress }
 *
 *     ROAIPAddress ::= SEQUENCE {
 *       address       BIT STRING (SIZE(0..ub)),     -- ub: 32 or 128
 *       maxLength     INTEGER (0..ub) OPTIONAL }
 */
import type { Decoded, ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { type DerNode, parseInner, TAG } from '../der/reader.js'
import { membersOf, readInteger } from '../der/values.js'
import { type Der, encode, integer, seq, seqOf } from '../der/writer.js'
import { addressBits, formatAddress } from '../resources/address.js'
import { MAX_ASN } from '../resources/asn.js'
import { prefixRange } from '../resources/prefix.js'
import { BIGINT_STEPS, canonicalRanges, coversRange } from '../resources/ranges.js'
import type { Family, IpRange } from '../resources/types.js'
import type { IssuedObjectCodec } from './codec.js'
import { readAsid, readVersion } from './signed-object/content-fields.js'
import { readAddress, readFamily } from './x509/decode-resources.js'
import { addressFamily, certificateResources, prefixBits } from './x509/encode-resources.js'
import type { CertificateResources } from './x509/types.js'

export interface RoaAddress {
  readonly family: Family
  readonly address: bigint
  readonly length: number
  /** Absent means equal to `length` (RFC 9582 section 4.3.2.2). */
  readonly maxLength?: number
}

/** RFC 9582 section 4. */
export interface RoaContent {
  readonly asn: number
  readonly addresses: readonly RoaAddress[]
}

const FAMILIES: readonly Family[] = [4, 6]

/**
 * Returns the DER eContent in the canonical order of section 4.3.3: v4 before v6, entries sorted and each once, maxLength left out where it equals the length.
 * Throws a TypeError for no addresses, an AS number outside 0 to 2^32 - 1, host bits set, a length or maxLength out of range.
 */
export function encodeRoa(content: RoaContent): Uint8Array {
  const { asn, addresses } = content
  const [first] = checkRoaContent(content)
  if (first !== undefined) throw new TypeError(`${first.rule}: ${first.message}`)
  const families = FAMILIES.map((family) => canonicalOrder(addresses.filter((a) => a.family === family)))
  return encode(seq(integer(asn), seqOf(families.filter((list) => list.length > 0).map(addressBlock))))
}

function addressBlock(addresses: readonly RoaAddress[]): Der {
  const family = addresses[0]?.family ?? 4
  return seq(addressFamily(family), seqOf(addresses.map(roaAddress)))
}

function roaAddress(entry: RoaAddress): Der {
  const prefix = prefixBits(entry.family, entry.address, entry.length)
  const most = maxLengthOf(entry)
  return most === entry.length ? seq(prefix) : seq(prefix, integer(most))
}

function canonicalOrder(addresses: readonly RoaAddress[]): readonly RoaAddress[] {
  const sorted = [...addresses].sort(compare)
  return sorted.filter((entry, i) => {
    const previous = sorted[i - 1]
    return previous === undefined || compare(previous, entry) !== 0
  })
}

/** Returns the ROA in `eContent` with every finding. Reads on after a finding. */
export function decodeRoa(eContent: Uint8Array): Decoded<RoaContent> {
  const findings = createFindings()
  const node = parseInner(eContent, 'eContent', findings)
  if (node === undefined) return { content: undefined, findings: findings.all() }
  const frame = { what: 'the RouteOriginAttestation', rule: 'RFC 9582 section 4', tag: TAG.sequence }
  const parts = [...membersOf(node, frame, findings)]
  readVersion(parts, 0n, 'RFC 9582 section 4.1', findings)
  const [asNode, blocks, ...more] = parts
  if (more.length > 0) findings.add('RFC 9582 section 4', 'an unknown member in the route origin attestation')
  const asn = readAsid(asNode, 'RFC 9582 section 4.2', findings)
  const addresses = readBlocks(blocks, findings)
  if (asn === undefined) return { content: undefined, findings: findings.all() }
  const content = { asn, addresses }
  findings.addAll(checkRoaContent(content))
  findings.addAll(checkRoaOrder(addresses))
  return { content, findings: findings.all() }
}

function readBlocks(list: DerNode | undefined, findings: FindingList): readonly RoaAddress[] {
  const rule = 'RFC 9582 section 4.3.1'
  const found = new Set<Family>()
  const frame = {
    what: 'the list of address families',
    rule: 'RFC 9582 section 4.3',
    tag: TAG.sequence,
    least: 1,
    most: 2,
  }
  return membersOf(list, frame, findings).flatMap((block) => {
    const blockFrame = { what: 'an address family', rule, tag: TAG.sequence, least: 2, most: 2 }
    const [familyNode, addressesNode] = membersOf(block, blockFrame, findings)
    const family = readFamily(familyNode, rule, rule, findings)
    const listFrame = { what: 'the list of addresses', rule, tag: TAG.sequence, least: 1 }
    const nodes = membersOf(addressesNode, listFrame, findings)
    if (family === undefined) return []
    if (found.has(family)) findings.add(rule, `IPv${family} appears twice`)
    found.add(family)
    return nodes.flatMap((node) => readEntry(family, node, findings))
  })
}

function readEntry(family: Family, node: DerNode, findings: FindingList): readonly RoaAddress[] {
  const frame = { what: 'an address', rule: 'RFC 9582 section 4.3.2', tag: TAG.sequence, least: 1, most: 2 }
  const [addressNode, lengthNode] = membersOf(node, frame, findings)
  const prefix = readAddress(family, addressNode, 'RFC 9582 section 4.3.2.1', findings)
  if (prefix === undefined) return []
  if (lengthNode === undefined) return [{ family, ...prefix }]
  const maxLength = readInteger(lengthNode)
  if (maxLength === undefined) findings.add('RFC 9582 section 4.3.2.2', 'a maxLength is unreadable')
  // a value beyond the safe integers is out of range and appears only in the message
  return [{ family, ...prefix, ...(maxLength !== undefined && { maxLength: Number(maxLength) }) }]
}

/** Returns every finding about the content of a ROA (RFC 9582 section 4). Used before signing and on what was decoded. */
export function checkRoaContent(content: RoaContent): readonly ObjectFinding[] {
  const findings = createFindings()
  if (!Number.isInteger(content.asn) || content.asn < 0 || content.asn > MAX_ASN)
    findings.add('RFC 9582 section 4.2', `AS number ${content.asn} is outside 0 to ${MAX_ASN}`)
  if (content.addresses.length === 0) findings.add('RFC 9582 section 4.3', 'no addresses')
  for (const entry of content.addresses) checkAddress(entry, findings)
  return findings.all()
}

function checkAddress(entry: RoaAddress, findings: FindingList): void {
  const bits = addressBits(entry.family)
  const { address, length, maxLength } = entry
  if (!Number.isInteger(length) || length < 0 || length > bits) {
    findings.add('RFC 9582 section 4.3.2.1', `prefix length ${length} is outside 0 to ${bits}`)
    return
  }
  if (address < 0n || address >> BigInt(bits) !== 0n) {
    findings.add('RFC 9582 section 4.3.2.1', `${address} is not an IPv${entry.family} address`)
    return
  }
  const text = (): string => textOf(entry)
  if ((address & ((1n << BigInt(bits - length)) - 1n)) !== 0n)
    findings.add('RFC 9582 section 4.3.2.1', `${text()} has bits set after its length`)
  if (maxLength === undefined) return
  if (!Number.isInteger(maxLength) || maxLength < length)
    findings.add('RFC 9582 section 4.3.2.2', `maxLength ${maxLength} of ${text()} is below the prefix length`)
  if (maxLength > bits) findings.add('RFC 9582 section 4.3.2.2', `maxLength ${maxLength} of ${text()} is above ${bits}`)
}

/** Returns a finding where the entries are not in the canonical form of section 4.3.3 (sorted, each once), which validators do not require. */
function checkRoaOrder(addresses: readonly RoaAddress[]): readonly ObjectFinding[] {
  for (let i = 1; i < addresses.length; i++) {
    const [a, b] = [addresses[i - 1], addresses[i]]
    if (a === undefined || b === undefined || compare(a, b) < 0) continue
    const message = compare(a, b) === 0 ? `${textOf(b)} is listed twice` : `${textOf(b)} comes after ${textOf(a)}`
    return [{ rule: 'RFC 9582 section 4.3.3', message: `not in canonical order: ${message}`, tolerated: true }]
  }
  return []
}

function textOf(entry: RoaAddress): string {
  return `${formatAddress(entry.address, entry.family)}/${entry.length}`
}

/** Orders by family, address, length, then maxLength, where an absent one counts as the length. */
function compare(a: RoaAddress, b: RoaAddress): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  if (a.length !== b.length) return a.length - b.length
  return maxLengthOf(a) - maxLengthOf(b)
}

function maxLengthOf(entry: RoaAddress): number {
  return entry.maxLength ?? entry.length
}

/** Returns the resources of a ROA's EE certificate: exactly its addresses, no AS numbers (RFC 9582 section 5). */
export function roaResources(content: RoaContent): CertificateResources {
  const ranges = (family: Family): readonly IpRange[] =>
    canonicalRanges(content.addresses.filter((entry) => entry.family === family).map(prefixRange), BIGINT_STEPS)
  return certificateResources({ asn: [], ipv4: ranges(4), ipv6: ranges(6) })
}

/** Adds a finding for each conflict with the EE certificate (RFC 9582 section 5): IP addresses only, none inherited, every prefix of the ROA among them. */
function checkRoaEe(
  content: RoaContent | undefined,
  { asn, ipv4, ipv6 }: CertificateResources,
  findings: FindingList,
): void {
  const rule = 'RFC 9582 section 5'
  if (asn !== undefined) findings.add(rule, 'the EE certificate of a ROA has AS numbers')
  if (ipv4 === undefined && ipv6 === undefined) findings.add(rule, 'the EE certificate of a ROA has no IP addresses')
  if (ipv4 === 'inherit' || ipv6 === 'inherit') findings.add(rule, 'the EE certificate of a ROA inherits its addresses')
  const held = { 4: rangesOf(ipv4), 6: rangesOf(ipv6) }
  const uncovered = (content?.addresses ?? []).filter((entry) => !coversRange(held[entry.family], prefixRange(entry)))
  if (uncovered.length > 0)
    findings.add(
      rule,
      `${uncovered.length} prefixes of the ROA are not in its EE certificate, the first is an IPv${uncovered[0]?.family} /${uncovered[0]?.length}`,
    )
}

function rangesOf(ranges: readonly IpRange[] | 'inherit' | undefined): readonly IpRange[] {
  if (ranges === undefined || ranges === 'inherit') return []
  return canonicalRanges(
    ranges.filter((range) => range.min <= range.max),
    BIGINT_STEPS,
  )
}

/** RFC 9582 as a codec of `object-kinds.ts`. */
export const roaCodec: IssuedObjectCodec<RoaContent> = {
  encode: encodeRoa,
  decode: decodeRoa,
  profile: checkRoaContent,
  resources: roaResources,
  checkEe: (content, ee, findings) => checkRoaEe(content, ee?.extensions.resources ?? {}, findings),
  fields: ({ asn, addresses }) => ({
    asn,
    vrps: addresses.map(({ family, address, length, maxLength }) => ({
      asn,
      prefix: `${formatAddress(address, family)}/${length}`,
      maxLength: maxLength ?? length,
    })),
  }),
}
