/** Route Origin Authorization contents (RFC 9582 section 4) in the canonical order of section 4.3.3. */

import { type Der, encode, integer, seq, seqOf } from '../der/writer.js'
import type { Family } from '../resources/types.js'
import type { RoaAddress, RoaContent } from './types.js'
import { addressBits, addressFamily, prefixBits } from './x509/encode-resources.js'

const FAMILIES: readonly Family[] = [4, 6]

/**
 * The DER eContent: v4 before v6, entries sorted and each once, maxLength left out where it equals the length.
 * Throws a TypeError for no addresses, an AS number outside 0 to 2^32 - 1, host bits set, a length or maxLength out of range.
 */
export function encodeRoa(content: RoaContent): Uint8Array {
  const { asn, addresses } = content
  if (!Number.isInteger(asn) || asn < 0 || asn > 0xffffffff) throw new TypeError(`not an AS number: ${asn}`)
  if (addresses.length === 0) throw new TypeError(`a ROA of AS${asn} without addresses`)
  addresses.forEach(checkAddress)
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

/** By address, then length, then maxLength with an absent one first; equal entries once. */
function canonicalOrder(addresses: readonly RoaAddress[]): readonly RoaAddress[] {
  const sorted = [...addresses].sort((a, b) => {
    if (a.address !== b.address) return a.address < b.address ? -1 : 1
    return a.length - b.length || maxLengthOf(a) - maxLengthOf(b)
  })
  return sorted.filter((entry, i) => {
    const previous = sorted[i - 1]
    return (
      previous?.address !== entry.address ||
      previous.length !== entry.length ||
      maxLengthOf(previous) !== maxLengthOf(entry)
    )
  })
}

function maxLengthOf(entry: RoaAddress): number {
  return entry.maxLength ?? entry.length
}

function checkAddress(entry: RoaAddress): void {
  const { family, address, length } = entry
  const size = addressBits(family)
  const most = maxLengthOf(entry)
  const whole = Number.isInteger(length) && Number.isInteger(most)
  if (!whole || length < 0 || length > most || most > size)
    throw new TypeError(`length ${length} and maxLength ${most} do not fit IPv${family}`)
  const host = (1n << BigInt(size - length)) - 1n
  if (address < 0n || address >> BigInt(size) !== 0n || (address & host) !== 0n)
    throw new TypeError(`not an IPv${family} prefix of length ${length}: ${address}`)
}
