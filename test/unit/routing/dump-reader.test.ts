/** Dumps of announcements: the three formats, what is counted and skipped, and pieces of any size. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPrefix } from '../../../src/core/resources/prefix.js'
import { ALL_RESOURCES } from '../../../src/core/resources/resource-set.js'
import { fromResourceText } from '../../../src/core/resources/resource-text.js'
import type { ResourceSet, ResourceText } from '../../../src/core/resources/types.js'
import { type Announcements, routeAt } from '../../../src/core/routing/announcements.js'
import { type Dump, DumpReader } from '../../../src/core/routing/dump-reader.js'
import { dumpOf } from '../../support/routing/routes.js'

const rows = (table: Announcements): readonly string[] =>
  Array.from({ length: table.count }, (_, at) => {
    const { prefix, origin, peers } = routeAt(table, at)
    return `${formatPrefix(prefix)} ${origin} ${peers ?? '-'}`
  })
const all = ({ ipv4, ipv6 }: Dump): readonly string[] => [...rows(ipv4), ...rows(ipv6)]
const resources = (text: Partial<ResourceText>): ResourceSet =>
  fromResourceText({ asn: '', ipv4: '', ipv6: '', ...text })

describe('the formats', () => {
  it.each([
    ['RIS whois', '64496\t192.0.2.0/24\t312', ['192.0.2.0/24 64496 312']],
    ['RIS whois, IPv6', '64496\t2001:db8::/32\t5', ['2001:db8::/32 64496 5']],
    ['more peers than a column holds', '64496\t192.0.2.0/24\t70000', ['192.0.2.0/24 64496 65534']],
    ['pfx2as', '192.0.2.0\t24\t64496', ['192.0.2.0/24 64496 -']],
    ['pfx2as, several origins', '192.0.2.0\t24\t64497_64496', ['192.0.2.0/24 64496 -', '192.0.2.0/24 64497 -']],
    ['pfx2as, an origin and an AS set', '192.0.2.0\t24\t64497_1,2', ['192.0.2.0/24 64497 -']],
    ['CSV', '64496,192.0.2.0/24', ['192.0.2.0/24 64496 -']],
    ['CSV, AS in front, spaces', ' AS64496 , 192.0.2.0/24 ', ['192.0.2.0/24 64496 -']],
    ['CSV, prefix first', '192.0.2.0/24,AS64496', ['192.0.2.0/24 64496 -']],
    ['spaces', 'AS64496  192.0.2.0/24', ['192.0.2.0/24 64496 -']],
    ['CRLF', '64496\t192.0.2.0/24\t312\r', ['192.0.2.0/24 64496 312']],
    ['the whole of both families', '1\t0.0.0.0/0\t9\n1\t::/0\t9', ['0.0.0.0/0 1 9', '::/0 1 9']],
    ['one address', '1\t255.255.255.255/32\t9\n1\t::1/128\t9', ['255.255.255.255/32 1 9', '::1/128 1 9']],
  ])('reads %s', (_, text, expected) => {
    expect(all(dumpOf(text))).toEqual(expected)
  })

  it.each([
    ['%comment', {}],
    ['# comment', {}],
    ['', {}],
    ['asn,prefix', {}],
    ['{64496,64497}\t192.0.2.0/24\t12', { asSets: 1 }],
    ['192.0.2.0\t24\t64496,64497', { asSets: 1 }],
    ['64496\t192.0.2.1/24\t12', { hostBits: 1 }],
    ['64496\t2001:db8::1/32\t12', { hostBits: 1 }],
    ['192.0.2.1\t24\t64496', { hostBits: 1 }],
    ['garbage', { unreadable: 1 }],
    ['64496\t192.0.2.0/33\t12', { unreadable: 1 }],
    ['64496\t192.0.2/24\t12', { unreadable: 1 }],
    ['64496\t192.0.02.0/24\t12', { unreadable: 1 }],
    ['64496\t192.0.2.256/24\t12', { unreadable: 1 }],
    ['64496\t192.0.2.0\t12', { unreadable: 1 }],
    ['4294967296\t192.0.2.0/24\t12', { unreadable: 1 }],
    ['-1\t192.0.2.0/24\t12', { unreadable: 1 }],
    ['64496\t192.0.2.0/24\tmany', { unreadable: 1 }],
    ['64496\t192.0.2.0/24\t1\t2\t3\t4', { unreadable: 1 }],
    ['64496\t::ffff:192.0.2.0/120\t12', { unreadable: 1 }],
    ['\u0000\u0001\u0002', { unreadable: 1 }],
  ])('counts %j and makes no row of it', (text, counts) => {
    const dump = dumpOf(text)
    expect(all(dump)).toEqual([])
    expect(dump.counts).toMatchObject({ routes: 0, asSets: 0, hostBits: 0, unreadable: 0, ...counts })
  })

  it('shows the first unreadable lines with their numbers, without control characters', () => {
    const { counts } = dumpOf('64496\t192.0.2.0/24\t9\n\u001b[2Jx y\nb c\nd e\nf g\n')
    expect(counts.unreadable).toBe(4)
    expect(counts.examples).toEqual([
      { line: 2, text: '\\u001b[2Jx y' },
      { line: 3, text: 'b c' },
      { line: 4, text: 'd e' },
    ])
  })

  it('does not keep a line of a hundred megabytes in memory', () => {
    const reader = new DumpReader({ scope: ALL_RESOURCES, minPeers: 0 })
    const piece = Buffer.alloc(1_000_000, '1')
    for (let n = 0; n < 100; n++) reader.push(piece)
    reader.push(Buffer.from('\n64496,192.0.2.0/24'))
    reader.endFile()
    expect(all(reader.dump())).toEqual(['192.0.2.0/24 64496 -'])
    expect(reader.dump().counts.unreadable).toBe(1)
  })
})

describe('the rows', () => {
  it('come in the order of prefixes and origins, each once, with the larger number of peers', () => {
    const text = [
      '64500\t192.0.2.0/24\t3',
      '64496\t192.0.2.0/25\t3',
      '64496\t192.0.2.0/24\t3',
      '64496\t192.0.2.0/24\t8',
      '64496\t10.0.0.0/8\t3',
      '64496\t2001:db8::/48\t3',
      '64496\t2001:db8::/32\t3',
      '64496\t2001:db7::/32\t3',
    ].join('\n')
    expect(all(dumpOf(text))).toEqual([
      '10.0.0.0/8 64496 3',
      '192.0.2.0/24 64496 8',
      '192.0.2.0/24 64500 3',
      '192.0.2.0/25 64496 3',
      '2001:db7::/32 64496 3',
      '2001:db8::/32 64496 3',
      '2001:db8::/48 64496 3',
    ])
  })

  it('are those within the scope, and counted there if few peers see them', () => {
    const scope = resources({ ipv4: '192.0.2.0/24, 198.51.100.0/25', ipv6: '2001:db8::/32' })
    const text = [
      '1\t192.0.2.0/24\t13',
      '2\t192.0.2.128/25\t12',
      '3\t192.0.0.0/16\t99',
      '4\t198.51.100.128/25\t99',
      '5\t2001:db8:1::/48\t99',
      '6\t2001:db9::/32\t9',
    ].join('\n')
    const dump = dumpOf(text, { scope, minPeers: 13 })
    expect(all(dump)).toEqual(['192.0.2.0/24 1 13', '2001:db8:1::/48 5 99'])
    expect(dump.counts).toMatchObject({ routes: 6, fewPeers: 1 })
  })

  it('take routes without a number of peers at any threshold', () => {
    expect(all(dumpOf('64496,192.0.2.0/24', { minPeers: 99 }))).toEqual(['192.0.2.0/24 64496 -'])
  })

  it('are the same in pieces of any size', () => {
    const text = Buffer.from(
      '%c\n64496\t192.0.2.0/24\t3\n\n64497,10.0.0.0/8\r\n192.0.2.0\t24\t5_6\n{1}\t10.0.0.0/8\t3\nx\n7\t::/0\t3',
    )
    const whole = dumpOf(text.toString())
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }), (sizes) => {
        const reader = new DumpReader({ scope: ALL_RESOURCES, minPeers: 0 })
        let at = 0
        for (const size of sizes) {
          reader.push(text.subarray(at, at + size))
          at += size
        }
        reader.push(text.subarray(at))
        reader.endFile()
        expect(reader.dump()).toEqual(whole)
      }),
    )
  })

  it('are sorted as by a comparison, in thousands', () => {
    const route = fc.record({
      address: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      length: fc.integer({ min: 0, max: 32 }),
      origin: fc.integer({ min: 0, max: 5 }),
    })
    fc.assert(
      fc.property(fc.array(route, { maxLength: 3000 }), (routes) => {
        const network = (address: number, length: number): number => address - (address % 2 ** (32 - length))
        const values = routes.map((r) => ({ ...r, address: network(r.address, r.length) }))
        const dotted = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')
        const dump = dumpOf(values.map((r) => `${r.origin}\t${dotted(r.address)}/${r.length}\t1`).join('\n'))
        const keys = [...new Set(values.map((r) => `${r.address} ${r.length} ${r.origin}`))]
        const sorted = keys
          .map((key) => key.split(' ').map(Number))
          .toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0))
        const { ipv4 } = dump
        expect(sorted.map((_, at) => [ipv4.addresses[at], ipv4.lengths[at], ipv4.origins[at]])).toEqual(sorted)
        expect(ipv4.count).toBe(sorted.length)
      }),
      { numRuns: 20 },
    )
  })
})
