/** RFC 3779 extensions: octets worked out by hand, and round trips through an independent reader. */
import type { BitString, Integer } from 'asn1js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../../src/core/base/bytes.js'
import { encode } from '../../../../src/core/der/writer.js'
import { asIdentifiers, certificateResources, ipAddrBlocks } from '../../../../src/core/rpki/x509/encode-resources.js'
import type { CertificateResources } from '../../../../src/core/rpki/x509/types.js'
import { members, readAsn1 } from '../../../support/rpki/independent-reader.js'

const ip = (resources: CertificateResources): string => toHex(encode(ipAddrBlocks(resources)!))
const as = (resources: CertificateResources): string => toHex(encode(asIdentifiers(resources)!))
const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
const range4 = (min: string, max: string) => ({ min: v4(min), max: v4(max) })

test('RFC 3779 section 2.2.3: v4 prefixes, a range that is none, v6 inherited', () => {
  const ipv4 = [
    range4('10.0.32.0', '10.0.47.255'),
    range4('10.0.64.0', '10.0.64.255'),
    range4('10.1.0.0', '10.1.255.255'),
    range4('10.2.48.0', '10.2.64.255'),
    range4('10.3.0.0', '10.3.255.255'),
  ]
  expect(ip({ ipv4, ipv6: 'inherit' })).toBe(
    [
      '3034302a',
      ...['04020001', '3024', '0304040a0020', '0304000a0040', '0303000a01'],
      ...['300c', '0304040a0230', '0304000a0240', '0303000a03'],
      ...['3006', '04020002', '0500'],
    ].join(''),
  )
})

test('RFC 3779 section 3.2.3: AS numbers, alone and as a range', () => {
  const asn = [
    { min: 135, max: 135 },
    { min: 3000, max: 3999 },
    { min: 5001, max: 5001 },
  ]
  expect(as({ asn })).toBe('3016a014301202020087300802020bb802020f9f02021389')
  expect(as({ asn: 'inherit' })).toBe('3004a0020500')
})

test('everything: 0.0.0.0/0, ::/0 and AS0-AS4294967295', () => {
  const all = certificateResources({
    asn: [{ min: 0, max: 0xffffffff }],
    ipv4: [{ min: 0n, max: 2n ** 32n - 1n }],
    ipv6: [{ min: 0n, max: 2n ** 128n - 1n }],
  })
  expect(ip(all)).toBe('301630090402000130030301003009040200023003030100')
  expect(as(all)).toBe('3010a00e300c300a020100020500ffffffff')
})

test('a single address is a prefix of full length', () => {
  expect(ip({ ipv4: [range4('192.0.2.1', '192.0.2.1')] })).toBe('300f300d040200013007030500c0000201')
})

describe('which families a certificate names', () => {
  const set = { asn: [], ipv4: [range4('192.0.2.0', '192.0.2.255')], ipv6: [] }

  test('empty families are absent, not empty', () => {
    expect(certificateResources(set)).toEqual({ ipv4: set.ipv4 })
    expect(Object.keys(certificateResources(set))).toEqual(['ipv4'])
    expect(ipAddrBlocks({})).toBeUndefined()
    expect(asIdentifiers({})).toBeUndefined()
  })
})

describe('ranges that a relying party would reject are a TypeError', () => {
  test.each<[string, CertificateResources]>([
    ['no range', { ipv4: [] }],
    ['unsorted', { ipv4: [range4('10.0.1.0', '10.0.1.3'), range4('10.0.0.0', '10.0.0.3')] }],
    ['overlapping', { ipv4: [range4('10.0.0.0', '10.0.0.9'), range4('10.0.0.9', '10.0.0.12')] }],
    ['adjacent', { ipv4: [range4('10.0.0.0', '10.0.0.3'), range4('10.0.0.4', '10.0.0.5')] }],
    ['reversed', { ipv4: [range4('10.0.0.3', '10.0.0.0')] }],
    ['beyond 32 bits', { ipv4: [{ min: 0n, max: 2n ** 32n }] }],
    ['below zero', { ipv6: [{ min: -1n, max: 5n }] }],
    ['beyond 128 bits', { ipv6: [{ min: 0n, max: 2n ** 128n }] }],
  ])('%s', (_, resources) => expect(() => ipAddrBlocks(resources)).toThrow(TypeError))

  test.each<[string, CertificateResources]>([
    ['no range', { asn: [] }],
    [
      'adjacent',
      {
        asn: [
          { min: 1, max: 2 },
          { min: 3, max: 4 },
        ],
      },
    ],
    ['beyond 32 bits', { asn: [{ min: 1, max: 2 ** 32 }] }],
    ['a fraction', { asn: [{ min: 1.5, max: 2 }] }],
  ])('AS numbers: %s', (_, resources) => expect(() => asIdentifiers(resources)).toThrow(TypeError))
})

describe('an independent reader gets every range back', () => {
  /** Sorted, disjoint, not adjacent. */
  const canonical = (size: number) =>
    fc
      .uniqueArray(fc.bigInt({ min: 0n, max: 2n ** BigInt(size) - 1n }), { minLength: 2, maxLength: 20 })
      .map((points) => points.sort((a, b) => (a < b ? -1 : 1)))
      .map((points) => {
        const out: { min: bigint; max: bigint }[] = []
        for (let i = 0; i + 1 < points.length; i += 2) {
          if (out.length === 0 || points[i]! > out.at(-1)!.max + 1n) out.push({ min: points[i]!, max: points[i + 1]! })
        }
        return out
      })

  const fill = (bits: BitString, size: number, one: boolean): bigint => {
    const { valueHexView, unusedBits } = bits.valueBlock
    const length = valueHexView.length * 8 - unusedBits
    const value = valueHexView.length === 0 ? 0n : BigInt(`0x${toHex(valueHexView)}`) >> BigInt(unusedBits)
    const rest = BigInt(size - length)
    return (value << rest) | (one ? (1n << rest) - 1n : 0n)
  }

  test.each([
    [4, 32],
    [6, 128],
  ] as const)('IPv%i', (family, size) => {
    fc.assert(
      fc.property(canonical(size), (ranges) => {
        const block = readAsn1(encode(ipAddrBlocks(family === 4 ? { ipv4: ranges } : { ipv6: ranges })!))
        const [, list] = members(members(block)[0])
        const read = members(list).map((item) => {
          const [low, high] = item.idBlock.tagNumber === 3 ? [item, item] : members(item)
          return { min: fill(low as BitString, size, false), max: fill(high as BitString, size, true) }
        })
        expect(read).toEqual(ranges)
      }),
    )
  })

  test('AS numbers', () => {
    fc.assert(
      fc.property(canonical(32), (ranges) => {
        const asn = ranges.map(({ min, max }) => ({ min: Number(min), max: Number(max) }))
        const list = members(members(members(readAsn1(encode(asIdentifiers({ asn })!)))[0])[0])
        const number = (item: unknown): number => Number((item as Integer).toBigInt())
        const read = list.map((item) => {
          const [low, high] = item.idBlock.tagNumber === 2 ? [item, item] : members(item)
          return { min: number(low), max: number(high) }
        })
        expect(read).toEqual(asn)
      }),
    )
  })
})
