/** Rules that serials, CRL numbers, manifest numbers, times and names share. */

import { quoted } from '../../base/text.js'
import type { Instant } from '../../base/time.js'
import type { ObjectFinding } from '../../der/findings.js'

/** What fits in 20 octets of DER INTEGER. */
const LIMIT = 1n << 159n

/** A number in 0 to 2^159 - 1. */
export function checkNumber(what: string, value: bigint, rule: string): readonly ObjectFinding[] {
  if (value < 0n) return [{ rule, message: `${what} ${value} is negative` }]
  return value < LIMIT ? [] : [{ rule, message: `${what} does not fit in 20 octets` }]
}

/** RFC 6487 section 4.2. Zero is what validators accept although RFC 5280 section 4.1.2.2 wants a positive number. */
export function checkSerial(value: bigint): readonly ObjectFinding[] {
  return value === 0n
    ? [{ rule: 'RFC 5280 section 4.1.2.2', message: 'the serial number is zero', tolerated: true }]
    : checkNumber('serial number', value, 'RFC 6487 section 4.2')
}

export function checkOrder(
  from: string,
  first: Instant,
  to: string,
  last: Instant,
  rule: string,
): readonly ObjectFinding[] {
  return first < last ? [] : [{ rule, message: `${to} ${last} is not after ${from} ${first}` }]
}

/** A common name must be a PrintableString of 1 to 64 characters (RFC 6487 sections 4.4 and 4.5, RFC 5280 appendix A.1). */
export function checkCommonName(what: string, name: string, rule: string): readonly ObjectFinding[] {
  if (name === '') return [{ rule, message: `the ${what} has an empty common name` }]
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(name))
    return [{ rule, message: `the ${what} ${quoted(name)} has a character that no PrintableString has` }]
  return name.length <= 64 ? [] : [{ rule, message: `the ${what} is longer than 64 characters`, tolerated: true }]
}
