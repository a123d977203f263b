/** Validates the origins of announcements by VRPs (RFC 6811), all routes in one pass over two sorted lists. */

import { prefixRange } from '../resources/prefix.js'
import { compareRoaPayload } from '../resources/roa-payload.js'
import type { RoaPayload } from '../resources/types.js'
import { type Announcements, type RouteAddress, routeRange } from './announcements.js'

/**
 * State of a route. `valid` and `notFound` are those of RFC 6811 section 2; its `invalid` has three reasons: `invalidLength` (the origin is
 * authorised for a less specific prefix), `invalidOrigin` (only other origins are), `disallowed` (only AS0 is, RFC 6483 section 4).
 */
export const ROUTE_STATES = ['valid', 'invalidLength', 'invalidOrigin', 'disallowed', 'notFound'] as const
export type RouteState = (typeof ROUTE_STATES)[number]

/** Returns true for the three states that RFC 6811 calls invalid. */
export function isInvalid(state: RouteState): boolean {
  return state !== 'valid' && state !== 'notFound'
}

/** A VRP with its bounds in the form of the columns of a table. */
export interface Vrp {
  readonly payload: RoaPayload
  readonly first: RouteAddress
  readonly last: RouteAddress
}

/** Returns VRPs in the order of the pass. All have to be of one family. */
export function sortedVrps(payloads: readonly RoaPayload[]): readonly Vrp[] {
  return payloads.toSorted(compareRoaPayload).map((payload) => {
    const { min: first, max: last } = routeRange(prefixRange(payload.prefix), payload.prefix.family)
    return { payload, first, last }
  })
}

/** Takes the index of a route and the VRPs that cover it; the list is valid only during the call. */
export type VisitRoute = (at: number, covering: readonly Vrp[]) => void

/**
 * Visits all routes in order. Prefixes are nested or disjoint, so the VRPs that cover the present address form a stack: those that end
 * before it leave, those that begin up to it enter.
 */
export function visitRoutes(table: Announcements, vrps: readonly Vrp[], visit: VisitRoute): void {
  const open: Vrp[] = []
  const closeBefore = (address: RouteAddress): void => {
    for (let top = open.at(-1); top !== undefined && top.last < address; top = open.at(-1)) open.pop()
  }
  let next = 0
  for (let at = 0; at < table.count; at++) {
    const address = table.addresses[at] as RouteAddress
    const length = table.lengths[at] ?? 0
    for (let vrp = vrps[next]; vrp !== undefined && beginsUpTo(vrp, address, length); vrp = vrps[++next]) {
      closeBefore(vrp.first)
      open.push(vrp)
    }
    closeBefore(address)
    visit(at, open)
  }
}

function beginsUpTo(vrp: Vrp, address: RouteAddress, length: number): boolean {
  return vrp.first < address || (vrp.first === address && vrp.payload.prefix.length <= length)
}

/** Returns true if a VRP that covers a route authorises it (RFC 6811 section 2: "matched"). AS0 never does (RFC 6483 section 4). */
export function authorises({ payload }: Vrp, origin: number, length: number): boolean {
  return payload.asn === origin && origin !== 0 && length <= payload.maxLength
}

/** Returns the state of a route by the VRPs that cover it. */
export function routeState(covering: readonly Vrp[], origin: number, length: number): RouteState {
  if (covering.length === 0) return 'notFound'
  let state: RouteState = 'disallowed'
  for (const vrp of covering) {
    if (authorises(vrp, origin, length)) return 'valid'
    if (vrp.payload.asn === origin && origin !== 0) state = 'invalidLength'
    else if (vrp.payload.asn !== 0 && state === 'disallowed') state = 'invalidOrigin'
  }
  return state
}
