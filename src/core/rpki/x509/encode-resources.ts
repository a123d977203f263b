/**
 * Encoder of the RFC 3779 resource extensions from canonical ranges: a range that is a prefix is written as one, zero and one bits at the
 * ends are stripped.
 *
 * RFC 3779 section 2.2.3:
 *
 *     IPAddrBlocks ::= SEQUENCE OF IPAddressFamily
 *
 *     IPAddressFamily ::= SEQUENCE {
 *       addressFamily        OCTET STRING (SIZE (2..3)),    -- RFC 6487: without SAFI
 *       ipAddressChoice      CHOICE {
 *         inherit              NULL,
 *         addressesOrRanges    SEQUENCE OF IPAddressOrRange } }
 *
 *     IPAddressOrRange ::= CHOICE {
 *       addressPrefix        BIT STRING,
 *       addressRange         SEQUENCE { min BIT STRING, max BIT STRING } }
 *
 * RFC 3779 section 3.2.3:
 *
 *     ASIdentifiers ::= SEQUENCE {
 *       asnum           [0]  EXPLICIT ASIdentifierChoice OPTIONAL,
 *       rdi             [1]  EXPLICIT ASIdentifierChoice OPTIONAL }   -- RFC 6487: absent
 *
 *     ASIdentifierChoice ::= CHOICE {
 *       inherit              NULL,
 *       asIdsOrRanges        SEQUENCE OF CHOICE { id INTEGER, range SEQUENCE { min INTEGER, max INTEGER } } }
 */

import { bits, type Der, explicit, integer, nothing, octets, seq, seqOf } from '../../der/writer.js'
import { addressBits } from '../../resources/address.js'
import type { AsRange, Family, IpRange, ResourceSet } from '../../resources/types.js'
import type { CertificateResources } from './types.js'

/** Returns the resources of a certificate for a set: empty families are left out (RFC 6487 section 4.8.10 forbids empty lists). */
export function certificateResources(set: ResourceSet): CertificateResources {
  return {
    ...(set.asn.length > 0 && { asn: set.asn }),
    ...(set.ipv4.length > 0 && { ipv4: set.ipv4 }),
    ...(set.ipv6.length > 0 && { ipv6: set.ipv6 }),
  }
}

/** Returns IPAddrBlocks (RFC 3779 section 2.2.3), v4 before v6; undefined without addresses. Throws a TypeError for ranges that are not canonical. */
export function ipAddrBlocks(resources: CertificateResources): Der | undefined {
  const families = [ipFamily(4, resources.ipv4), ipFamily(6, resources.ipv6)].filter((part) => part !== undefined)
  return families.length === 0 ? undefined : seqOf(families)
}

/** Returns ASIdentifiers (RFC 3779 section 3.2.3) without rdi; undefined without AS numbers. Throws a TypeError for ranges that are not canonical. */
export function asIdentifiers(resources: CertificateResources): Der | undefined {
  const { asn } = resources
  if (asn === undefined) return undefined
  if (asn === 'inherit') return seq(explicit(0, nothing()))
  checkCanonical('AS number', asn, 0xffffffff, (previous) => previous + 1)
  return seq(explicit(0, seqOf(asn.map(asRange))))
}

/** Returns an IPAddress (RFC 3779 section 2.1.1): the first `length` bits of an address. */
export function prefixBits(family: Family, address: bigint, length: number): Der {
  if (family === 4) return prefixBitsOf4(Number(address), length)
  const octetCount = Math.ceil(length / 8)
  const shifted = address >> BigInt(addressBits(family) - octetCount * 8)
  const bytes = octetCount === 0 ? '' : shifted.toString(16).padStart(octetCount * 2, '0')
  return bits(Buffer.from(bytes, 'hex'), octetCount * 8 - length)
}

/** Computes with numbers: the ROA of one AS has thousands of prefixes, and so has its certificate. */
function prefixBitsOf4(address: number, length: number): Der {
  const first = new Uint8Array(Math.ceil(length / 8))
  for (let at = 0; at < first.length; at++) first[at] = address >>> (24 - 8 * at)
  return bits(first, first.length * 8 - length)
}

/** Returns the addressFamily octets of RFC 3779 section 2.2.3.3, without SAFI. */
export function addressFamily(family: Family): Der {
  return octets(new Uint8Array([0, family === 4 ? 1 : 2]))
}

function ipFamily(family: Family, ranges: readonly IpRange[] | 'inherit' | undefined): Der | undefined {
  if (ranges === undefined) return undefined
  if (ranges === 'inherit') return seq(addressFamily(family), nothing())
  const top = (1n << BigInt(addressBits(family))) - 1n
  checkCanonical(`IPv${family} address`, ranges, top, (previous) => previous + 1n)
  return seq(addressFamily(family), seqOf(ranges.map((range) => ipRange(family, range))))
}

function ipRange(family: Family, { min, max }: IpRange): Der {
  const size = addressBits(family)
  if (min === max) return prefixBits(family, min, size)
  const differing = min ^ max
  const hostBits = bitLength(differing)
  const isPrefix = differing === (1n << BigInt(hostBits)) - 1n && (min & differing) === 0n
  if (isPrefix) return prefixBits(family, min, size - hostBits)
  const zeros = trailingZeros(min, size)
  const ones = trailingZeros(max + 1n, size)
  return seq(prefixBits(family, min, size - zeros), prefixBits(family, max, size - ones))
}

function asRange({ min, max }: AsRange): Der {
  return min === max ? integer(min) : seq(integer(min), integer(max))
}

function bitLength(value: bigint): number {
  return value <= 0xffff_ffffn ? 32 - Math.clz32(Number(value)) : value.toString(2).length
}

function trailingZeros(value: bigint, limit: number): number {
  if (value === 0n) return limit
  const text = value.toString(2)
  return Math.min(limit, text.length - 1 - text.lastIndexOf('1'))
}

/** Throws a TypeError for unsorted, overlapping and adjacent ranges: a relying party rejects them, and with them everything below the certificate. */
function checkCanonical<T extends number | bigint>(
  what: string,
  ranges: readonly { readonly min: T; readonly max: T }[],
  top: T,
  next: (previous: T) => T,
): void {
  if (ranges.length === 0) throw new TypeError(`an empty list of ${what} ranges: leave the family out`)
  let previous: T | undefined
  for (const { min, max } of ranges) {
    const follows = previous === undefined ? min >= 0 : min > next(previous)
    if (!follows || min > max || max > top)
      throw new TypeError(`${what} ranges are not canonical at ${min}-${max} (RFC 3779)`)
    previous = max
  }
}
