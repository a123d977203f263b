/** ROA contents: octets as asn1js reads them, the strict decoder, the profile. */
import type { BitString, Integer, OctetString } from 'asn1js'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { toHex } from '../../../src/core/base/bytes.js'
import {
  checkRoaContent,
  decodeRoa,
  encodeRoa,
  type RoaAddress,
  type RoaContent,
  roaResources,
} from '../../../src/core/rpki/roa.js'
import { members, readAsn1 } from '../../support/rpki/independent-reader.js'
import { survivors } from '../../support/rpki/mutants.js'
import { roaContent } from '../../support/rpki/objects.js'

const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
const range4 = (min: string, max: string) => ({ min: v4(min), max: v4(max) })
const ROA: RoaContent = { asn: 64496, addresses: [{ family: 4, address: v4('192.0.2.0'), length: 24, maxLength: 26 }] }

const rules = (findings: readonly { readonly rule: string }[]): readonly string[] => findings.map((f) => f.rule)

describe('encodeRoa', () => {
  /** `4 c0000200/24-26`, absent maxLength left out. */
  const read = (eContent: Uint8Array): readonly string[] => {
    const [, families] = members(readAsn1(eContent))
    return members(families).flatMap((block) => {
      const [afi, list] = members(block)
      const family = toHex((afi as OctetString).valueBlock.valueHexView) === '0001' ? 4 : 6
      return members(list).map((entry) => {
        const [prefix, most] = members(entry)
        const { valueHexView, unusedBits } = (prefix as BitString).valueBlock
        const length = valueHexView.length * 8 - unusedBits
        const suffix = most === undefined ? '' : `-${(most as Integer).valueBlock.valueDec}`
        return `${family} ${toHex(valueHexView)}/${length}${suffix}`
      })
    })
  }

  test('v4 before v6, sorted, each once, maxLength only when it says something', () => {
    const v6 = 0x20010db8n << 96n
    const addresses: readonly RoaAddress[] = [
      { family: 6, address: v6, length: 32, maxLength: 48 },
      { family: 6, address: 0n, length: 0 },
      { family: 4, address: v4('192.0.2.0'), length: 25 },
      { family: 4, address: v4('192.0.2.0'), length: 24, maxLength: 26 },
      { family: 4, address: v4('192.0.2.0'), length: 24, maxLength: 24 },
      { family: 4, address: v4('10.0.0.0'), length: 9 },
      { family: 4, address: v4('192.0.2.0'), length: 24 },
    ]
    const eContent = encodeRoa({ asn: 0xffffffff, addresses })
    expect(read(eContent)).toEqual([
      '4 0a00/9',
      '4 c00002/24',
      '4 c00002/24-26',
      '4 c0000200/25',
      '6 /0',
      '6 20010db8/32-48',
    ])
    expect((members(readAsn1(eContent))[0] as Integer).toBigInt()).toBe(0xffffffffn)
  })

  test('the same addresses in any order, with and without repeats, give the same octets', () => {
    const entry = fc.record({
      length: fc.integer({ min: 0, max: 32 }),
      bits: fc.integer({ min: 0, max: 0xffffffff }),
      more: fc.integer({ min: 0, max: 3 }),
    })
    const address = entry.map(({ length, bits, more }): RoaAddress => {
      const host = (1n << BigInt(32 - length)) - 1n
      return { family: 4, address: BigInt(bits) & ~host & 0xffffffffn, length, maxLength: Math.min(32, length + more) }
    })
    fc.assert(
      fc.property(
        fc.array(address, { minLength: 1, maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (addresses, ranks) => {
          const shuffled = [...addresses, ...addresses]
            .map((a) => [ranks.next().value, a] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, a]) => a)
          const once = encodeRoa({ asn: 1, addresses })
          expect(toHex(encodeRoa({ asn: 1, addresses: shuffled }))).toBe(toHex(once))
          expect(new Set(read(once)).size).toBe(read(once).length)
        },
      ),
    )
  })

  test.each<[string, Partial<RoaAddress>]>([
    ['host bits', { address: v4('192.0.2.1') }],
    ['a length of 33', { length: 33, maxLength: 33 }],
    ['a negative length', { length: -1 }],
    ['a maxLength below the length', { maxLength: 23 }],
    ['a maxLength of 33', { maxLength: 33 }],
    ['half a bit', { maxLength: 24.5 }],
    ['33 bits of address', { address: 1n << 32n }],
    ['a negative address', { address: -256n }],
  ])('%s is a TypeError', (_, change) => {
    const [first] = ROA.addresses
    expect(() => encodeRoa({ asn: 1, addresses: [{ ...first!, ...change }] })).toThrow(TypeError)
  })

  test.each([-1, 2 ** 32, 1.5, Number.NaN])('AS%d is a TypeError', (asn) => {
    expect(() => encodeRoa({ ...ROA, asn })).toThrow(TypeError)
  })

  test('no addresses are a TypeError', () => expect(() => encodeRoa({ asn: 1, addresses: [] })).toThrow(TypeError))
})

describe('decodeRoa', () => {
  it('reads back a ROA of both families', () => {
    const addresses = [
      { family: 4, address: 0n, length: 0 },
      { family: 4, address: 0x0a000000n, length: 24, maxLength: 26 },
      { family: 6, address: 0x20010db8n << 96n, length: 33, maxLength: 48 },
    ] as const
    expect(decodeRoa(encodeRoa({ asn: 0, addresses }))).toEqual({ content: { asn: 0, addresses }, findings: [] })
  })

  it('has a finding about every element that is changed', () => {
    expect(survivors(roaContent(), decodeRoa)).toEqual([])
  })
})

describe('checkRoaContent', () => {
  it('takes a ROA in any order and refuses one that is out of range', () => {
    const address = { family: 4, address: 0x0a000000n, length: 24 } as const
    expect(checkRoaContent({ asn: 1, addresses: [{ ...address, address: 0x0b000000n }, address, address] })).toEqual([])
    expect(
      rules(
        checkRoaContent({
          asn: -1,
          addresses: [
            { ...address, maxLength: 23 },
            { ...address, address: 1n },
          ],
        }),
      ),
    ).toEqual(['RFC 9582 section 4.2', 'RFC 9582 section 4.3.2.2', 'RFC 9582 section 4.3.2.1'])
  })
})

describe('roaResources', () => {
  test('a ROA has exactly its addresses, joined, and no AS numbers', () => {
    const addresses = [
      { family: 4, address: v4('192.0.2.128'), length: 25 },
      { family: 4, address: v4('192.0.2.0'), length: 25, maxLength: 26 },
      { family: 4, address: v4('192.0.2.16'), length: 28 },
      { family: 4, address: v4('198.51.100.0'), length: 24 },
      { family: 6, address: 0x20010db8n << 96n, length: 32 },
    ] as const
    expect(roaResources({ asn: 64496, addresses })).toEqual({
      ipv4: [range4('192.0.2.0', '192.0.2.255'), range4('198.51.100.0', '198.51.100.255')],
      ipv6: [{ min: 0x20010db8n << 96n, max: (0x20010db9n << 96n) - 1n }],
    })
  })
})
