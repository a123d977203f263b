/** AS numbers: 32 bits, asplain only (RFC 5396). Invariant: other text is never read as 0, because AS0 has a meaning (RFC 6483). */

export const MAX_ASN = 4_294_967_295

/**
 * The number that `AS64496` (either case) or `64496` names; undefined for anything else: empty, signed, hexadecimal,
 * exponent, asdot (`1.5`), leading zeros, beyond 2^32-1.
 */
export function parseAsn(text: string): number | undefined {
  const digits = /^(?:AS)?(0|[1-9]\d{0,9})$/i.exec(text)?.[1]
  if (digits === undefined) return undefined
  const asn = Number(digits)
  return asn <= MAX_ASN ? asn : undefined
}

/** Returns `AS64496`. */
export function formatAsn(asn: number): string {
  return `AS${asn}`
}
