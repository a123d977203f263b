/** The ROA profile (RFC 9582 section 4): what a route origin authorization may say. */

import type { ObjectFinding } from '../../der/faults.js'
import { createFindings, type FindingList } from '../../der/faults.js'
import { addressBits, formatAddress } from '../../resources/address.js'
import type { RoaAddress, RoaContent } from '../types.js'

const MAX_ASN = 0xffffffff

/** Every fault of what a ROA says. */
export function checkRoaContent(content: RoaContent): readonly ObjectFinding[] {
  const faults = createFindings()
  if (!Number.isInteger(content.asn) || content.asn < 0 || content.asn > MAX_ASN)
    faults.add('RFC 9582 section 4.2', `AS number ${content.asn} is outside 0 to ${MAX_ASN}`)
  if (content.addresses.length === 0) faults.add('RFC 9582 section 4.3', 'no addresses')
  for (const entry of content.addresses) checkAddress(entry, faults)
  return faults.all()
}

/** Faults against the canonical form of section 4.3.3 (sorted, each entry once), which the encoder makes and validators do not demand. */
export function checkRoaOrder(addresses: readonly RoaAddress[]): readonly ObjectFinding[] {
  for (let i = 1; i < addresses.length; i++) {
    const [a, b] = [addresses[i - 1], addresses[i]]
    if (a === undefined || b === undefined || compare(a, b) < 0) continue
    const message = compare(a, b) === 0 ? `${textOf(b)} is listed twice` : `${textOf(b)} stands behind ${textOf(a)}`
    return [{ rule: 'RFC 9582 section 4.3.3', message: `not in canonical order: ${message}`, tolerated: true }]
  }
  return []
}

function textOf(entry: RoaAddress): string {
  return `${formatAddress(entry.address, entry.family)}/${entry.length}`
}

function checkAddress(entry: RoaAddress, faults: FindingList): void {
  const bits = addressBits(entry.family)
  const { length, maxLength } = entry
  if (!Number.isInteger(length) || length < 0 || length > bits) {
    faults.add('RFC 9582 section 4.3.2.1', `prefix length ${length} is outside 0 to ${bits}`)
    return
  }
  const text = textOf(entry)
  if ((entry.address & ((1n << BigInt(bits - length)) - 1n)) !== 0n)
    faults.add('RFC 9582 section 4.3.2.1', `${text} has bits behind its length`)
  if (maxLength === undefined) return
  if (!Number.isInteger(maxLength) || maxLength < length)
    faults.add('RFC 9582 section 4.3.2.2', `maxLength ${maxLength} of ${text} is below the prefix length`)
  if (maxLength > bits) faults.add('RFC 9582 section 4.3.2.2', `maxLength ${maxLength} of ${text} is above ${bits}`)
}

function compare(a: RoaAddress, b: RoaAddress): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  if (a.length !== b.length) return a.length - b.length
  return (a.maxLength ?? a.length) - (b.maxLength ?? b.length)
}
