/** Warnings about a change of ROAs beside announcements, and the sentences that tell of them. */
import { describe, expect, it } from 'vitest'
import { warningTexts } from '../../../src/core/app/safety/warning-texts.js'
import { routingEffect } from '../../../src/core/routing/effect.js'
import { type RoutingWarnings, routingWarnings } from '../../../src/core/routing/warnings.js'
import { roaOf, tablesOf } from '../../support/routing/routes.js'

interface Case {
  readonly routes: readonly string[]
  readonly before?: readonly string[]
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
  /** The added ROAs whose comment says that they are meant to be wide. */
  readonly permissive?: boolean
}

function warned({ routes, before = [], added = [], removed = [], permissive = false }: Case): RoutingWarnings {
  const tables = tablesOf(...routes)
  const after = [...before.filter((text) => !removed.includes(text)), ...added]
  const vrps = { before: before.map(roaOf), after: after.map(roaOf) }
  const own = added.map((text) => ({ payload: roaOf(text), permissive }))
  return routingWarnings({ tables, added: own, vrps, effect: routingEffect(tables, vrps).routes })
}

const messages = (change: Case): readonly string[] => warningTexts(warned(change)).map(({ message }) => message)

const WIDE = '192.0.2.0/24-25 => 64496'

describe('a ROA with a maxLength', () => {
  it('that admits what its AS does not announce gets a warning with the ROAs that are enough', () => {
    const change = { routes: ['192.0.2.0/24 64496', '192.0.2.0/25 64496'], added: [WIDE] }
    expect(warningTexts(warned(change))).toEqual([
      {
        code: 'roa-too-permissive',
        message:
          '"192.0.2.0/24-25 => 64496" admits 1 prefix that AS64496 does not announce and others could announce in its name (RFC 9319); enough is "192.0.2.0/24-24 => 64496", "192.0.2.0/25-25 => 64496", or a comment that begins with "permissive" says that it is meant so',
        details: { roa: WIDE, unannounced: 1, minimal: ['192.0.2.0/24-24 => 64496', '192.0.2.0/25-25 => 64496'] },
      },
    ])
  })

  it.each([
    [
      'every prefix up to it is announced',
      { routes: ['192.0.2.0/24 64496', '192.0.2.0/25 64496', '192.0.2.128/25 64496'] },
    ],
    ['nothing of it is announced yet', { routes: ['198.51.100.0/24 64496'] }],
    ['only another AS announces it', { routes: ['192.0.2.0/24 64511'] }],
    ['its comment says that it is meant', { routes: ['192.0.2.0/24 64496'], permissive: true }],
  ])('gets none if %s', (_what, change) => {
    expect(messages({ ...change, added: [WIDE] })).toEqual([])
  })

  it('gets none if it was there before', () => {
    expect(messages({ routes: ['192.0.2.0/24 64496'], before: [WIDE], added: ['198.51.100.0/24 => 64496'] })).toEqual(
      [],
    )
  })

  it('of IPv6 is judged alike', () => {
    const change = { routes: ['2001:db8::/32 64496'], added: ['2001:db8::/32-48 => 64496'] }
    expect(warned(change).tooPermissive).toMatchObject([{ unannounced: 131070 }])
  })
})

describe('a ROA of AS0', () => {
  const AS0 = '192.0.2.0/24 => 0'

  it('over announced prefixes gets a warning that names them', () => {
    expect(messages({ routes: ['192.0.2.0/24 64496', '192.0.2.0/25 64497'], added: [AS0] })).toEqual([
      '"192.0.2.0/24-24 => 0" says that nothing in it is announced (RFC 6483 section 4), and invalidates these announcements: 192.0.2.0/24 of AS64496, 192.0.2.0/25 of AS64497',
    ])
  })

  it.each([
    ['another ROA makes the announcement valid', { routes: ['192.0.2.0/24 64496'], before: ['192.0.2.0/24 => 64496'] }],
    ['only a larger prefix is announced', { routes: ['192.0.0.0/16 64496'] }],
    ['nothing is announced', { routes: [] }],
  ])('gets none if %s', (_what, change) => {
    expect(messages({ ...change, added: [AS0] })).toEqual([])
  })
})

describe('the last ROA of an announcement', () => {
  const ROA = '192.0.2.0/24 => 64496'

  it.each([
    ['not found', [ROA], 'notFound'],
    ['invalid', [ROA, '192.0.0.0/16 => 64511'], 'invalidOrigin'],
  ])('leaves it %s, which a warning says', (_what, before, state) => {
    expect(messages({ routes: ['192.0.2.0/24 64496'], before, removed: [ROA] })).toEqual([
      `announcements that no ROA makes valid any more: 192.0.2.0/24 of AS64496 (${state})`,
    ])
  })

  it('is not the last if another authorises the same', () => {
    const change = { routes: ['192.0.2.0/24 64496'], before: [ROA, '192.0.0.0/16-24 => 64496'], removed: [ROA] }
    expect(messages(change)).toEqual([])
  })

  it('is of no matter where nothing is announced', () => {
    expect(messages({ routes: [], before: [ROA], removed: [ROA] })).toEqual([])
  })
})

it('names three of many, and twenty ROAs of a long list', () => {
  const routes = Array.from({ length: 25 }, (_, n) => `10.0.${n}.0/24 64496`)
  const before = routes.map((route) => route.replace(' ', ' => '))
  expect(messages({ routes, before, removed: before })).toEqual([
    'announcements that no ROA makes valid any more: 10.0.0.0/24 of AS64496 (notFound), 10.0.1.0/24 of AS64496 (notFound), 10.0.2.0/24 of AS64496 (notFound) and 22 more',
  ])
  const wide = messages({ routes, added: routes.map((route) => route.replace('/24 ', '/24-25 => ')) })
  expect(wide).toHaveLength(20)
  expect(wide.at(-1)).toMatch(/; and 5 more ROAs like this$/)
})
