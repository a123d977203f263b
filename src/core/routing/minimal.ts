/** The ROAs that authorise exactly what an AS announces, and no more (RFC 9319 section 5). */

import { formatPrefix, prefixRange } from '../resources/prefix.js'
import { compareRoaPayload, formatRoaPayload } from '../resources/roa-payload.js'
import type { Prefix, RoaPayload } from '../resources/types.js'

/**
 * Returns the fewest ROAs of an AS for the prefixes that it announces: a maxLength beyond the length only where each prefix of each length
 * up to it is announced.
 */
export function minimalRoas(asn: number, announced: readonly Prefix[]): readonly RoaPayload[] {
  /** The largest maxLength of each announced prefix, found from the most specific upwards. */
  const reach = new Map<string, number>()
  const unique = new Map(announced.map((prefix) => [formatPrefix(prefix), prefix]))
  for (const prefix of [...unique.values()].toSorted((a, b) => b.length - a.length)) {
    const halves = halvesOf(prefix).map((half) => reach.get(formatPrefix(half)))
    const [low, high] = [halves[0], halves[1]]
    reach.set(formatPrefix(prefix), low === undefined || high === undefined ? prefix.length : Math.min(low, high))
  }
  const out = new Map<string, RoaPayload>()
  for (const prefix of unique.values()) {
    const payload = { asn, prefix, maxLength: reach.get(formatPrefix(prefix)) ?? prefix.length }
    if (!isCovered(payload, reach)) out.set(formatRoaPayload(payload), payload)
  }
  return [...out.values()].toSorted(compareRoaPayload)
}

/** Returns true if a less specific announced prefix has a maxLength that includes the whole payload. */
function isCovered({ prefix, maxLength }: RoaPayload, reach: ReadonlyMap<string, number>): boolean {
  for (let outer = parentOf(prefix); outer !== undefined; outer = parentOf(outer)) {
    if ((reach.get(formatPrefix(outer)) ?? -1) >= maxLength) return true
  }
  return false
}

function halvesOf(prefix: Prefix): readonly Prefix[] {
  const { min, max } = prefixRange(prefix)
  if (min === max) return []
  const middle = min + (max - min + 1n) / 2n
  return [
    { ...prefix, length: prefix.length + 1 },
    { ...prefix, address: middle, length: prefix.length + 1 },
  ]
}

function parentOf({ family, address, length }: Prefix): Prefix | undefined {
  if (length === 0) return undefined
  const size = prefixRange({ family, address: 0n, length: length - 1 }).max + 1n
  return { family, address: address - (address % size), length: length - 1 }
}
