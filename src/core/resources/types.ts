/** Number resources as values. Invariant of a `ResourceSet`: ranges sorted, merged, adjacent ones joined (RFC 3779 canonical form). */

export interface AsRange {
  readonly min: number
  readonly max: number
}

/** Addresses as integers: 32 bits for v4, 128 for v6. */
export interface IpRange {
  readonly min: bigint
  readonly max: bigint
}

export type Family = 4 | 6

export interface Prefix {
  readonly family: Family
  readonly address: bigint
  readonly length: number
}

export interface ResourceSet {
  readonly asn: readonly AsRange[]
  readonly ipv4: readonly IpRange[]
  readonly ipv6: readonly IpRange[]
}

/** STORED. A resource set as canonical text, each part comma separated, `''` when empty: `AS64496-AS64511`, `192.0.2.0/24, 10.0.0.0-10.0.0.2`. */
export interface ResourceText {
  readonly asn: string
  readonly ipv4: string
  readonly ipv6: string
}

/** One prefix of a ROA (RFC 9582). `maxLength` is always explicit here. */
export interface RoaPayload {
  readonly asn: number
  readonly prefix: Prefix
  readonly maxLength: number
}
