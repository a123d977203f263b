/**
 * Comparison of distinguished names (RFC 5280 section 7.1): CAs and clients write one name with different string types, cases and spaces.
 * Invariant: names that are not well-formed are equal only if their octets are.
 */
import { createFindings } from '../der/findings.js'
import { childrenOf, contentOf, type DerNode, parseDer, rawOf, TAG } from '../der/reader.js'
import { readOid } from '../der/values.js'

type Decode = (bytes: Buffer) => string | undefined

/** Decoders of the string types that hold text, by tag; NumericString, TeletexString, VisibleString, UniversalString and BMPString are those of old CAs. */
const TEXTS: Readonly<Record<number, Decode>> = {
  [TAG.utf8String]: utf8,
  [TAG.printableString]: utf8,
  [TAG.ia5String]: utf8,
  18: utf8,
  20: (bytes) => bytes.toString('latin1'),
  26: utf8,
  28: (bytes) => bigEndian(bytes, 4),
  30: (bytes) => bigEndian(bytes, 2),
}

/** Returns true if two Names (DER) are the same name. */
export function isSameName(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0 || nameKey(a) === nameKey(b)
}

/** Returns a text that is equal for Names (DER) that RFC 5280 section 7.1 calls the same, and different for others. */
export function nameKey(der: Uint8Array): string {
  const node = parseDer(der, createFindings())
  const parts = node?.tag === TAG.sequence ? childrenOf(node, TAG.sequence).map(partKey) : [undefined]
  return parts.includes(undefined) ? `der ${Buffer.from(der).toString('hex')}` : JSON.stringify(parts)
}

/** Returns the attributes of one part, in an order of their own since a SET has none; undefined if it is malformed. */
function partKey(set: DerNode): readonly string[] | undefined {
  const keys = childrenOf(set, TAG.set).map(attributeKey)
  const known = keys.filter((key) => key !== undefined)
  return keys.length === 0 || known.length < keys.length ? undefined : known.sort()
}

function attributeKey(pair: DerNode): string | undefined {
  const [type, value, more] = childrenOf(pair, TAG.sequence)
  const id = readOid(type)
  if (id === undefined || value === undefined || more !== undefined) return undefined
  const text = TEXTS[value.tag]?.(Buffer.from(contentOf(value)))
  return text === undefined ? `${id} der ${Buffer.from(rawOf(value)).toString('hex')}` : `${id} ${prepared(text)}`
}

/** Prepares a string for comparison (RFC 4518 section 2): characters without meaning, case, compatibility forms, insignificant spaces. */
function prepared(text: string): string {
  const mapped = text.replace(NO_MEANING, '').replace(BLANK, ' ').replace(INVISIBLE, '')
  return folded(mapped.normalize('NFKC')).normalize('NFKC').trim().replace(/ +/g, ' ')
}

/** Section 2.2: mapped to nothing, to a space, and the control and format characters that remain. */
const NO_MEANING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200b|[\ufe00-\ufe0f]|\ufffc/gu
const BLANK = /[\t-\r\u0085\p{Z}]/gu
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu

/** Folds case one character at a time; dotless i folds to itself, though its capital is I. */
function folded(text: string): string {
  return [...text].map((c) => (c === '\u0131' ? c : c.toLowerCase().toUpperCase().toLowerCase())).join('')
}

/** Returns undefined for octets that are not UTF-8. */
function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? text : undefined
}

/** Decodes characters of `width` octets; undefined for what is not text. */
function bigEndian(bytes: Buffer, width: number): string | undefined {
  if (bytes.length % width !== 0) return undefined
  const units = Array.from({ length: bytes.length / width }, (_, n) => bytes.readUIntBE(n * width, width))
  if (width === 2) return String.fromCharCode(...units)
  return units.every((unit) => unit <= 0x10ffff) ? String.fromCodePoint(...units) : undefined
}
