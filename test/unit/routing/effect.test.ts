/** Effect of a change of VRPs on routes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPrefix, prefixCovers } from '../../../src/core/resources/prefix.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'
import type { RoaPayload } from '../../../src/core/resources/types.js'
import { type Announcements, routeAt } from '../../../src/core/routing/announcements.js'
import { routingEffect } from '../../../src/core/routing/effect.js'
import { roaOf, tablesOf } from '../../support/routing/routes.js'

const effect = (routes: readonly string[], before: readonly string[], after: readonly string[]) => {
  const found = routingEffect(tablesOf(...routes), { before: before.map(roaOf), after: after.map(roaOf) })
  const texts = found.routes.map((r) => `${formatPrefix(r.prefix)} ${r.origin}: ${r.before} > ${r.after}`)
  return { ...found, routes: texts }
}

describe('routingEffect', () => {
  it.each([
    [
      'a first ROA',
      [],
      ['192.0.2.0/24 => 64496'],
      [
        '192.0.2.0/24 64496: notFound > valid',
        '192.0.2.0/24 64497: notFound > invalidOrigin',
        '192.0.2.0/25 64496: notFound > invalidLength',
      ],
    ],
    [
      'the last ROA',
      ['192.0.2.0/24 => 64497'],
      [],
      [
        '192.0.2.0/24 64496: invalidOrigin > notFound',
        '192.0.2.0/24 64497: valid > notFound',
        '192.0.2.0/25 64496: invalidOrigin > notFound',
      ],
    ],
    [
      'a larger maxLength',
      ['192.0.2.0/24 => 64496'],
      ['192.0.2.0/24-25 => 64496'],
      ['192.0.2.0/25 64496: invalidLength > valid'],
    ],
    [
      'AS0',
      [],
      ['192.0.2.0/24-32 => 0'],
      [
        '192.0.2.0/24 64496: notFound > disallowed',
        '192.0.2.0/24 64497: notFound > disallowed',
        '192.0.2.0/25 64496: notFound > disallowed',
      ],
    ],
    ['a ROA that changes nothing', ['192.0.2.0/24-25 => 64496'], ['192.0.2.0/24-26 => 64496'], []],
    ['a ROA elsewhere', [], ['198.51.100.0/24 => 64496'], []],
  ])('%s', (_, before, after, expected) => {
    const routes = ['192.0.2.0/24 64496', '192.0.2.0/24 64497', '192.0.2.0/25 64496']
    expect(effect(routes, before, after).routes).toEqual(expected)
  })

  it('counts what becomes valid, invalid and not found, both families together', () => {
    const routes = ['192.0.2.0/24 64496', '2001:db8::/32 64496', '2001:db8::/32 64497', '198.51.100.0/24 64496']
    const { becomeValid, becomeInvalid, becomeNotFound } = effect(
      routes,
      ['198.51.100.0/24 => 64496'],
      ['192.0.2.0/24 => 64496', '2001:db8::/32 => 64496'],
    )
    expect({ becomeValid, becomeInvalid, becomeNotFound }).toEqual({
      becomeValid: 2,
      becomeInvalid: 1,
      becomeNotFound: 1,
    })
  })

  it('lists a route that is invalid for another reason, and counts it as neither', () => {
    const found = effect(['192.0.2.0/25 64496'], ['192.0.2.0/24 => 64497'], ['192.0.2.0/24 => 64496'])
    expect(found).toMatchObject({ routes: ['192.0.2.0/25 64496: invalidOrigin > invalidLength'], becomeInvalid: 0 })
  })

  it('finds what the definition of RFC 6811 applied to each route finds', () => {
    const prefix = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 24, max: 27 }))
    const written = prefix.map(([n, length]) => `192.0.2.${(n * 32) & (256 - 2 ** (32 - length))}/${length}`)
    const roa = fc.tuple(written, fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }))
    const roas = fc.array(
      roa.map(([p, extra, asn]) => roaOf(`${p}-${Math.min(32, Number(p.split('/')[1]) + extra)} => ${asn}`)),
      { maxLength: 6 },
    )
    const route = fc.tuple(written, fc.integer({ min: 1, max: 2 })).map(([p, asn]) => `${p} ${asn}`)
    fc.assert(
      fc.property(fc.uniqueArray(route, { minLength: 1, maxLength: 12 }), roas, roas, (routes, before, after) => {
        const tables = tablesOf(...routes)
        const listed = routingEffect(tables, { before: distinct(before), after: distinct(after) }).routes.length
        expect(listed).toBe(tables.reduce((sum, table) => sum + changed(table, before, after), 0))
      }),
    )
  })
})

const distinct = (payloads: readonly RoaPayload[]): readonly RoaPayload[] => [
  ...new Map(payloads.map((one) => [formatRoaPayload(one), one])).values(),
]

function changed(table: Announcements, before: readonly RoaPayload[], after: readonly RoaPayload[]): number {
  const rows = Array.from({ length: table.count }, (_, at) => at)
  return rows.filter((at) => stateBy(table, at, before) !== stateBy(table, at, after)).length
}

function stateBy(table: Announcements, at: number, vrps: readonly RoaPayload[]): string {
  const { prefix, origin } = routeAt(table, at)
  const covering = vrps.filter((vrp) => prefixCovers(vrp.prefix, prefix))
  const matches = covering.filter(({ asn }) => asn === origin && asn !== 0)
  if (matches.some(({ maxLength }) => prefix.length <= maxLength)) return 'valid'
  if (matches.length > 0) return 'invalidLength'
  if (covering.some(({ asn }) => asn !== 0)) return 'invalidOrigin'
  return covering.length > 0 ? 'disallowed' : 'notFound'
}
