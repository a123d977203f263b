/** Resource sets as text: as typed, stored and shown. Invariant: a set has one text, which parses back to it. */
import { AppError, type Violation } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { type Check, isText, objectOf } from '../base/shape.js'
import { quoted } from '../base/text.js'
import { addressFault, formatAddress, parseAddress } from './address.js'
import { ALL_RESOURCES, equalSets, isCanonicalSet, isEmpty, NO_RESOURCES, resourceSet } from './algebra.js'
import { formatAsn, parseAsn } from './asn.js'
import type { Parsed } from './parsed.js'
import { formatPrefix, parsePrefix, prefixRange, rangeToPrefix } from './prefix.js'
import type { AsRange, Family, IpRange, ResourceSet, ResourceText } from './types.js'

/** More items than any registry holds; the bound protects memory from a wrong file. */
export const MAX_RESOURCE_ITEMS = 100_000

const MAX_FAULTS = 100

/** Cache of stored texts, which are immutable and read many times: 10,000 prefixes take about 50 ms to parse. */
const READ = new WeakMap<ResourceText, ResourceSet>()

const HINT =
  'resources are AS64496, AS64496-AS64511, 192.0.2.0/24, 10.0.0.0-10.0.1.255, 2001:db8::/32, comma separated, or all, or none'

type Item =
  | { readonly kind: 'asn'; readonly range: AsRange }
  | { readonly kind: 'ip'; readonly family: Family; readonly range: IpRange }

/**
 * Parses a user's text, merging overlapping and adjacent parts; `all` and `none` must be alone. Spaces are allowed next to
 * commas only. Throws `resources-invalid` (usage) with every violation: an empty item, an address without a length, a reversed
 * range, a number without `AS`.
 */
export function parseResources(text: string): ResourceSet {
  if (text === 'all') return ALL_RESOURCES
  if (text === 'none') return NO_RESOURCES
  if (text === '') throw invalid([itemFault('', 'the text is empty; use none for no resources')])
  const pieces = text.split(',', MAX_RESOURCE_ITEMS + 1)
  if (pieces.length > MAX_RESOURCE_ITEMS) {
    const message = `too many resources: more than ${MAX_RESOURCE_ITEMS} items`
    throw new AppError('usage', 'resources-invalid', message, { hint: 'name ranges or larger prefixes' })
  }
  const faults: Violation[] = []
  const items: Item[] = []
  pieces.forEach((piece, at) => {
    const parsed = parseItem(withoutSpaces(piece, at > 0, at < pieces.length - 1))
    if ('ok' in parsed) items.push(parsed.ok)
    else if (piece.trim() === '') faults.push(itemFault('', `item ${at + 1} is empty`))
    else faults.push(parsed.fault)
  })
  if (faults.length > 0) throw invalid(faults)
  return setOf(items)
}

function withoutSpaces(piece: string, front: boolean, back: boolean): string {
  let from = 0
  let to = piece.length
  if (front) while (piece[from] === ' ') from += 1
  if (back) while (to > from && piece[to - 1] === ' ') to -= 1
  return piece.slice(from, to)
}

function setOf(items: readonly Item[]): ResourceSet {
  const asn: AsRange[] = []
  const ipv4: IpRange[] = []
  const ipv6: IpRange[] = []
  for (const item of items) {
    if (item.kind === 'asn') asn.push(item.range)
    else if (item.family === 4) ipv4.push(item.range)
    else ipv6.push(item.range)
  }
  return resourceSet({ asn, ipv4, ipv6 })
}

function parseItem(text: string): Parsed<Item> {
  if (text === 'all' || text === 'none') return { fault: itemFault(text, 'it cannot be combined with other items') }
  if (/^\d+(?:-\d+)?$/.test(text))
    return { fault: itemFault(text, `an AS number here is written AS${text.split('-')[0]}`) }
  const dash = text.indexOf('-')
  if (/^AS/i.test(text)) return parseAsItem(text, dash)
  if (dash >= 0 && !text.includes('/')) return parseIpItem(text, dash)
  const prefix = parsePrefix(text)
  if ('fault' in prefix) return prefix
  return { ok: { kind: 'ip', family: prefix.ok.family, range: prefixRange(prefix.ok) } }
}

function parseAsItem(text: string, dash: number): Parsed<Item> {
  const last = dash < 0 ? text : text.slice(dash + 1)
  const min = parseAsn(dash < 0 ? text : text.slice(0, dash))
  const max = /^AS/i.test(last) ? parseAsn(last) : undefined
  if (min === undefined || max === undefined) {
    return { fault: itemFault(text, 'AS numbers are AS0 to AS4294967295, a range AS64496-AS64511') }
  }
  if (min > max) return { fault: itemFault(text, 'the range is reversed') }
  return { ok: { kind: 'asn', range: { min, max } } }
}

function parseIpItem(text: string, dash: number): Parsed<Item> {
  const ends = [text.slice(0, dash), text.slice(dash + 1)] as const
  const min = parseAddress(ends[0])
  const max = parseAddress(ends[1])
  if (min === undefined) return { fault: itemFault(text, addressFault(ends[0])) }
  if (max === undefined) return { fault: itemFault(text, addressFault(ends[1])) }
  if (min.family !== max.family) return { fault: itemFault(text, 'a range has one address family') }
  if (min.address > max.address) return { fault: itemFault(text, 'the range is reversed') }
  return { ok: { kind: 'ip', family: min.family, range: { min: min.address, max: max.address } } }
}

function itemFault(text: string, reason: string): Violation {
  return { code: 'resources-invalid', message: `invalid resources ${quoted(text)}: ${reason}` }
}

function invalid(faults: readonly Violation[]): AppError {
  const shown = faults.slice(0, MAX_FAULTS)
  const more = faults.length - shown.length
  const lines = shown.map((f) => f.message).concat(more > 0 ? [`and ${more} more`] : [])
  const message =
    faults.length === 1 ? lines.join() : `${faults.length} violations:\n${lines.map((l) => `  ${l}`).join('\n')}`
  return new AppError('usage', 'resources-invalid', message, {
    hint: HINT,
    details: { faults: shown.map((f) => ({ code: f.code, message: f.message })) },
  })
}

function formatAsRange(range: AsRange): string {
  return range.min === range.max ? formatAsn(range.min) : `${formatAsn(range.min)}-${formatAsn(range.max)}`
}

function formatIpRange(range: IpRange, family: Family): string {
  const prefix = rangeToPrefix(range, family)
  if (prefix !== undefined) return formatPrefix(prefix)
  return `${formatAddress(range.min, family)}-${formatAddress(range.max, family)}`
}

/** Returns the stored text of a set. */
export function toResourceText(set: ResourceSet): ResourceText {
  return {
    asn: set.asn.map(formatAsRange).join(', '),
    ipv4: set.ipv4.map((range) => formatIpRange(range, 4)).join(', '),
    ipv6: set.ipv6.map((range) => formatIpRange(range, 6)).join(', '),
  }
}

export const isResourceText: Check<ResourceText> = objectOf<ResourceText>({ asn: isText, ipv4: isText, ipv6: isText })

/** Returns stored resources on one line, such as `AS64496, 10.0.0.0/8`; undefined for any other value. Throws `resources-stored` (corrupt). */
export function storedResourceLine(value: Json | undefined): string | undefined {
  if (value === undefined || !isResourceText(value)) return undefined
  const { asn, ipv4, ipv6 } = value as unknown as ResourceText
  return formatResources(fromResourceText({ asn, ipv4, ipv6 }))
}

/** Parses a stored text. Throws `resources-stored` (corrupt) unless it is exactly what `toResourceText` writes. */
export function fromResourceText(text: ResourceText): ResourceSet {
  const known = READ.get(text)
  if (known !== undefined) return known
  const set = {
    asn: storedItems(text.asn, (i) => (i.kind === 'asn' ? i.range : undefined), formatAsRange),
    ipv4: storedItems(
      text.ipv4,
      (i) => (i.kind === 'ip' && i.family === 4 ? i.range : undefined),
      (r) => formatIpRange(r, 4),
    ),
    ipv6: storedItems(
      text.ipv6,
      (i) => (i.kind === 'ip' && i.family === 6 ? i.range : undefined),
      (r) => formatIpRange(r, 6),
    ),
  }
  if (!isCanonicalSet(set)) throw stored(`${text.asn}; ${text.ipv4}; ${text.ipv6}`)
  READ.set(text, set)
  return set
}

function storedItems<R>(text: string, rangeOf: (item: Item) => R | undefined, format: (range: R) => string): R[] {
  if (text === '') return []
  return text.split(', ').map((piece) => {
    const parsed = parseItem(piece)
    const range = 'ok' in parsed ? rangeOf(parsed.ok) : undefined
    if (range === undefined || format(range) !== piece) throw stored(piece)
    return range
  })
}

function stored(text: string): AppError {
  return new AppError('corrupt', 'resources-stored', `stored resources are not in canonical form: ${quoted(text, 200)}`)
}

/** Returns one line of text, which `parseResources` parses back: `AS64496-AS64511, 192.0.2.0/24`, `all` or `none`. */
export function formatResources(set: ResourceSet): string {
  if (isEmpty(set)) return 'none'
  if (equalSets(set, ALL_RESOURCES)) return 'all'
  const { asn, ipv4, ipv6 } = toResourceText(set)
  return [asn, ipv4, ipv6].filter((part) => part !== '').join(', ')
}
