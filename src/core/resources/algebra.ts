/** Set operations on number resources (RFC 3779): AS numbers, IPv4 and IPv6. Invariant: every set is canonical. */

import { maxAddress } from './address.js'
import { MAX_ASN } from './asn.js'
import { prefixRange } from './prefix.js'
import {
  BIGINT_STEPS,
  canonicalRanges,
  coversRange,
  coversRanges,
  equalRanges,
  intersectRanges,
  isCanonical,
  NUMBER_STEPS,
  subtractRanges,
  unionRanges,
} from './ranges.js'
import type { AsRange, IpRange, Prefix, ResourceSet } from './types.js'

export const NO_RESOURCES: ResourceSet = { asn: [], ipv4: [], ipv6: [] }

/** AS0-AS4294967295, 0.0.0.0/0 and ::/0. */
export const ALL_RESOURCES: ResourceSet = {
  asn: [{ min: 0, max: MAX_ASN }],
  ipv4: [{ min: 0n, max: maxAddress(4) }],
  ipv6: [{ min: 0n, max: maxAddress(6) }],
}

/** Returns the set of ranges given in any order, merging overlaps. No range may be reversed. */
export function resourceSet(ranges: {
  readonly asn?: readonly AsRange[]
  readonly ipv4?: readonly IpRange[]
  readonly ipv6?: readonly IpRange[]
}): ResourceSet {
  return {
    asn: canonicalRanges(ranges.asn ?? [], NUMBER_STEPS),
    ipv4: canonicalRanges(ranges.ipv4 ?? [], BIGINT_STEPS),
    ipv6: canonicalRanges(ranges.ipv6 ?? [], BIGINT_STEPS),
  }
}

/** Returns the addresses of prefixes, as in the EE certificate of a ROA (RFC 9582 section 5). */
export function prefixSet(prefixes: readonly Prefix[]): ResourceSet {
  return resourceSet({
    ipv4: prefixes.filter((p) => p.family === 4).map(prefixRange),
    ipv6: prefixes.filter((p) => p.family === 6).map(prefixRange),
  })
}

/** Returns true if all ranges are sorted, disjoint, joined and none is reversed, as RFC 3779 requires in a certificate. */
export function isCanonicalSet(set: ResourceSet): boolean {
  return (
    isCanonical(set.asn, NUMBER_STEPS) && isCanonical(set.ipv4, BIGINT_STEPS) && isCanonical(set.ipv6, BIGINT_STEPS)
  )
}

/** Returns the union. */
export function union(a: ResourceSet, b: ResourceSet): ResourceSet {
  return {
    asn: unionRanges(a.asn, b.asn, NUMBER_STEPS),
    ipv4: unionRanges(a.ipv4, b.ipv4, BIGINT_STEPS),
    ipv6: unionRanges(a.ipv6, b.ipv6, BIGINT_STEPS),
  }
}

/** Returns the intersection. */
export function intersection(a: ResourceSet, b: ResourceSet): ResourceSet {
  return {
    asn: intersectRanges(a.asn, b.asn),
    ipv4: intersectRanges(a.ipv4, b.ipv4),
    ipv6: intersectRanges(a.ipv6, b.ipv6),
  }
}

/** Returns the resources of `a` that are not in `b`. */
export function difference(a: ResourceSet, b: ResourceSet): ResourceSet {
  return {
    asn: subtractRanges(a.asn, b.asn, NUMBER_STEPS),
    ipv4: subtractRanges(a.ipv4, b.ipv4, BIGINT_STEPS),
    ipv6: subtractRanges(a.ipv6, b.ipv6, BIGINT_STEPS),
  }
}

/** Returns true if `outer` contains `inner`. Every set contains the empty set. */
export function containsSet(outer: ResourceSet, inner: ResourceSet): boolean {
  return (
    coversRanges(outer.asn, inner.asn) && coversRanges(outer.ipv4, inner.ipv4) && coversRanges(outer.ipv6, inner.ipv6)
  )
}

export function equalSets(a: ResourceSet, b: ResourceSet): boolean {
  return equalRanges(a.asn, b.asn) && equalRanges(a.ipv4, b.ipv4) && equalRanges(a.ipv6, b.ipv6)
}

export function isEmpty(set: ResourceSet): boolean {
  return set.asn.length === 0 && set.ipv4.length === 0 && set.ipv6.length === 0
}

/** Returns true if the set contains every address of the prefix. Binary search. */
export function containsPrefix(set: ResourceSet, prefix: Prefix): boolean {
  return coversRange(prefix.family === 4 ? set.ipv4 : set.ipv6, prefixRange(prefix))
}

/** Returns true if the set contains the AS number. Binary search. */
export function containsAsn(set: ResourceSet, asn: number): boolean {
  return coversRange(set.asn, { min: asn, max: asn })
}
