/** Origin validation (RFC 6811): the states, and the one pass beside the definition applied to each route. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prefixCovers } from '../../../src/core/resources/prefix.js'
import type { RoaPayload } from '../../../src/core/resources/types.js'
import { type Announcements, routeAt } from '../../../src/core/routing/announcements.js'
import { routeState, sortedVrps, visitRoutes } from '../../../src/core/routing/origin-validation.js'
import { roaOf, tablesOf } from '../../support/routing/routes.js'

const statesOf = (table: Announcements, payloads: readonly RoaPayload[]): readonly string[] => {
  const states: string[] = []
  visitRoutes(table, sortedVrps(payloads), (at, covering) => {
    expect(at).toBe(states.length)
    states.push(routeState(covering, table.origins[at] ?? 0, table.lengths[at] ?? 0))
  })
  return states
}

const stateOf = (route: string, ...roas: readonly string[]): string | undefined => {
  const table = tablesOf(route).find(({ count }) => count > 0)
  return table && statesOf(table, roas.map(roaOf))[0]
}

/** RFC 6811 section 2, word for word, for one route. */
function defined(table: Announcements, at: number, payloads: readonly RoaPayload[]): string {
  const { prefix, origin } = routeAt(table, at)
  const covering = payloads.filter((vrp) => prefixCovers(vrp.prefix, prefix))
  if (covering.length === 0) return 'notFound'
  const matches = covering.filter((vrp) => vrp.asn === origin && vrp.asn !== 0)
  if (matches.some((vrp) => prefix.length <= vrp.maxLength)) return 'valid'
  if (matches.length > 0) return 'invalidLength'
  return covering.some((vrp) => vrp.asn !== 0) ? 'invalidOrigin' : 'disallowed'
}

describe('routeState', () => {
  it.each([
    ['192.0.2.0/24 64496', ['192.0.2.0/24 => 64496'], 'valid'],
    ['192.0.2.0/25 64496', ['192.0.2.0/24-25 => 64496'], 'valid'],
    ['192.0.2.0/25 64496', ['192.0.2.0/24 => 64496'], 'invalidLength'],
    ['192.0.2.0/24 64497', ['192.0.2.0/24 => 64496'], 'invalidOrigin'],
    ['192.0.2.0/24 64497', ['192.0.2.0/24 => 0'], 'disallowed'],
    ['192.0.2.0/24 64497', ['192.0.2.0/24 => 0', '192.0.0.0/16 => 1'], 'invalidOrigin'],
    ['192.0.2.0/24 64497', ['192.0.2.0/24 => 0', '192.0.2.0/24 => 64497'], 'valid'],
    ['192.0.2.0/24 0', ['192.0.2.0/24 => 0'], 'disallowed'],
    ['192.0.0.0/16 64496', ['192.0.2.0/24 => 64496'], 'notFound'],
    ['192.0.3.0/24 64496', ['192.0.2.0/24 => 64496'], 'notFound'],
    ['2001:db8:1::/48 64496', ['2001:db8::/32-48 => 64496'], 'valid'],
    ['2001:db8::/32 64496', ['192.0.2.0/24 => 64496'], 'notFound'],
  ])('%s with %j is %s', (route, roas, state) => {
    const family = route.includes(':') ? 6 : 4
    const fitting = roas.filter((roa) => roaOf(roa).prefix.family === family)
    expect(stateOf(route, ...fitting)).toBe(state)
  })
})

describe('visitRoutes', () => {
  it('finds for each route the state that the definition gives', () => {
    // few bits and origins, so that prefixes are nested, equal and adjacent
    const prefix = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 8, max: 16 }))
      .map(([bits, length]) => ({ bits: (bits >> (16 - length)) << (16 - length), length }))
    const asn = fc.integer({ min: 0, max: 3 })
    const text = ({ bits, length }: { bits: number; length: number }): string => `10.${bits}.0.0/${length}`
    const route = fc.tuple(prefix, asn).map(([p, origin]) => `${text(p)} ${origin}`)
    const roa = fc
      .tuple(prefix, asn, fc.integer({ min: 0, max: 4 }))
      .map(([p, origin, more]) => roaOf(`${text(p)}-${p.length + more} => ${origin}`))
    const holds = fc.property(fc.array(route, { maxLength: 60 }), fc.array(roa, { maxLength: 40 }), (routes, roas) => {
      for (const table of tablesOf(...routes)) {
        const expected = Array.from({ length: table.count }, (_, at) => defined(table, at, roas))
        expect(statesOf(table, roas)).toEqual(expected)
      }
    })
    fc.assert(holds, { numRuns: 300 })
  })
})
