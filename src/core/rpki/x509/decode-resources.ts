/** Strict decoder of the RFC 3779 extensions, in wire order (their ASN.1 is in encode-resources.ts). Encodings are checked here, order and bounds in resource-profile.ts. */

import type { FindingList } from '../../der/findings.js'
import { constructedTag, contentOf, type DerNode, hasTag, isType, TAG } from '../../der/reader.js'
import { membersOf, readBits, readInteger } from '../../der/values.js'
import { addressBits } from '../../resources/address.js'
import { MAX_ASN } from '../../resources/asn.js'
import type { AsRange, Family, IpRange } from '../../resources/types.js'
import type { CertificateResources } from './types.js'

type IpResources = { -readonly [K in 'ipv4' | 'ipv6']?: readonly IpRange[] | 'inherit' }

/** Reads IPAddrBlocks (RFC 3779 section 2.2.3). */
export function readIpAddrBlocks(node: DerNode, findings: FindingList): Pick<CertificateResources, 'ipv4' | 'ipv6'> {
  const found: IpResources = {}
  let previous = 0
  const list = { what: 'the IP address extension', rule: 'RFC 3779 section 2.2.3.1', tag: TAG.sequence }
  for (const block of membersOf(node, list, findings)) {
    const [familyNode, choice] = membersOf(
      block,
      { what: 'an address family', rule: 'RFC 3779 section 2.2.3.2', tag: TAG.sequence, least: 2, most: 2 },
      findings,
    )
    const family = readFamily(familyNode, 'RFC 6487 section 4.8.10', 'RFC 3779 section 2.2.3.3', findings)
    if (family === undefined || choice === undefined) continue
    const key = family === 4 ? 'ipv4' : 'ipv6'
    if (found[key] !== undefined) findings.add('RFC 3779 section 2.2.3.3', `IPv${family} appears twice`)
    else if (family < previous) findings.add('RFC 3779 section 2.2.3.3', 'IPv6 comes before IPv4')
    previous = family
    found[key] = choice.tag === TAG.null ? 'inherit' : readIpRanges(family, choice, findings)
  }
  if (previous === 0) findings.add('RFC 6487 section 4.8.10', 'the IP address extension names no address family')
  return found
}

/** Reads the two octets of an address family identifier. A third one, the SAFI, breaks `safiRule`. */
export function readFamily(
  node: DerNode | undefined,
  safiRule: string,
  rule: string,
  findings: FindingList,
): Family | undefined {
  const octets = isType(node, TAG.octetString) ? contentOf(node) : new Uint8Array()
  if (octets.length === 3) findings.add(safiRule, `the address family has a SAFI, ${octets[2]}`)
  const afi = octets.length === 2 || octets.length === 3 ? (octets[0] ?? 0) * 256 + (octets[1] ?? 0) : -1
  if (afi === 1) return 4
  if (afi === 2) return 6
  findings.add(
    rule,
    afi < 0 ? 'an address family is not two octets' : `address family ${afi} is neither IPv4 (1) nor IPv6 (2)`,
  )
  return undefined
}

/** Reads an IPAddress (RFC 3779 section 2.1.1): the first bits of an address, the rest zero. Returns undefined, with a finding under `rule`, for anything else. */
export function readAddress(
  family: Family,
  node: DerNode | undefined,
  rule: string,
  findings: FindingList,
): { readonly address: bigint; readonly length: number } | undefined {
  const bits = readBits(node)
  const size = addressBits(family)
  const length = bits === undefined ? -1 : bits.bytes.length * 8 - bits.unused
  if (bits === undefined || length > size) {
    findings.add(
      rule,
      bits === undefined ? 'an address is not a BIT STRING' : `an IPv${family} address of ${length} bits`,
    )
    return undefined
  }
  const { bytes, unused } = bits
  if (((bytes.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0)
    findings.add(rule, `bits after the length of an IPv${family} prefix are not zero`)
  if (family === 4) return { address: BigInt(first32(bytes, unused)), length }
  const value = length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  const shift = BigInt(size - bytes.length * 8)
  return { address: ((value >> BigInt(unused)) << BigInt(unused)) << shift, length }
}

/** Returns up to four octets as the high bits of a number, without the `unused` last bits. */
function first32(bytes: Uint8Array, unused: number): number {
  let value = 0
  for (let at = 0; at < 4; at++) {
    const octet = bytes[at] ?? 0
    value = value * 256 + (at === bytes.length - 1 ? (octet >> unused) << unused : octet)
  }
  return value
}

function readIpRanges(family: Family, choice: DerNode, findings: FindingList): readonly IpRange[] {
  const list = { what: `the list of IPv${family} addresses`, rule: 'RFC 3779 section 2.2.3.4', tag: TAG.sequence }
  const size = BigInt(addressBits(family))
  const ranges: IpRange[] = []
  for (const item of membersOf(choice, list, findings)) {
    if (item.tag === TAG.sequence) {
      const range = readIpRange(family, item, findings)
      if (range !== undefined) ranges.push(range)
      continue
    }
    const prefix = readAddress(family, item, 'RFC 3779 section 2.2.3.8', findings)
    if (prefix !== undefined)
      ranges.push({ min: prefix.address, max: prefix.address | ((1n << (size - BigInt(prefix.length))) - 1n) })
  }
  return ranges
}

function readIpRange(family: Family, node: DerNode, findings: FindingList): IpRange | undefined {
  const rule = 'RFC 3779 section 2.2.3.9'
  const [low, high] = membersOf(
    node,
    { what: 'an address range', rule, tag: TAG.sequence, least: 2, most: 2 },
    findings,
  )
  const from = readAddress(family, low, rule, findings)
  const to = readAddress(family, high, rule, findings)
  if (from === undefined || to === undefined) return undefined
  const size = addressBits(family)
  const max = to.address | ((1n << BigInt(size - to.length)) - 1n)
  const differing = from.address ^ max
  const isPrefix = (differing & (differing + 1n)) === 0n && (from.address & differing) === 0n
  if (isPrefix)
    findings.add('RFC 3779 section 2.2.3.7', `an IPv${family} range that is a prefix must be written as one`)
  const hasTail =
    (from.length > 0 && ((from.address >> BigInt(size - from.length)) & 1n) === 0n) ||
    (to.length > 0 && ((to.address >> BigInt(size - to.length)) & 1n) === 1n)
  if (hasTail && !isPrefix) findings.tolerate(rule, `an IPv${family} range keeps bits that must be stripped`)
  return { min: from.address, max }
}

/** Reads ASIdentifiers (RFC 3779 section 3.2.3). */
export function readAsIdentifiers(node: DerNode, findings: FindingList): CertificateResources['asn'] {
  let asn: CertificateResources['asn']
  const list = { what: 'the AS number extension', rule: 'RFC 3779 section 3.2.3.1', tag: TAG.sequence }
  const asnum = { what: 'the choice of AS numbers', rule: 'RFC 3779 section 3.2.3.2', tag: constructedTag(0) }
  for (const part of membersOf(node, list, findings)) {
    if (hasTag(part, constructedTag(1))) {
      findings.add('RFC 6487 section 4.8.11', 'routing domain identifiers (rdi) are present')
      continue
    }
    const [choice] = membersOf(part, { ...asnum, least: 1, most: 1 }, findings)
    if (choice === undefined || asn !== undefined)
      findings.add('RFC 3779 section 3.2.3.1', 'the AS number extension is malformed')
    else asn = choice.tag === TAG.null ? 'inherit' : readAsRanges(choice, findings)
  }
  if (asn === undefined) findings.add('RFC 6487 section 4.8.11', 'the AS number extension has no AS numbers')
  return asn
}

function readAsRanges(choice: DerNode, findings: FindingList): readonly AsRange[] {
  const list = { what: 'the list of AS numbers', rule: 'RFC 3779 section 3.2.3.4', tag: TAG.sequence }
  const ranges: AsRange[] = []
  for (const item of membersOf(choice, list, findings)) {
    const isRange = item.tag === TAG.sequence
    const frame = { what: 'an AS range', rule: 'RFC 3779 section 3.2.3.8', tag: TAG.sequence, least: 2, most: 2 }
    const [low, high] = isRange ? membersOf(item, frame, findings) : [item, item]
    const [min, max] = [readAsn(low, findings), readAsn(high, findings)]
    if (min === undefined || max === undefined) continue
    if (isRange && min === max)
      findings.add('RFC 3779 section 3.2.3.8', `the AS range ${min}-${max} is a single number`)
    ranges.push({ min, max })
  }
  return ranges
}

function readAsn(node: DerNode | undefined, findings: FindingList): number | undefined {
  const value = readInteger(node)
  if (value !== undefined && value >= 0n && value <= BigInt(MAX_ASN)) return Number(value)
  findings.add('RFC 3779 section 3.2.3.10', `AS number ${value ?? '(unreadable)'} is outside 0 to ${MAX_ASN}`)
  return undefined
}
