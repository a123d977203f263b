/**
 * One line of a dump of announcements, read from its bytes. Three formats are recognised, line by line:
 *
 *     64496<TAB>192.0.2.0/24<TAB>312     RIS whois: origin, prefix, peers that see it
 *     192.0.2.0<TAB>24<TAB>64496         CAIDA pfx2as: address, length, origins (`_` between several, `,` in an AS set)
 *     64496,192.0.2.0/24                 CSV: origin and prefix, in either order, or with spaces
 */
import { parseAddress } from '../resources/address.js'
import { MAX_ASN, parseAsn } from '../resources/asn.js'
import { lastAddress, PEERS_UNKNOWN, type RouteAddress } from './announcements.js'

/** Kind of a line; all but `route` are counted and skipped. */
export type LineKind = 'route' | 'blank' | 'comment' | 'header' | 'asSet' | 'hostBits' | 'unreadable'

/** The values of the last line of kind `route`. One object is used again for each line: a million lines make no garbage. */
export interface LineValues {
  family: 4 | 6
  address: RouteAddress
  length: number
  /** Most have one. */
  origins: number[]
  peers: number
}

export function newLineValues(): LineValues {
  return { family: 4, address: 0, length: 0, origins: [], peers: PEERS_UNKNOWN }
}

const [TAB, SPACE, COMMA, HASH, PERCENT, DOT, SLASH, COLON, RETURN, BRACE] = [9, 32, 44, 35, 37, 46, 47, 58, 13, 123]
const MAX_FIELDS = 4
const MAX_PEERS = PEERS_UNKNOWN - 1

/** Reads the line in `bytes` from `start` to before `end` (without its line feed) into `values`, and returns its kind. */
export function readLine(bytes: Uint8Array, start: number, end: number, values: LineValues): LineKind {
  let last = end
  while (last > start && isBlank(bytes[last - 1])) last--
  let first = start
  while (first < last && isBlank(bytes[first])) first++
  if (first === last) return 'blank'
  if (bytes[first] === PERCENT || bytes[first] === HASH) return 'comment'
  const fields = splitFields(bytes, first, last)
  if (fields.length < 2 || fields.length > MAX_FIELDS) return 'unreadable'
  values.peers = PEERS_UNKNOWN
  const isAddressFirst = hasDotOrColon(bytes, fields[0])
  if (isAddressFirst && fields.length >= 3 && !hasSlash(bytes, fields[0])) return readPfx2as(bytes, fields, values)
  const [prefix, origin] = isAddressFirst ? [fields[0], fields[1]] : [fields[1], fields[0]]
  const peers = fields[2]
  if (peers !== undefined) {
    const count = readNumber(bytes, peers)
    if (count === undefined) return 'unreadable'
    values.peers = Math.min(count, MAX_PEERS)
  }
  if (!hasDotOrColon(bytes, prefix)) return isHeader(bytes, fields) ? 'header' : 'unreadable'
  if (bytes[origin?.start ?? 0] === BRACE) return 'asSet'
  const asn = readAsn(bytes, origin)
  if (asn === undefined) return 'unreadable'
  values.origins.length = 0
  values.origins.push(asn)
  return readPrefix(bytes, prefix, undefined, values)
}

interface Field {
  readonly start: number
  readonly end: number
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN
}

/** Splits at tabs if there is one, else at commas, else at spaces; white space around a field is not part of it. */
function splitFields(bytes: Uint8Array, start: number, end: number): Field[] {
  const separator = separatorOf(bytes, start, end)
  const fields: Field[] = []
  for (let at = start; at <= end && fields.length <= MAX_FIELDS; ) {
    let stop = at
    while (stop < end && bytes[stop] !== separator) stop++
    let [first, last] = [at, stop]
    while (first < last && isBlank(bytes[first])) first++
    while (last > first && isBlank(bytes[last - 1])) last--
    if (last > first || separator !== SPACE) fields.push({ start: first, end: last })
    at = stop + 1
  }
  return fields
}

function separatorOf(bytes: Uint8Array, start: number, end: number): number {
  let separator = SPACE
  for (let at = start; at < end; at++) {
    if (bytes[at] === TAB) return TAB
    if (bytes[at] === COMMA) separator = COMMA
  }
  return separator
}

function hasDotOrColon(bytes: Uint8Array, field: Field | undefined): boolean {
  if (field === undefined) return false
  for (let at = field.start; at < field.end; at++) if (bytes[at] === DOT || bytes[at] === COLON) return true
  return false
}

function hasSlash(bytes: Uint8Array, field: Field | undefined): boolean {
  if (field === undefined) return false
  for (let at = field.start; at < field.end; at++) if (bytes[at] === SLASH) return true
  return false
}

function textOf(bytes: Uint8Array, field: Field): string {
  return String.fromCharCode(...bytes.subarray(field.start, Math.min(field.end, field.start + 64)))
}

/** Returns true for the first line of a CSV file: words in place of numbers. */
function isHeader(bytes: Uint8Array, fields: readonly Field[]): boolean {
  return fields.some((field) => /^"?(?:asn?|origin(?: ?as)?|(?:ip ?)?prefix)"?$/i.test(textOf(bytes, field)))
}

/** Returns the decimal number of a field, at most 2^32 - 1; undefined for anything else. */
function readNumber(bytes: Uint8Array, field: Field): number | undefined {
  if (field.end === field.start || field.end - field.start > 10) return undefined
  let value = 0
  for (let at = field.start; at < field.end; at++) {
    const digit = (bytes[at] ?? 0) - 48
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value > MAX_ASN ? undefined : value
}

function readAsn(bytes: Uint8Array, field: Field | undefined): number | undefined {
  if (field === undefined) return undefined
  return readNumber(bytes, field) ?? parseAsn(textOf(bytes, field))
}

function readPfx2as(bytes: Uint8Array, fields: readonly Field[], values: LineValues): LineKind {
  const [address, length, origins] = fields
  if (address === undefined || length === undefined || origins === undefined) return 'unreadable'
  const text = textOf(bytes, origins)
  const single = text.split('_').filter((one) => !one.includes(','))
  if (single.length === 0) return 'asSet'
  const asns = single.map(parseAsn)
  if (asns.includes(undefined)) return 'unreadable'
  values.origins.length = 0
  values.origins.push(...asns.filter((asn) => asn !== undefined))
  return readPrefix(bytes, address, readNumber(bytes, length), values)
}

/** Reads an address, with its length behind a slash unless `length` is given. */
function readPrefix(
  bytes: Uint8Array,
  field: Field | undefined,
  length: number | undefined,
  values: LineValues,
): LineKind {
  if (field === undefined) return 'unreadable'
  let slash = field.end
  while (slash > field.start && bytes[slash - 1] !== SLASH) slash--
  const hasLength = slash > field.start
  if (hasLength === (length !== undefined)) return 'unreadable'
  const bits = length ?? readNumber(bytes, { start: slash, end: field.end })
  const host = hasLength ? { start: field.start, end: slash - 1 } : field
  const address = readAddress4(bytes, host) ?? readAddress6(bytes, host)
  if (address === undefined || bits === undefined) return 'unreadable'
  values.family = typeof address === 'number' ? 4 : 6
  if (bits > (values.family === 4 ? 32 : 128)) return 'unreadable'
  values.address = address
  values.length = bits
  return hasHostBits(address, bits) ? 'hostBits' : 'route'
}

function hasHostBits(address: RouteAddress, length: number): boolean {
  if (typeof address === 'number') return address % 2 ** (32 - length) !== 0
  return (address & (lastAddress(0n, length) as bigint)) !== 0n
}

/** Returns an IPv4 address as a number; undefined for other text. */
function readAddress4(bytes: Uint8Array, field: Field): number | undefined {
  let [address, part, digits, dots] = [0, 0, 0, 0]
  for (let at = field.start; at < field.end; at++) {
    const byte = bytes[at] ?? 0
    if (byte === DOT) {
      if (digits === 0 || part > 255 || ++dots > 3) return undefined
      address = address * 256 + part
      part = 0
      digits = 0
    } else if (byte >= 48 && byte <= 57 && digits < 3 && !(digits > 0 && part === 0)) {
      part = part * 10 + byte - 48
      digits += 1
    } else return undefined
  }
  return dots === 3 && digits > 0 && part <= 255 ? address * 256 + part : undefined
}

function readAddress6(bytes: Uint8Array, field: Field): bigint | undefined {
  const parsed = parseAddress(textOf(bytes, field))
  return parsed?.family === 6 ? parsed.address : undefined
}
