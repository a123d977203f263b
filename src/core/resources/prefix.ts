/** IP prefixes. Invariant: a `Prefix` has no bit set beyond its length; text with host bits is refused, never rounded. */
import { AppError, type Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { addressBits, addressFault, formatAddress, maxAddress, parseAddress } from './address.js'
import type { Parsed } from './parsed.js'
import type { Family, IpRange, Prefix } from './types.js'

/** Parses a prefix such as `192.0.2.0/24` or `2001:db8::/32`. Violations: `prefix-invalid`, `prefix-length`, `prefix-host-bits`. */
export function parsePrefix(text: string): Parsed<Prefix> {
  const slash = text.indexOf('/')
  const host = slash < 0 ? text : text.slice(0, slash)
  const parsed = parseAddress(host)
  if (parsed === undefined) return fault('prefix-invalid', text, addressFault(host))
  const { family, address } = parsed
  const bits = addressBits(family)
  if (slash < 0) return fault('prefix-length', text, `it has no length; one address is ${host}/${bits}`)
  const length = parseLength(text.slice(slash + 1))
  if (length === undefined || length > bits) {
    return fault('prefix-length', text, `the length of an IPv${family} prefix is a number from 0 to ${bits}`)
  }
  const network = address & mask(family, length)
  if (network === address) return { ok: { family, address, length } }
  const right = formatPrefix({ family, address: network, length })
  return fault('prefix-host-bits', text, `bits are set beyond the length; the network is ${right}`)
}

/** Parses a prefix length or maxLength in plain decimal, at most three digits; undefined for other text. */
export function parseLength(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined
}

function fault(code: string, text: string, reason: string): { readonly fault: Violation } {
  return {
    fault: { code, message: `invalid prefix ${quoted(text)}: ${reason}`, details: { prefix: text.slice(0, 80) } },
  }
}

const masksOf = (family: Family): readonly bigint[] => {
  const all = maxAddress(family)
  return Array.from({ length: addressBits(family) + 1 }, (_, length) => all ^ (all >> BigInt(length)))
}
const MASKS = { 4: masksOf(4), 6: masksOf(6) }

/** Returns a mask with the `length` high bits of the family set. */
function mask(family: Family, length: number): bigint {
  return MASKS[family][length] ?? maxAddress(family)
}

/** Returns the canonical text: dotted quad or RFC 5952, then the length. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address, prefix.family)}/${prefix.length}`
}

/** Parses a stored prefix. Throws `prefix-stored` (corrupt) unless it is exactly what `formatPrefix` writes. */
export function trustedPrefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  // an IPv4 prefix has one text only
  if ('ok' in parsed && (parsed.ok.family === 4 || formatPrefix(parsed.ok) === text)) return parsed.ok
  throw new AppError('corrupt', 'prefix-stored', `stored prefix is not in canonical form: ${quoted(text)}`)
}

/** Returns the first and last address of a prefix. */
export function prefixRange(prefix: Prefix): IpRange {
  const rest = maxAddress(prefix.family) >> BigInt(prefix.length)
  return { min: prefix.address, max: prefix.address | rest }
}

/** Returns the prefix that equals `range`, or undefined: RFC 3779 section 2.2.3.7 requires a prefix where possible. */
export function rangeToPrefix(range: IpRange, family: Family): Prefix | undefined {
  const span = range.min ^ range.max
  if ((span & (span + 1n)) !== 0n || (range.min & span) !== 0n) return undefined
  const hostBits = span === 0n ? 0 : span.toString(2).length
  return { family, address: range.min, length: addressBits(family) - hostBits }
}

/** Returns the smallest list of prefixes that equals `range`, in address order. */
export function rangeToPrefixes(range: IpRange, family: Family): Prefix[] {
  const bits = addressBits(family)
  const out: Prefix[] = []
  let at = range.min
  while (at <= range.max) {
    let length = bits
    let last = at
    while (length > 0) {
      const host = (1n << BigInt(bits - length + 1)) - 1n
      if ((at & host) !== 0n || (at | host) > range.max) break
      length -= 1
      last = at | host
    }
    out.push({ family, address: at, length })
    at = last + 1n
  }
  return out
}

/** Returns true if `inner` equals `outer` or is more specific. */
export function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    (inner.address & mask(outer.family, outer.length)) === outer.address
  )
}

/** Compares prefixes: IPv4 before IPv6, then address, then length (shorter first). */
export function comparePrefix(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.length - b.length
}
