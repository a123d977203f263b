/** Warnings about a change of VRPs, by the announcements beside it: it may be meant so, and a warning refuses nothing. */
import { prefixCovers } from '../resources/prefix.js'
import { compareRoaPayload, formatRoaPayload } from '../resources/roa-payload.js'
import type { Prefix, RoaPayload } from '../resources/types.js'
import { analyse, type OwnRoa } from './analysis.js'
import { type Announcements, type Route, routeAt } from './announcements.js'
import type { RouteChange, VrpsAround } from './effect.js'
import { minimalRoas } from './minimal.js'
import { isInvalid, routeState, sortedVrps, visitRoutes } from './origin-validation.js'

/** A ROA whose maxLength admits prefixes that its AS does not announce (RFC 9319 section 3). */
export interface TooPermissive {
  readonly roa: RoaPayload
  /** Number of those prefixes. */
  readonly unannounced: number
  /** ROAs for what the AS announces within it, and for nothing else (RFC 9319 section 5). */
  readonly minimal: readonly RoaPayload[]
}

/** A ROA of AS0 over announced prefixes that no other ROA makes valid (RFC 7607, RFC 6483 section 4). */
export interface Disallowed {
  readonly roa: RoaPayload
  /** In the order of prefixes. */
  readonly routes: readonly Route[]
}

export interface RoutingWarnings {
  readonly tooPermissive: readonly TooPermissive[]
  readonly disallowed: readonly Disallowed[]
  /** Routes that a removed ROA made valid and no ROA makes valid any more. */
  readonly unprotected: readonly RouteChange[]
}

export interface ChangeBeside {
  readonly tables: readonly Announcements[]
  /** The ROAs that the change adds. */
  readonly added: readonly Pick<OwnRoa, 'payload' | 'permissive'>[]
  readonly vrps: VrpsAround
  /** The routes whose state the change is known to alter. */
  readonly effect: readonly RouteChange[]
}

/** Returns the warnings about a change. */
export function routingWarnings({ tables, added, vrps, effect }: ChangeBeside): RoutingWarnings {
  const wide = added.filter(({ payload: { asn, prefix, maxLength } }) => asn !== 0 && maxLength > prefix.length)
  const none = added.filter(({ payload }) => payload.asn === 0).map(({ payload }) => payload)
  return {
    tooPermissive: wide.length === 0 ? [] : tooPermissive(tables, wide),
    disallowed: none.length === 0 ? [] : disallowed(tables, none, vrps.after),
    unprotected: effect.filter(({ before, after }) => before === 'valid' && after !== 'valid'),
  }
}

function tooPermissive(
  tables: readonly Announcements[],
  roas: readonly Pick<OwnRoa, 'payload' | 'permissive'>[],
): readonly TooPermissive[] {
  const held = roas.map((roa) => ({ ...roa, held: true }))
  const wide = analyse({ tables, roas: held, others: [] }, () => false).roas.filter(
    ({ state }) => state === 'tooPermissive',
  )
  const announced = announcedBy(tables, new Set(wide.map(({ payload }) => payload.asn)))
  return wide.map(({ payload, unannounced }) => ({
    roa: payload,
    unannounced,
    minimal: minimalRoas(payload.asn, within(announced.get(payload.asn) ?? [], payload)),
  }))
}

function within(prefixes: readonly Prefix[], { prefix, maxLength }: RoaPayload): readonly Prefix[] {
  return prefixes.filter((one) => one.length <= maxLength && prefixCovers(prefix, one))
}

function announcedBy(
  tables: readonly Announcements[],
  asns: ReadonlySet<number>,
): ReadonlyMap<number, readonly Prefix[]> {
  const found = new Map<number, Prefix[]>([...asns].map((asn) => [asn, []]))
  if (asns.size === 0) return found
  for (const table of tables) {
    for (let at = 0; at < table.count; at++) {
      const own = found.get(table.origins[at] ?? 0)
      if (own !== undefined) own.push(routeAt(table, at).prefix)
    }
  }
  return found
}

function disallowed(
  tables: readonly Announcements[],
  roas: readonly RoaPayload[],
  after: readonly RoaPayload[],
): readonly Disallowed[] {
  const found = new Map(roas.map((roa) => [formatRoaPayload(roa), { roa, routes: [] as Route[] }]))
  for (const table of tables) {
    const vrps = sortedVrps(after.filter(({ prefix }) => prefix.family === table.family))
    visitRoutes(table, vrps, (at, covering) => {
      if (!isInvalid(routeState(covering, table.origins[at] ?? 0, table.lengths[at] ?? 0))) return
      for (const { payload } of covering)
        if (payload.asn === 0) found.get(formatRoaPayload(payload))?.routes.push(routeAt(table, at))
    })
  }
  return [...found.values()]
    .filter(({ routes }) => routes.length > 0)
    .toSorted((a, b) => compareRoaPayload(a.roa, b.roa))
}
