/** Values of RFC 6492 as text: resource sets without `AS` and spaces, lists of URIs, key identifiers in base64url, times. */
import { fromBase64, toHex } from '../../base/bytes.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { parseAddress } from '../../resources/address.js'
import { parseAsn } from '../../resources/asn.js'
import { parsePrefix, prefixRange } from '../../resources/prefix.js'
import { resourceSet, toResourceText } from '../../resources/resource-set.js'
import type { AsRange, Family, IpRange, ResourceText } from '../../resources/types.js'
import type { Value } from '../elements/shape.js'
import { uri } from '../elements/values.js'

/** Characters of a resource set in the schema (RFC 6492 section 3.7). */
const MAX_SET = 512_000

const MAX_LIST = 1 << 16

type Refuse = (problem: string) => never

/** AS numbers and ranges in any order, as canonical text; `AS` and spaces, which the schema does not allow, are ignored. */
export const asnText: Value<string> = (text, refuse) =>
  toResourceText(resourceSet({ asn: itemsOf(text, refuse).map((item) => asRange(item, refuse)) })).asn

/** Prefixes, addresses and ranges of one family in any order, as canonical text; spaces, which the schema does not allow, are ignored. */
export function addressText(family: Family): Value<string> {
  const name: keyof ResourceText = family === 4 ? 'ipv4' : 'ipv6'
  return (text, refuse) => {
    const ranges = itemsOf(text, refuse).map((item) => ipRange(item, family, refuse))
    return toResourceText(resourceSet({ [name]: ranges }))[name]
  }
}

/** Returns a canonical text as the schema wants it. */
export function wireText(text: string): string {
  return text.replace(/ |AS/g, '')
}

function itemsOf(text: string, refuse: Refuse): readonly string[] {
  if (text.length > MAX_SET) return refuse(`has more than ${MAX_SET} characters`)
  const compact = text.replace(/\s+/g, '')
  return compact === '' ? [] : compact.split(',')
}

function asRange(item: string, refuse: Refuse): AsRange {
  const [first = '', last = first, ...more] = item.split('-')
  const min = parseAsn(first)
  const max = parseAsn(last)
  if (min === undefined || max === undefined || more.length > 0) return refuse('has an invalid AS number or range')
  return min > max ? refuse('has a reversed range') : { min, max }
}

function ipRange(item: string, family: Family, refuse: Refuse): IpRange {
  if (item.includes('/')) {
    const parsed = parsePrefix(item)
    if (!('ok' in parsed) || parsed.ok.family !== family) return refuse(`has an invalid IPv${family} prefix`)
    return prefixRange(parsed.ok)
  }
  const [first = '', last = first, ...more] = item.split('-')
  const min = parseAddress(first)
  const max = parseAddress(last)
  if (min?.family !== family || max?.family !== family || more.length > 0) {
    return refuse(`has an invalid IPv${family} prefix or range`)
  }
  return min.address > max.address ? refuse('has a reversed range') : { min: min.address, max: max.address }
}

const certUri = uri('rsync', 'https', 'http', 'ftp')

/** URIs separated by commas, `%2C` for a comma in one of them; at least one is rsync (RFC 6492 section 3.3.2). */
export const certUris: Value<readonly string[]> = (text, refuse) => {
  if (text.length > MAX_LIST) return refuse(`has more than ${MAX_LIST} characters`)
  const uris = text.split(',').map((item) => certUri(item, refuse).replace(/%2c/gi, ','))
  return uris.some((one) => one.startsWith('rsync://')) ? uris : refuse('has no rsync URI')
}

/** Returns the one URI to write: the first by rsync, since rpki-rs reads no list. */
export function wireUri(uris: readonly string[]): string {
  return (uris.find((one) => one.startsWith('rsync://')) ?? uris[0] ?? '').replaceAll(',', '%2C')
}

/** SHA-1 of a key in base64url, with or without the `=` at its end, or in plain base64 (RFC 6492 section 3.5.1). */
export const ski: Value<KeyId> = (text, refuse) => {
  const plain = text.trim().replaceAll('-', '+').replaceAll('_', '/')
  const bytes = fromBase64(plain.length === 27 ? `${plain}=` : plain)
  if (bytes?.length !== 20) return refuse('is not the base64url of 20 octets')
  return toHex(bytes).toUpperCase() as KeyId
}

/** Returns base64url without padding, 27 characters: RIPE compares this text. */
export function wireSki(id: KeyId): string {
  return Buffer.from(id, 'hex').toString('base64url')
}

/** Time of the type xsd:dateTime; one without a zone is UTC. */
export const dateTime: Value<Instant> = (text, refuse) => {
  const trimmed = text.trim()
  return parseInstant(/T[\d:.]+$/.test(trimmed) ? `${trimmed}Z` : trimmed) ?? refuse('is not a time')
}

/** Positive integer of at most four digits. */
export const statusNumber: Value<number> = (text, refuse) => {
  const trimmed = text.trim()
  return /^[1-9]\d{0,3}$/.test(trimmed) ? Number(trimmed) : refuse('is not a number from 1 to 9999')
}
