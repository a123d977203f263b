/** Protected places beside the VRPs on both sides of a change. */
import { describe, expect, it } from 'vitest'
import { formatPrefix, trustedPrefix } from '../../../src/core/resources/prefix.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { judgePlaces, type ProtectedPlace, placesWithin } from '../../../src/core/routing/protected.js'
import { roaOf, tablesOf } from '../../support/routing/routes.js'

const place = (prefix: string, origin?: number): ProtectedPlace => ({
  prefix: trustedPrefix(prefix),
  origin,
  name: prefix,
})

const HOST = place('192.0.2.7/32')
const ROUTES = ['192.0.2.0/24 64511', '192.0.0.0/16 64500']

function judge(
  places: readonly ProtectedPlace[],
  before: readonly string[],
  after: readonly string[],
  routes = ROUTES,
) {
  const vrps = { before: before.map(roaOf), after: after.map(roaOf) }
  const { endangered, blind } = judgePlaces(places, tablesOf(...routes), vrps)
  return {
    endangered: endangered.map(
      ({ route, before: was, after: is, causes }) =>
        `${formatPrefix(route.prefix)} ${route.origin} ${was} > ${is} by ${causes.map(formatRoaPayload).join(', ')}`,
    ),
    blind: blind.map(({ name }) => name),
  }
}

describe('judgePlaces', () => {
  it.each([
    [
      'a ROA of another AS',
      [],
      ['192.0.2.0/24 => 64496'],
      ['192.0.2.0/24 64511 notFound > invalidOrigin by 192.0.2.0/24-24 => 64496'],
    ],
    [
      'AS0 over the space',
      [],
      ['192.0.2.0/24 => 0'],
      ['192.0.2.0/24 64511 notFound > disallowed by 192.0.2.0/24-24 => 0'],
    ],
    [
      'the last ROA that keeps it valid while another covers it',
      ['192.0.2.0/24 => 64511', '192.0.2.0/24 => 64496'],
      ['192.0.2.0/24 => 64496'],
      ['192.0.2.0/24 64511 valid > invalidOrigin by 192.0.2.0/24-24 => 64511'],
    ],
    [
      'a less specific ROA that makes both routes invalid',
      [],
      ['192.0.0.0/16-24 => 64496'],
      [
        '192.0.0.0/16 64500 notFound > invalidOrigin by 192.0.0.0/16-24 => 64496',
        '192.0.2.0/24 64511 notFound > invalidOrigin by 192.0.0.0/16-24 => 64496',
      ],
    ],
    ['the last ROA of all', ['192.0.2.0/24 => 64511'], [], []],
    ['a route that is invalid already', ['192.0.2.0/24 => 1'], ['192.0.2.0/24 => 2'], []],
    ['a ROA that keeps it valid', [], ['192.0.2.0/24 => 64511'], []],
    ['a more specific ROA that covers no route', [], ['192.0.2.0/25 => 64496'], []],
  ])('judges %s', (_, before, after, expected) => {
    expect(judge([HOST], before, after)).toEqual({ endangered: expected, blind: [] })
  })

  it('judges a configured pair without announcements, and one that is announced only once', () => {
    const own = place('192.0.2.0/24', 64511)
    const expected = ['192.0.2.0/24 64511 notFound > invalidOrigin by 192.0.2.0/24-24 => 64496']
    expect(judge([own], [], ['192.0.2.0/24 => 64496'], []).endangered).toEqual(expected)
    expect(judge([own], [], ['192.0.2.0/24 => 64496'], ['192.0.2.0/24 64511']).endangered).toEqual(expected)
  })

  it('names one of eight addresses of a host in three prefixes', () => {
    const hosts = [1, 2, 3].flatMap((net) => [1, 2, 3].map((n) => place(`198.51.${net}.${n}/32`))).slice(0, 8)
    const routes = ['198.51.1.0/24 1', '198.51.2.0/24 1', '198.51.3.0/24 1']
    const { endangered } = judge(hosts, [], ['198.51.3.0/24 => 64496'], routes)
    expect(endangered).toHaveLength(2)
    expect(endangered[0]).toContain('198.51.3.0/24 1 notFound > invalidOrigin')
  })

  it('is blind to a place without a route, and to an AS set alone', () => {
    expect(judge([HOST], [], ['192.0.2.0/24 => 1'], []).blind).toEqual(['192.0.2.7/32'])
    expect(judge([HOST], [], ['192.0.2.0/24 => 1'], ['192.0.2.0/24 {1,2}']).blind).toEqual(['192.0.2.7/32'])
  })
})

describe('placesWithin', () => {
  it('keeps the places that a changed VRP covers or lies in', () => {
    const places = [HOST, place('198.51.100.0/24'), place('2001:db8::/48')]
    const within = (text: string) => placesWithin(places, [roaOf(text)]).map(({ name }) => name)
    expect(within('192.0.0.0/16 => 1')).toEqual(['192.0.2.7/32'])
    expect(within('198.51.100.0/25 => 1')).toEqual(['198.51.100.0/24'])
    expect(within('2001:db8::/32 => 1')).toEqual(['2001:db8::/48'])
    expect(within('203.0.113.0/24 => 1')).toEqual([])
  })
})
