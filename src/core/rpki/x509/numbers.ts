/** Checks that serials, CRL numbers, manifest numbers, times and names share. */

import { quoted } from '../../base/text.js'
import type { Instant } from '../../base/time.js'
import type { ObjectFinding } from '../../der/findings.js'

/** Upper bound of numbers that fit in 20 octets of DER INTEGER. */
const LIMIT = 1n << 159n

/** Returns a finding under `rule` for a number outside 0 to 2^159 - 1. */
export function checkNumber(what: string, value: bigint, rule: string): readonly ObjectFinding[] {
  if (value < 0n) return [{ rule, message: `${what} ${value} is negative` }]
  return value < LIMIT ? [] : [{ rule, message: `${what} does not fit in 20 octets` }]
}

/** Returns the findings about a serial number (RFC 6487 section 4.2). Validators accept zero although RFC 5280 section 4.1.2.2 requires a positive number. */
export function checkSerial(value: bigint): readonly ObjectFinding[] {
  return value === 0n
    ? [{ rule: 'RFC 5280 section 4.1.2.2', message: 'the serial number is zero', tolerated: true }]
    : checkNumber('serial number', value, 'RFC 6487 section 4.2')
}

/** Returns a finding under `rule` where `last` is not after `first`. */
export function checkOrder(
  from: string,
  first: Instant,
  to: string,
  last: Instant,
  rule: string,
): readonly ObjectFinding[] {
  return first < last ? [] : [{ rule, message: `${to} ${last} is not after ${from} ${first}` }]
}

/** Returns the findings about a common name, which must be a PrintableString of 1 to 64 characters (RFC 6487 sections 4.4 and 4.5, RFC 5280 appendix A.1). */
export function checkCommonName(what: string, name: string, rule: string): readonly ObjectFinding[] {
  if (name === '') return [{ rule, message: `the ${what} has an empty common name` }]
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(name))
    return [{ rule, message: `the ${what} ${quoted(name)} has a character that is not allowed in a PrintableString` }]
  return name.length <= 64 ? [] : [{ rule, message: `the ${what} is longer than 64 characters`, tolerated: true }]
}
