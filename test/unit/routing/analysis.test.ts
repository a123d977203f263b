/** Analysis of ROAs by announcements: the states of both, beside those that Krill gives, and what is proposed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatPrefix, trustedPrefix } from '../../../src/core/resources/prefix.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { type AnalysisInput, analyse, MAX_LISTED } from '../../../src/core/routing/analysis.js'
import { minimalRoas } from '../../../src/core/routing/minimal.js'
import { suggest } from '../../../src/core/routing/suggestion.js'
import { peerDataDir } from '../../support/peers/validators.js'
import { ownRoa, roaOf, tablesOf } from '../../support/routing/routes.js'

const analysis = (input: Partial<AnalysisInput>) => analyse({ tables: [], roas: [], others: [], ...input }, () => true)

const suggestion = (routes: readonly string[], roas: readonly string[]) => {
  const tables = tablesOf(...routes)
  return suggest(analysis({ tables, roas: roas.map((roa) => ownRoa(roa)) }), tables)
}

const roaState = (roa: string, routes: readonly string[], ...more: readonly string[]): string | undefined =>
  analysis({ tables: tablesOf(...routes), roas: [roa, ...more].map((one) => ownRoa(one)) }).roas.find(
    ({ payload }) => formatRoaPayload(payload) === formatRoaPayload(roaOf(roa)),
  )?.state

describe('states of ROAs', () => {
  it.each([
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 1'], [], 'seen'],
    ['192.0.2.0/24 => 1', ['10.0.0.0/8 1'], [], 'unseen'],
    ['192.0.2.0/24 => 1', [], [], 'noData'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 2'], [], 'disallowing'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/25 1'], [], 'disallowing'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 1', '192.0.2.0/24 2'], [], 'seen'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 1'], ['192.0.0.0/16-24 => 1'], 'redundant'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 1'], ['192.0.2.0/24-25 => 1'], 'redundant'],
    ['192.0.2.0/24-25 => 1', ['192.0.2.0/24 1'], ['192.0.2.0/24 => 1'], 'tooPermissive'],
    ['192.0.2.0/24 => 1', ['192.0.2.0/24 1'], ['192.0.0.0/16-23 => 1'], 'seen'],
    ['192.0.2.0/24 => 0', ['192.0.2.0/24 1'], [], 'as0'],
    ['192.0.2.0/24 => 0', [], ['192.0.0.0/16 => 1'], 'as0Redundant'],
    ['192.0.2.0/24-32 => 0', [], ['192.0.2.0/24 => 1'], 'as0Redundant'],
    ['192.0.2.0/24 => 0', [], ['192.0.0.0/16 => 0'], 'as0'],
    ['192.0.2.0/24-25 => 1', ['192.0.2.0/24 1'], [], 'tooPermissive'],
    ['192.0.2.0/24-25 => 1', ['192.0.2.0/25 1', '192.0.2.128/25 1'], [], 'seen'],
    ['192.0.2.0/24-26 => 1', ['192.0.2.0/25 1', '192.0.2.128/25 1'], [], 'tooPermissive'],
  ])('%s with routes %j beside %j is %s', (roa, routes, more, state) => {
    expect(roaState(roa, routes, ...more)).toBe(state)
  })

  it('counts the prefixes that are not announced, unless they are meant', () => {
    const tables = tablesOf('192.0.2.0/24 1', '192.0.2.0/25 1')
    const [wide] = analysis({ tables, roas: [ownRoa('192.0.2.0/24-26 => 1')] }).roas
    expect(wide).toMatchObject({ state: 'tooPermissive', unannounced: 5, authorises: 2, disallows: 0 })
    const [meant] = analysis({ tables, roas: [ownRoa('192.0.2.0/24-26 => 1', { permissive: true })] }).roas
    expect(meant).toMatchObject({ state: 'seen', unannounced: 0 })
  })

  it('lets a ROA that is not held make nothing valid', () => {
    const { counts, roas } = analysis({
      tables: tablesOf('192.0.2.0/24 1'),
      roas: [ownRoa('192.0.2.0/24 => 1', { held: false })],
    })
    expect(counts).toMatchObject({ notFound: 1, valid: 0 })
    expect(roas[0]?.state).toBe('notHeld')
  })

  it('lets VRPs of others decide too', () => {
    const tables = tablesOf('192.0.2.0/24 1', '192.0.2.0/24 2')
    const roas = [ownRoa('192.0.2.0/24 => 1')]
    expect(analysis({ tables, roas }).counts).toMatchObject({ valid: 1, invalidOrigin: 1 })
    const both = analysis({ tables, roas, others: [roaOf('192.0.2.0/24 => 2')] })
    expect(both.counts).toMatchObject({ valid: 2, invalidOrigin: 0 })
    expect(both.roas[0]).toMatchObject({ authorises: 1, disallows: 0 })
  })
})

describe('minimalRoas', () => {
  const minimal = (...prefixes: readonly string[]): readonly string[] =>
    minimalRoas(1, prefixes.map(trustedPrefix)).map((payload) => formatRoaPayload(payload).replace(' => 1', ''))

  it.each([
    [['192.0.2.0/24'], ['192.0.2.0/24-24']],
    [
      ['192.0.2.0/24', '192.0.2.0/25'],
      ['192.0.2.0/24-24', '192.0.2.0/25-25'],
    ],
    [['192.0.2.0/24', '192.0.2.0/25', '192.0.2.128/25'], ['192.0.2.0/24-25']],
    [
      ['192.0.2.0/25', '192.0.2.128/25'],
      ['192.0.2.0/25-25', '192.0.2.128/25-25'],
    ],
    [
      ['192.0.2.0/24', '192.0.2.0/25', '192.0.2.128/25', '192.0.2.0/26'],
      ['192.0.2.0/24-25', '192.0.2.0/26-26'],
    ],
    [
      ['10.0.0.0/8', '192.0.2.0/24', '192.0.2.0/24'],
      ['10.0.0.0/8-8', '192.0.2.0/24-24'],
    ],
    [['2001:db8::/32', '2001:db8::/33', '2001:db8:8000::/33'], ['2001:db8::/32-33']],
    [['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1'], ['0.0.0.0/0-1']],
    [[], []],
  ])('of %j are %j', (prefixes, expected) => {
    expect(minimal(...prefixes)).toEqual(expected)
  })

  it('authorise what is announced, and nothing else', () => {
    const all = [
      '10.0.0.0/22',
      '10.0.0.0/23',
      '10.0.2.0/23',
      '10.0.0.0/24',
      '10.0.1.0/24',
      '10.0.2.0/24',
      '10.0.3.0/24',
    ]
    for (let chosen = 0; chosen < 2 ** all.length; chosen++) {
      const announced = all.filter((_, bit) => (chosen >> bit) % 2 === 1)
      const roas = minimalRoas(1, announced.map(trustedPrefix)).map((payload) => ownRoa(formatRoaPayload(payload)))
      const { routes, roas: states } = analysis({ tables: tablesOf(...all.map((one) => `${one} 1`)), roas })
      const valid = routes.filter(({ state }) => state === 'valid').map(({ prefix }) => formatPrefix(prefix))
      expect(valid.toSorted()).toEqual(announced.toSorted())
      expect(states.filter(({ state }) => state === 'redundant')).toEqual([])
    }
  })
})

describe('the list of routes', () => {
  it('is bounded, and what is beyond is counted', () => {
    const many = Array.from({ length: MAX_LISTED + 2 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32 1`)
    const { routes, unlisted, counts } = analysis({ tables: tablesOf(...many) })
    expect([routes.length, unlisted, counts.notFound]).toEqual([MAX_LISTED, 2, MAX_LISTED + 2])
  })
})

describe('suggest', () => {
  it('adds what no ROA covers and what is too specific, and leaves other origins to people', () => {
    const routes = ['192.0.2.0/24 1', '192.0.2.0/25 1', '192.0.2.0/24 9', '198.51.100.0/24 2', '203.0.113.0/24 0']
    const proposal = suggestion(routes, ['192.0.2.0/24 => 1', '10.0.0.0/8 => 5'])
    expect(proposal.add.map(formatRoaPayload)).toEqual(['192.0.2.0/25-25 => 1', '198.51.100.0/24-24 => 2'])
    expect(proposal.otherOrigins.map(({ origin }) => origin)).toEqual([9])
    expect(proposal.unused.map(formatRoaPayload)).toEqual(['10.0.0.0/8-8 => 5'])
    expect(proposal.remove).toEqual([])
  })

  it('replaces what is too wide by what is announced under it, up to maxLength, in its family', () => {
    const routes = [
      '192.0.2.0/24 1',
      '192.0.2.0/25 1',
      '192.0.2.0/27 1',
      '192.0.0.0/16 1',
      '192.0.3.0/24 1',
      'c000:200::/32 1',
    ]
    const { replace } = suggestion(routes, ['192.0.2.0/24-26 => 1'])
    expect(replace.map(({ minimal }) => minimal.map(formatRoaPayload))).toEqual([
      ['192.0.2.0/24-24 => 1', '192.0.2.0/25-25 => 1'],
    ])
  })
})

const krill = join(peerDataDir, 'krill', 'bgp')
const isHere = existsSync(krill)
if (!isHere) process.stderr.write('analysis: the expected reports of Krill are not here, two tests skip\n')

interface KrillRow {
  readonly asn: number
  readonly prefix: string
  readonly max_length?: number
  readonly state: string
}

describe.skipIf(!isHere)('beside the reports of Krill', () => {
  const read = (name: string) => JSON.parse(readFileSync(join(krill, name), 'utf8'))
  const roaText = (row: KrillRow): string =>
    formatRoaPayload(roaOf(`${row.prefix}${row.max_length === undefined ? '' : `-${row.max_length}`} => ${row.asn}`))

  it('the states are the same', () => {
    const rows: readonly KrillRow[] = isHere ? read('expected_full_report.json') : []
    const [roaRows, routeRows] = [
      rows.filter(({ state }) => state.startsWith('roa_')),
      rows.filter(({ state }) => state.startsWith('announcement_')),
    ]
    const names: Readonly<Record<string, string>> = {
      announcement_invalid_asn: 'invalidOrigin',
      roa_as0: 'as0',
      roa_as0_redundant: 'as0Redundant',
    }
    const ours = (state: string): string =>
      names[state] ?? state.replace(/^[a-z]+_/, '').replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const { routes, roas } = analysis({
      tables: tablesOf(...routeRows.map(({ prefix, asn }) => `${prefix} ${asn}`)),
      roas: roaRows.map((row) => ownRoa(roaText(row), { held: row.state !== 'roa_not_held' })),
    })
    const states = new Map(roas.map(({ payload, state }) => [formatRoaPayload(payload), state]))
    expect(roaRows.length).toBeGreaterThan(5)
    for (const row of roaRows) expect([roaText(row), states.get(roaText(row))]).toEqual([roaText(row), ours(row.state)])
    const byRoute = new Map(routes.map((r) => [`${formatPrefix(r.prefix)} ${r.origin}`, r.state]))
    for (const { prefix, asn, state } of routeRows) expect(byRoute.get(`${prefix} ${asn}`)).toBe(ours(state))
  })

  it('the proposal has the same groups', () => {
    const expected = read('expected_suggestion_all_roas.json')
    const routes: readonly KrillRow[] = read('expected_full_report.json')
    const announced = routes.filter(({ state }) => state.startsWith('announcement_'))
    const current: readonly KrillRow[] = [
      ...expected.stale,
      ...expected.keep,
      ...expected.redundant,
      ...expected.as0_redundant,
      ...expected.too_permissive.map((one: { readonly current: KrillRow }) => one.current),
    ]
    const proposal = suggestion(
      announced.map(({ prefix, asn }) => `${prefix} ${asn}`),
      current.map(roaText),
    )
    const texts = (rows: readonly KrillRow[]): readonly string[] => rows.map(roaText).toSorted()
    expect(proposal.unused.map(formatRoaPayload).toSorted()).toEqual(texts(expected.stale))
    expect(proposal.remove.map(formatRoaPayload).toSorted()).toEqual(
      texts([...expected.redundant, ...expected.as0_redundant]),
    )
    expect(proposal.add.map(formatRoaPayload).toSorted()).toEqual(
      texts([...expected.not_found, ...expected.invalid_length]),
    )
    expect(proposal.replace.flatMap(({ minimal }) => minimal.map(formatRoaPayload))).toEqual(
      texts(expected.too_permissive.flatMap((one: { readonly new: readonly KrillRow[] }) => one.new)),
    )
  })
})
