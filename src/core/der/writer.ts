/**
 * DER writer (X.690): a tree of values, measured first and then written once into one buffer.
 * Every combinator yields DER by construction: minimal integers and lengths, sorted SETs, zero padding bits.
 */
import { compareBytes } from '../base/bytes.js'
import type { Instant } from '../base/time.js'

/** Text has one character per octet. */
type Content = Uint8Array | string | readonly Der[]

/** One element, or (`tag` undefined) octets that are DER already. */
export interface Der {
  readonly tag: number | undefined
  readonly content: Content
  /** Octets of the content, without tag and length. */
  readonly size: number
}

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/
const IA5 = /^[\0-\x7f]*$/

/** Returns the octets of an element. */
export function encode(der: Der): Uint8Array {
  const out = new Uint8Array(totalSize(der))
  write(der, out, 0)
  return out
}

export function seq(...items: readonly Der[]): Der {
  return constructed(0x30, items)
}

/** SEQUENCE OF: a list of any length. */
export function seqOf(items: readonly Der[]): Der {
  return constructed(0x30, items)
}

/** SET OF, its members in the order of their octets (X.690 section 11.6). */
export function set(...items: readonly Der[]): Der {
  if (items.length < 2) return constructed(0x31, items)
  return constructed(0x31, items.map(encode).sort(compareBytes).map(raw))
}

/** Octets that are one or more complete DER elements already. */
export function raw(bytes: Uint8Array): Der {
  return { tag: undefined, content: bytes, size: bytes.length }
}

/** An INTEGER in the shortest two's complement. Throws a TypeError for a number that is not a safe integer: use a bigint. */
export function integer(value: bigint | number): Der {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`)
    if (value >= 0 && value < 0x80) return primitive(0x02, String.fromCharCode(value))
  }
  return primitive(0x02, twosComplement(BigInt(value)))
}

export function boolean(value: boolean): Der {
  return primitive(0x01, value ? '\xff' : '\0')
}

export function nothing(): Der {
  return primitive(0x05, '')
}

export function octets(bytes: Uint8Array): Der {
  return primitive(0x04, bytes)
}

/** An OCTET STRING that holds the encoding of another element, as extension values do. */
export function octetsOf(inner: Der): Der {
  return constructed(0x04, [inner])
}

/** A BIT STRING; the last `unused` bits are padding and are cleared (X.690 section 11.2.1). */
export function bits(bytes: Uint8Array, unused = 0): Der {
  if (unused < 0 || unused > 7 || (unused > 0 && bytes.length === 0))
    throw new TypeError(`${unused} unused bits in ${bytes.length} octets`)
  const content = new Uint8Array(bytes.length + 1)
  content[0] = unused
  content.set(bytes, 1)
  if (unused > 0) content[bytes.length] = (content[bytes.length] ?? 0) & (0xff << unused)
  return primitive(0x03, content)
}

const OIDS = new Map<string, Der>()

/** An OBJECT IDENTIFIER from dotted text. Throws a TypeError where the text is not one. */
export function oid(dotted: string): Der {
  const known = OIDS.get(dotted)
  if (known !== undefined) return known
  if (!/^[0-2](\.(0|[1-9]\d{0,9}))+$/.test(dotted)) throw new TypeError(`not an object identifier: ${dotted}`)
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  if (first < 2 && second > 39) throw new TypeError(`not an object identifier: ${dotted}`)
  const made = primitive(0x06, [first * 40 + second, ...rest].map(base128).join(''))
  OIDS.set(dotted, made)
  return made
}

/** A PrintableString. Throws a TypeError for a character outside X.680 section 41.4: `_`, `@` and `*` among them. */
export function printable(text: string): Der {
  if (!PRINTABLE.test(text)) throw new TypeError(`not a PrintableString: ${JSON.stringify(text)}`)
  return primitive(0x13, text)
}

/** An IA5String. Throws a TypeError for a character above 127. */
export function ia5(text: string): Der {
  if (!IA5.test(text)) throw new TypeError(`not an IA5String: ${JSON.stringify(text)}`)
  return primitive(0x16, text)
}

/** A time as RFC 5280 section 4.1.2.5 requires: UTCTime through 2049, GeneralizedTime from 2050. Throws a TypeError before 1950. */
export function utcOrGeneralized(instant: Instant): Der {
  if (instant < '1950') throw new TypeError(`before 1950: ${instant}`)
  return instant < '2050' ? primitive(0x17, timeDigits(instant).slice(2)) : generalized(instant)
}

/** GeneralizedTime in UTC with whole seconds, as RFC 9286 section 4.2.1 requires. */
export function generalized(instant: Instant): Der {
  return primitive(0x18, timeDigits(instant))
}

/** `[n] EXPLICIT`. */
export function explicit(n: number, inner: Der): Der {
  return constructed(contextTag(n) | 0x20, [inner])
}

/** `[n] IMPLICIT`: the element under another tag, constructed when the element is. */
export function implicit(n: number, inner: Der): Der {
  if (inner.tag === undefined) throw new TypeError('raw octets have no tag to replace')
  return { ...inner, tag: contextTag(n) | (inner.tag & 0x20) }
}

function contextTag(n: number): number {
  if (!(n >= 0 && n < 31)) throw new TypeError(`tag number out of range: ${n}`)
  return 0x80 | n
}

function primitive(tag: number, content: Uint8Array | string): Der {
  return { tag, content, size: content.length }
}

function constructed(tag: number, items: readonly Der[]): Der {
  let size = 0
  for (const item of items) size += totalSize(item)
  return { tag, content: items, size }
}

function totalSize(der: Der): number {
  return der.tag === undefined ? der.size : 1 + lengthSize(der.size) + der.size
}

function lengthSize(size: number): number {
  if (size < 0x80) return 1
  return size < 0x100 ? 2 : size < 0x10000 ? 3 : size < 0x1000000 ? 4 : 5
}

/** Writes the element at `start` and returns the offset of its end. */
function write(der: Der, out: Uint8Array, start: number): number {
  let at = der.tag === undefined ? start : writeHeader(der.tag, der.size, out, start)
  const { content } = der
  if (typeof content === 'string') {
    for (let i = 0; i < content.length; i++) out[at + i] = content.charCodeAt(i)
    return at + content.length
  }
  if (content instanceof Uint8Array) {
    out.set(content, at)
    return at + content.length
  }
  for (const item of content) at = write(item, out, at)
  return at
}

function writeHeader(tag: number, size: number, out: Uint8Array, start: number): number {
  out[start] = tag
  const more = lengthSize(size) - 1
  out[start + 1] = more === 0 ? size : 0x80 | more
  for (let i = 0; i < more; i++) out[start + 2 + i] = size >>> (8 * (more - 1 - i))
  return start + 2 + more
}

function timeDigits(instant: Instant): string {
  const i = instant
  return `${i.slice(0, 4)}${i.slice(5, 7)}${i.slice(8, 10)}${i.slice(11, 13)}${i.slice(14, 16)}${i.slice(17, 19)}Z`
}

function base128(arc: number): string {
  let text = String.fromCharCode(arc % 128)
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
    text = String.fromCharCode(0x80 | (rest % 128)) + text
  return text
}

function twosComplement(value: bigint): Uint8Array {
  // ~value inverts the bits of a negative number: both signs then need their magnitude and one sign bit
  const magnitude = (value < 0n ? ~value : value).toString(16)
  const even = magnitude.length % 2 === 0 ? magnitude : `0${magnitude}`
  const padded = even.charCodeAt(0) >= 0x38 ? `00${even}` : even
  const bytes = Buffer.from(padded, 'hex')
  return value < 0n ? bytes.map((byte) => ~byte) : bytes
}
