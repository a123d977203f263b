/** Proposes changes of the ROAs of a CA from what is announced. What another AS announces is never proposed: only people know if it is a hijack. */
import { prefixRange } from '../resources/prefix.js'
import { compareRoaPayload, formatRoaPayload } from '../resources/roa-payload.js'
import type { Prefix, RoaPayload } from '../resources/types.js'
import type { Analysis, RoaVerdict, RouteVerdict } from './analysis.js'
import { type Announcements, type RouteAddress, routeAt, routeRange } from './announcements.js'
import { minimalRoas } from './minimal.js'

export interface Replacement {
  readonly current: RoaPayload
  /** The ROAs that authorise exactly what is announced under it. */
  readonly minimal: readonly RoaPayload[]
}

export interface Suggestion {
  /** ROAs for routes that none covers, and for those that are too specific for the ROA of their AS. */
  readonly add: readonly RoaPayload[]
  /** ROAs that other ones make superfluous, and AS0 beside another ROA. */
  readonly remove: readonly RoaPayload[]
  readonly replace: readonly Replacement[]
  /** For people: routes of other ASes, and ROAs that no route uses. */
  readonly otherOrigins: readonly RouteVerdict[]
  readonly unused: readonly RoaPayload[]
  /** ROAs that authorise nothing and make routes invalid: a mistake, or the purpose. */
  readonly disallowing: readonly RoaPayload[]
  readonly notHeld: readonly RoaPayload[]
}

/** Returns the proposal of an analysis that lists the routes which are not valid. The minimal ROAs are made of the tables. */
export function suggest(
  { roas, routes }: Pick<Analysis, 'roas' | 'routes'>,
  tables: readonly Announcements[],
): Suggestion {
  const inState = (...states: readonly RoaVerdict['state'][]): readonly RoaPayload[] =>
    roas.filter(({ state }) => states.includes(state)).map(({ payload }) => payload)
  const missing = routes.filter(
    ({ state, origin }) => origin !== 0 && (state === 'notFound' || state === 'invalidLength'),
  )
  return {
    add: unique(missing.map(exactRoa)),
    remove: inState('redundant', 'as0Redundant'),
    replace: inState('tooPermissive').map((current) => ({
      current,
      minimal: minimalRoas(current.asn, announcedUnder(current, tables)),
    })),
    otherOrigins: routes.filter(({ state }) => state === 'invalidOrigin'),
    unused: inState('unseen'),
    disallowing: inState('disallowing'),
    notHeld: inState('notHeld'),
  }
}

function exactRoa({ prefix, origin }: RouteVerdict): RoaPayload {
  return { asn: origin, prefix, maxLength: prefix.length }
}

/** Returns the prefixes under a ROA that its AS announces, up to maxLength. */
function announcedUnder({ asn, prefix, maxLength }: RoaPayload, tables: readonly Announcements[]): readonly Prefix[] {
  const found: Prefix[] = []
  for (const table of tables) {
    if (table.family !== prefix.family) continue
    const { min: first, max: last } = routeRange(prefixRange(prefix), prefix.family)
    for (let at = firstFrom(table, first); at < table.count; at++) {
      if ((table.addresses[at] as RouteAddress) > last) break
      const length = table.lengths[at] ?? 0
      if (table.origins[at] === asn && length >= prefix.length && length <= maxLength)
        found.push(routeAt(table, at).prefix)
    }
  }
  return found
}

/** Returns the index of the first route whose address is not below `address`. Binary search. */
function firstFrom({ addresses, count }: Announcements, address: RouteAddress): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((addresses[middle] as RouteAddress) < address) low = middle + 1
    else high = middle
  }
  return low
}

function unique(payloads: readonly RoaPayload[]): readonly RoaPayload[] {
  return [...new Map(payloads.map((one) => [formatRoaPayload(one), one])).values()].toSorted(compareRoaPayload)
}
