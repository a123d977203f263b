/** Resource algebra against sets of single numbers, and texts against themselves. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, maxAddress, parseAddress } from '../../src/core/resources/address.js'
import {
  formatPrefix,
  parsePrefix,
  prefixCovers,
  prefixRange,
  rangeToPrefix,
  rangeToPrefixes,
} from '../../src/core/resources/prefix.js'
import {
  containsAsn,
  containsPrefix,
  containsSet,
  difference,
  equalSets,
  formatResources,
  fromResourceText,
  intersection,
  isCanonicalSet,
  isEmpty,
  parseResources,
  resourceSet,
  toResourceText,
  union,
} from '../../src/core/resources/resource-set.js'
import { formatRoaPayload, fromRoaKey, parseRoaPayload, roaFileName } from '../../src/core/resources/roa-payload.js'
import type { Family, IpRange, Prefix, ResourceSet } from '../../src/core/resources/types.js'

const WIDTH = 64
const V4_BASE = maxAddress(4) - BigInt(WIDTH - 1)
const V6_BASE = maxAddress(6) - BigInt(WIDTH - 1)
const ASN_BASE = 2 ** 32 - WIDTH

/** Members near the top of each space, where a carry would show: three sets of offsets 0 to 63. */
interface Model {
  readonly asn: ReadonlySet<number>
  readonly ipv4: ReadonlySet<number>
  readonly ipv6: ReadonlySet<number>
}

const offsets = fc
  .array(fc.tuple(fc.nat(WIDTH - 1), fc.nat(10)), { maxLength: 8 })
  .map((pairs) => pairs.map(([min, span]) => ({ min, max: Math.min(WIDTH - 1, min + span) })))
const subject = fc.record({ asn: offsets, ipv4: offsets, ipv6: offsets }).map((parts) => {
  const members = (ranges: readonly { min: number; max: number }[]): Set<number> =>
    new Set(ranges.flatMap(({ min, max }) => Array.from({ length: max - min + 1 }, (_, i) => min + i)))
  const shift = (base: bigint, ranges: readonly { min: number; max: number }[]): IpRange[] =>
    ranges.map(({ min, max }) => ({ min: base + BigInt(min), max: base + BigInt(max) }))
  const model: Model = { asn: members(parts.asn), ipv4: members(parts.ipv4), ipv6: members(parts.ipv6) }
  const set = resourceSet({
    asn: parts.asn.map(({ min, max }) => ({ min: ASN_BASE + min, max: ASN_BASE + max })),
    ipv4: shift(V4_BASE, parts.ipv4),
    ipv6: shift(V6_BASE, parts.ipv6),
  })
  return { model, set }
})

/** The members of a set, read range by range. */
function modelOf(set: ResourceSet): Model {
  const members = <T extends number | bigint>(ranges: readonly { min: T; max: T }[], base: T): Set<number> =>
    new Set(
      ranges.flatMap(({ min, max }) => {
        const from = Number(min - base)
        return Array.from({ length: Number(max - base) - from + 1 }, (_, i) => from + i)
      }),
    )
  return { asn: members(set.asn, ASN_BASE), ipv4: members(set.ipv4, V4_BASE), ipv6: members(set.ipv6, V6_BASE) }
}

function combine(a: Model, b: Model, keep: (inA: boolean, inB: boolean) => boolean): Model {
  const pick = (x: ReadonlySet<number>, y: ReadonlySet<number>): Set<number> =>
    new Set(Array.from({ length: WIDTH }, (_, i) => i).filter((i) => keep(x.has(i), y.has(i))))
  return { asn: pick(a.asn, b.asn), ipv4: pick(a.ipv4, b.ipv4), ipv6: pick(a.ipv6, b.ipv6) }
}

const size = (model: Model): number => model.asn.size + model.ipv4.size + model.ipv6.size

const prefix: fc.Arbitrary<Prefix> = fc.constantFrom<Family>(4, 6).chain((family) => {
  const bits = family === 4 ? 32 : 128
  return fc.record({ address: fc.bigInt({ min: 0n, max: maxAddress(family) }), length: fc.nat(bits) }).map((p) => {
    const host = BigInt(bits - p.length)
    return { family, address: (p.address >> host) << host, length: p.length }
  })
})
const range = fc.constantFrom<Family>(4, 6).chain((family) => {
  const near = fc.bigInt({ min: 0n, max: 300n })
  const address = fc.oneof(
    fc.bigInt({ min: 0n, max: maxAddress(family) }),
    near,
    near.map((n) => maxAddress(family) - n),
  )
  return fc.tuple(address, address).map(([a, b]) => ({ family, min: a < b ? a : b, max: a < b ? b : a }))
})

describe('the algebra agrees with sets of single members', () => {
  it('for union, intersection and difference, and every result is canonical', () => {
    fc.assert(
      fc.property(subject, subject, (a, b) => {
        expect(modelOf(a.set)).toEqual(a.model)
        const results = [
          [union(a.set, b.set), combine(a.model, b.model, (x, y) => x || y)],
          [intersection(a.set, b.set), combine(a.model, b.model, (x, y) => x && y)],
          [difference(a.set, b.set), combine(a.model, b.model, (x, y) => x && !y)],
        ] as const
        for (const [set, model] of results) {
          expect(modelOf(set)).toEqual(model)
          expect(isCanonicalSet(set)).toBe(true)
          expect(isEmpty(set)).toBe(size(model) === 0)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('for containment and equality', () => {
    fc.assert(
      fc.property(subject, subject, (a, b) => {
        const missing = size(combine(a.model, b.model, (x, y) => y && !x))
        const extra = size(combine(a.model, b.model, (x, y) => x && !y))
        expect(containsSet(a.set, b.set)).toBe(missing === 0)
        expect(equalSets(a.set, b.set)).toBe(missing + extra === 0)
        expect(containsSet(a.set, intersection(a.set, b.set))).toBe(true)
        expect(containsSet(union(a.set, b.set), b.set)).toBe(true)
        expect(equalSets(a.set, union(difference(a.set, b.set), intersection(a.set, b.set)))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('for a single AS number and a single prefix', () => {
    fc.assert(
      fc.property(subject, fc.nat(WIDTH - 1), fc.nat(6), ({ model, set }, at, hostBits) => {
        expect(containsAsn(set, ASN_BASE + at)).toBe(model.asn.has(at))
        const start = (at >> hostBits) << hostBits
        const all = (members: ReadonlySet<number>): boolean =>
          Array.from({ length: 1 << hostBits }, (_, i) => start + i).every((i) => members.has(i))
        const v4: Prefix = { family: 4, address: V4_BASE + BigInt(start), length: 32 - hostBits }
        const v6: Prefix = { family: 6, address: V6_BASE + BigInt(start), length: 128 - hostBits }
        expect(containsPrefix(set, v4)).toBe(all(model.ipv4))
        expect(containsPrefix(set, v6)).toBe(all(model.ipv6))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('texts', () => {
  it('of a set read back, stored and shown, and one set has one text', () => {
    fc.assert(
      fc.property(subject, ({ set }) => {
        expect(fromResourceText(toResourceText(set))).toEqual(set)
        expect(parseResources(formatResources(set))).toEqual(set)
      }),
    )
  })

  it('of an address read back, in any accepted spelling', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const parsed = parseAddress(text)
        // the platform's own RFC 5952 writer
        const platform = new URL(`http://[${text}]/`).hostname.slice(1, -1)
        const refused = text.includes('.')
        expect(parsed && formatAddress(parsed.address, 6)).toBe(refused ? undefined : platform)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const parsed = parseAddress(text)
        expect(parsed && formatAddress(parsed.address, 4)).toBe(text)
      }),
    )
  })

  it('of a prefix and of a ROA read back', () => {
    fc.assert(
      fc.property(prefix, fc.nat(128), fc.nat(2 ** 32 - 1), fc.boolean(), (p, more, asn, as) => {
        expect(parsePrefix(formatPrefix(p))).toEqual({ ok: p })
        const maxLength = Math.min(p.length + more, p.family === 4 ? 32 : 128)
        const payload = { asn, prefix: p, maxLength }
        expect(fromRoaKey(formatRoaPayload(payload))).toEqual(payload)
        const typed = `${formatPrefix(p)}-${maxLength}=${as ? 'AS' : ''}${asn}`
        expect(parseRoaPayload(typed)).toEqual({ ok: { payload } })
        expect(Buffer.from(roaFileName(payload).replace('.roa', ''), 'hex').toString()).toBe(formatRoaPayload(payload))
      }),
    )
  })

  it('of no sense are refused or read as themselves, never a crash', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'AS0129af.:/-,#=> \t\n'), maxLength: 30 })
    fc.assert(
      fc.property(noise, (text) => {
        const parsed = parsePrefix(text)
        if ('ok' in parsed) expect(parsePrefix(formatPrefix(parsed.ok))).toEqual(parsed)
        const roa = parseRoaPayload(text)
        if ('ok' in roa) expect(fromRoaKey(formatRoaPayload(roa.ok.payload))).toEqual(roa.ok.payload)
        try {
          const set = parseResources(text)
          expect(parseResources(formatResources(set))).toEqual(set)
        } catch (error) {
          expect(error).toMatchObject({ code: 'resources-invalid' })
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('prefixes of a range', () => {
  it('cover it exactly, in order, and none joins its neighbour', () => {
    fc.assert(
      fc.property(range, ({ family, min, max }) => {
        const prefixes = rangeToPrefixes({ min, max }, family)
        let next = min
        for (const p of prefixes) {
          const { min: first, max: last } = prefixRange(p)
          expect(first).toBe(next)
          next = last + 1n
        }
        expect(next).toBe(max + 1n)
        for (const [i, p] of prefixes.entries()) {
          const before = prefixes[i - 1]
          const joined = before && rangeToPrefix({ min: before.address, max: prefixRange(p).max }, family)
          expect(joined).toBeUndefined()
        }
        expect(rangeToPrefix({ min, max }, family)).toEqual(prefixes.length === 1 ? prefixes[0] : undefined)
      }),
      { numRuns: 500 },
    )
  })

  it('a prefix covers another exactly when its range does', () => {
    fc.assert(
      fc.property(prefix, prefix, fc.nat(128), (a, b, revision) => {
        const host = BigInt((b.family === 4 ? 32 : 128) - Math.min(revision, b.length))
        const parent = { family: b.family, address: (b.address >> host) << host, length: Math.min(revision, b.length) }
        expect(prefixCovers(parent, b)).toBe(true)
        const [ra, rb] = [prefixRange(a), prefixRange(b)]
        expect(prefixCovers(a, b)).toBe(a.family === b.family && ra.min <= rb.min && rb.max <= ra.max)
      }),
    )
  })
})
