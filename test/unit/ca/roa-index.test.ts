/** The held ROAs of a table and their objects: a changed table gives the same as a new one, and what the change did not touch is taken over. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Table } from '../../../src/core/base/record.js'
import type { Instant } from '../../../src/core/base/time.js'
import { changedRoas, differingTexts } from '../../../src/core/ca/products/roa-index.js'
import { type DesiredRoas, desiredRoas } from '../../../src/core/ca/products/roa-objects.js'
import type { RoaConfig } from '../../../src/core/ca/state/configured.js'
import { contentDigest } from '../../../src/core/issuing/stored.js'
import { trustedPrefix } from '../../../src/core/resources/prefix.js'
import { containsPrefix, parseResources } from '../../../src/core/resources/resource-set.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'

const SINCE = '2026-03-01T00:00:00Z' as Instant
const HELD = parseResources('10.0.0.0/20, 2001:db8::/32')
const LIMITS = { roaAggregateThreshold: 6, roaDeaggregateThreshold: 4 }

const config = (prefix: string, asn: number, comment: string | null = null): RoaConfig => ({
  ...{ asn, prefix, maxLength: Number(prefix.split('/')[1]), comment, since: SINCE },
})
const payload = ({ asn, prefix, maxLength }: RoaConfig) => ({ asn, prefix: trustedPrefix(prefix), maxLength })
const textOf = (own: RoaConfig): string => formatRoaPayload(payload(own))

/** Computes the objects from the table alone. */
function reference(roas: Table<RoaConfig>, aggregated: boolean) {
  const held = Object.values(roas)
    .map(payload)
    .filter(({ prefix }) => containsPrefix(HELD, prefix))
  const limit = aggregated ? held.length >= LIMITS.roaDeaggregateThreshold : held.length > LIMITS.roaAggregateThreshold
  const groups = new Map<string, ReturnType<typeof payload>[]>()
  for (const own of held) {
    const name = limit ? `AS${own.asn}.roa` : `${Buffer.from(formatRoaPayload(own)).toString('hex')}.roa`
    groups.set(name, [...(groups.get(name) ?? []), own])
  }
  const roa = ([name, payloads]: [string, ReturnType<typeof payload>[]]) => ({
    ...{ name, payloads, content: contentDigest(payloads.map(formatRoaPayload).sort()) },
  })
  return { aggregated: limit, roas: [...groups].map(roa) }
}

const plain = ({ aggregated, roas }: DesiredRoas) => ({
  ...{ aggregated, roas: roas.map(({ name, payloads, content }) => ({ name, payloads, content })) },
})

const anyConfig = fc
  .tuple(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 1, max: 3 }), fc.option(fc.constant('note')))
  .map(([net, asn, note]) => config(net === 19 ? '2001:db8::/48' : `10.0.${net}.0/24`, asn, note))
const step = fc.record({ add: fc.array(anyConfig, { maxLength: 4 }), remove: fc.array(anyConfig, { maxLength: 4 }) })

describe('any order of additions, removals and replacements', () => {
  test('gives the objects, names, order and digests of a table that is read anew', () => {
    fc.assert(
      fc.property(fc.array(anyConfig, { maxLength: 20 }), fc.array(step, { maxLength: 8 }), (first, steps) => {
        // a copy, as a snapshot is: the table from which the others are made
        let roas: Table<RoaConfig> = { ...changedRoas({}, first, []) }
        for (const { add, remove } of steps) {
          const before = roas
          roas = changedRoas(roas, add, remove.map(textOf))
          const texts = new Set([...Object.keys(before), ...Object.keys(roas)])
          expect([...differingTexts(before, roas)].sort()).toEqual(
            [...texts].filter((text) => before[text] !== roas[text]).sort(),
          )
          for (const aggregated of [true, false])
            expect(plain(desiredRoas(roas, HELD, aggregated, LIMITS))).toEqual(reference(roas, aggregated))
        }
        const { objectOf, roas: all } = desiredRoas(roas, HELD, false, LIMITS)
        for (const [text, own] of Object.entries(roas))
          expect(objectOf(text, own)).toBe(all.find(({ texts }) => texts.includes(text)))
      }),
      { numRuns: 200 },
    )
  })
})

describe('a change of one ROA in a large table', () => {
  const many = Array.from({ length: 1000 }, (_, n) => config(`10.0.${n >> 7}.${(n & 127) * 2}/31`, n % 50))
  /** Counts how often the prefix of a configured ROA is read. */
  let reads = 0
  const counted = many.map((own) => ({
    ...own,
    get prefix() {
      reads += 1
      return own.prefix
    },
  }))

  test('leaves the objects of every other AS as they are, and reads no other ROA again', () => {
    const before = changedRoas({}, counted, [])
    const old = desiredRoas(before, HELD, true, LIMITS).roas
    expect(reads).toBe(counted.length)
    const added = changedRoas(before, [config('10.0.15.0/24', 7)], [])
    const removed = changedRoas(added, [], [textOf(many[107] as RoaConfig)])
    const now = desiredRoas(removed, HELD, true, LIMITS).roas
    expect(now.filter((roa, n) => roa !== old[n]).map(({ name }) => name)).toEqual(['AS7.roa'])
    expect(now.find(({ asn }) => asn === 7)?.texts).toHaveLength(20)
    expect([...differingTexts(before, removed)]).toHaveLength(2)
    expect(reads).toBe(counted.length)
  })

  test('beside many others, the table is read anew', () => {
    const before = changedRoas({}, many, [])
    const other = Array.from({ length: 600 }, (_, n) => config(`10.0.${8 + (n >> 7)}.${(n & 127) * 2}/31`, n % 50))
    const after = changedRoas(before, other, [])
    expect(plain(desiredRoas(after, HELD, true, LIMITS))).toEqual(reference(after, true))
    expect(differingTexts(before, after).size).toBe(600)
  })
})
