/** Held and covered addresses as a map and as bars. */
import { describe, expect, it } from 'vitest'
import { addressMap, hilbertPlace, spaceOf } from '../../../../src/core/app/report/address-map.js'
import { percent } from '../../../../src/core/app/report/address-shares.js'
import { formatResources } from '../../../../src/core/resources/resource-text.js'
import { holding } from './report-data.js'

describe('the map', () => {
  it('has a place of its own for each /8, beside that of the next one', () => {
    const places = Array.from({ length: 256 }, (_, n) => hilbertPlace(n))
    expect(new Set(places.map(String)).size).toBe(256)
    for (const [n, [x, y]] of places.entries()) {
      const [x2, y2] = places[n + 1] ?? [x, y + 1]
      expect(Math.abs(x - x2) + Math.abs(y - y2), String(n)).toBe(1)
      expect(Math.min(x, y, 15 - x, 15 - y)).toBeGreaterThanOrEqual(0)
    }
  })

  /** Heights of the held and the covered part of the square of 10.0.0.0/8, whose side is 18. */
  const heights = (held: string, covered = 'none'): readonly number[] => {
    const square = /<title>10\..*?<\/g>/.exec(addressMap({ cas: [holding('x', held, covered)] }))?.[0] ?? ''
    return [...square.matchAll(/class="(?:held|covered)".*?height="([\d.]+)"/g)].map(([, height]) => Number(height))
  }

  it.each([
    ['10.0.0.0/8', 'none', [18]],
    ['10.0.0.0/8', '10.0.0.0/9', [18, 9]],
    ['10.0.0.0/16', 'none', [12]],
    ['10.0.0.0/24', '10.0.0.0/24', [6, 6]],
    ['10.0.0.0/32', 'none', [6]],
    ['10.0.0.0/8', '10.0.0.0/32', [18, 2]],
  ])('of %s with %s covered can be seen, however small', (held, covered, shown) => {
    expect(heights(held, covered)).toEqual(shown)
  })

  it('names the shares of a square', () => {
    expect(addressMap({ cas: [holding('x', '10.0.0.0/9', '10.0.0.0/10')] })).toContain(
      '<title>10.0.0.0/8: 50 % held, 50 % of it covered</title>',
    )
  })
})

describe('the bars', () => {
  const bars = (held: string, covered = 'none'): string => addressMap({ cas: [holding('x', held, covered)] })

  it('have the covered parts of a block where they are', () => {
    const page = bars('192.0.2.0/24', '192.0.2.64/26')
    expect(page).toContain('<rect class="covered" x="25%" width="25%" height="100%"/>')
    expect(page).toContain('<span>192.0.2.0/24</span><span class="facts">25 % covered</span>')
  })

  it('show one address of a /32 of IPv6, also at its end', () => {
    const page = bars('2001:db8::/32', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128')
    expect(page).toContain('x="99.4%" width="0.6%"')
    expect(page).toContain('&lt;1 % covered')
  })

  it('name a range that is no prefix, and count what is too much', () => {
    expect(bars('10.0.0.0-10.0.2.255')).toContain('10.0.0.0 – 10.0.2.255')
    const many = Array.from({ length: 30 }, (_, n) => `10.${2 * n}.0.0/16`).join(', ')
    expect(bars(many)).toContain('and 6 smaller blocks')
  })
})

it('CAs that hold everything are left out, and the others joined', () => {
  const all = holding('testbed', '0.0.0.0/0, ::/0')
  const { held, covered } = spaceOf([all, holding('a', '10.0.0.0/9'), holding('b', '10.128.0.0/9', '10.128.0.0/10')])
  expect([formatResources(held), formatResources(covered)]).toEqual(['10.0.0.0/8', '10.128.0.0/10'])
  expect(addressMap({ cas: [all] })).toContain('No CA holds addresses')
})

it('a share is never 0 % of something and never 100 % of a part', () => {
  expect([0, 0.0001, 0.5, 0.9999, 1].map(percent)).toEqual(['0 %', '&lt;1 %', '50 %', '&gt;99 %', '100 %'])
})
