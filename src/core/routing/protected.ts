/** Addresses that relying parties need to reach, beside the VRPs before and after a change (RFC 7115 section 6). */
import { prefixCovers } from '../resources/prefix.js'
import type { Prefix, RoaPayload } from '../resources/types.js'
import { type Announcements, type Route, routeAt } from './announcements.js'
import type { VrpsAround } from './effect.js'
import { isInvalid, type RouteState, routeState, sortedVrps } from './origin-validation.js'

/** An address or a prefix that has to stay reachable. */
export interface ProtectedPlace {
  readonly prefix: Prefix
  /** AS that announces it, if the configuration says so; else the announcements tell. */
  readonly origin: number | undefined
  /** Name for a message: `rpki.example.net`, or the configured text. */
  readonly name: string
}

/** A route to a protected place that is not invalid before a change and is after it. */
export interface Endangered {
  readonly place: ProtectedPlace
  readonly route: Route
  readonly before: RouteState
  readonly after: RouteState
  /** Added VRPs that make it invalid, or removed ones that made it valid. */
  readonly causes: readonly RoaPayload[]
}

export interface GuardVerdict {
  readonly endangered: readonly Endangered[]
  /** Places within the change of which no route is known: nothing can be said of them. */
  readonly blind: readonly ProtectedPlace[]
}

/** Returns the places that one of the VRPs has to do with: only their routes can change. */
export function placesWithin(
  places: readonly ProtectedPlace[],
  changed: readonly RoaPayload[],
): readonly ProtectedPlace[] {
  return places.filter((place) => changed.some(({ prefix }) => overlaps(place.prefix, prefix)))
}

/** Judges the routes to places by the VRPs on both sides of a change. The tables need only have what overlaps the places. */
export function judgePlaces(
  places: readonly ProtectedPlace[],
  tables: readonly Announcements[],
  vrps: VrpsAround,
): GuardVerdict {
  const endangered: Endangered[] = []
  const blind: ProtectedPlace[] = []
  for (const place of places) {
    const routes = routesTo(place, tables)
    if (routes.length === 0) blind.push(place)
    for (const route of routes) {
      const [before, after] = [stateBy(route, vrps.before), stateBy(route, vrps.after)]
      if (isInvalid(before) || !isInvalid(after)) continue
      endangered.push({ place, route, before, after, causes: causesOf(route, vrps) })
    }
  }
  return { endangered, blind }
}

function routesTo({ prefix, origin }: ProtectedPlace, tables: readonly Announcements[]): readonly Route[] {
  const configured = origin === undefined ? [] : [{ prefix, origin, peers: undefined }]
  const announced = tables
    .filter(({ family }) => family === prefix.family)
    .flatMap((table) => Array.from({ length: table.count }, (_, at) => routeAt(table, at)))
    .filter((route) => overlaps(route.prefix, prefix))
  const isSame = (a: Route, b: Route): boolean =>
    a.origin === b.origin && prefixCovers(a.prefix, b.prefix) && prefixCovers(b.prefix, a.prefix)
  return [...configured.filter((one) => !announced.some((other) => isSame(one, other))), ...announced]
}

function stateBy({ prefix, origin }: Route, vrps: readonly RoaPayload[]): RouteState {
  return routeState(sortedVrps(covering(prefix, vrps)), origin, prefix.length)
}

function covering(prefix: Prefix, vrps: readonly RoaPayload[]): readonly RoaPayload[] {
  return vrps.filter((vrp) => prefixCovers(vrp.prefix, prefix))
}

/** Returns the removed VRPs that authorised the route; if there are none, the added ones that cover it. */
function causesOf({ prefix, origin }: Route, { before, after }: VrpsAround): readonly RoaPayload[] {
  const key = ({ asn, prefix: { address, length }, maxLength }: RoaPayload): string =>
    `${address}/${length}-${maxLength} ${asn}`
  const [was, is] = [covering(prefix, before), covering(prefix, after)]
  const [old, now] = [new Set(was.map(key)), new Set(is.map(key))]
  const removed = was.filter(
    (vrp) => !now.has(key(vrp)) && vrp.asn === origin && origin !== 0 && prefix.length <= vrp.maxLength,
  )
  return removed.length > 0 ? removed : is.filter((vrp) => !old.has(key(vrp)))
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return prefixCovers(a, b) || prefixCovers(b, a)
}
