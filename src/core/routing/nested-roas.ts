/** ROAs beside the ROAs that cover them: those that another one makes superfluous. */
import { comparePrefix } from '../resources/prefix.js'
import type { RoaPayload } from '../resources/types.js'
import { sortedVrps, type Vrp } from './origin-validation.js'

export interface Superfluous {
  /** Another ROA of the same AS authorises all that this one does. */
  readonly redundant: ReadonlySet<RoaPayload>
  /** AS0 over a prefix that a ROA of another AS covers, which decides alone (RFC 6483 section 4). */
  readonly as0Redundant: ReadonlySet<RoaPayload>
}

/** Returns what is superfluous among ROAs, no two of which are equal. */
export function superfluousRoas(payloads: readonly RoaPayload[]): Superfluous {
  const redundant = new Set<RoaPayload>()
  const as0Redundant = new Set<RoaPayload>()
  for (const family of [4, 6] as const) {
    const open: Vrp[] = []
    for (const vrp of outerFirst(payloads.filter(({ prefix }) => prefix.family === family))) {
      for (let top = open.at(-1); top !== undefined && top.last < vrp.first; top = open.at(-1)) open.pop()
      const { payload } = vrp
      if (payload.asn === 0) {
        if (open.some((outer) => outer.payload.asn !== 0)) as0Redundant.add(payload)
      } else if (
        open.some((outer) => outer.payload.asn === payload.asn && outer.payload.maxLength >= payload.maxLength)
      )
        redundant.add(payload)
      open.push(vrp)
    }
  }
  return { redundant, as0Redundant }
}

/** Returns ROAs so that each comes after those that can make it superfluous: of one prefix AS0 last, and the larger maxLength first. */
function outerFirst(payloads: readonly RoaPayload[]): readonly Vrp[] {
  return sortedVrps(payloads).toSorted(
    ({ payload: a }, { payload: b }) =>
      comparePrefix(a.prefix, b.prefix) ||
      Number(a.asn === 0) - Number(b.asn === 0) ||
      b.maxLength - a.maxLength ||
      a.asn - b.asn,
  )
}
