/** The DER writer against octets from X.690 and against asn1js as an independent reader. */
import { type BitString, Integer, type ObjectIdentifier, type OctetString, Sequence } from 'asn1js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../src/core/base/bytes.js'
import type { Instant } from '../../../src/core/base/time.js'
import * as der from '../../../src/core/der/writer.js'
import { members, readAsn1 } from '../../support/rpki/independent-reader.js'

const hex = (element: der.Der): string => toHex(der.encode(element))
const at = (text: string): Instant => text as Instant

describe('octets as the standards print them', () => {
  test.each<[string, der.Der, string]>([
    ['INTEGER 0', der.integer(0), '020100'],
    ['INTEGER 127', der.integer(127n), '02017f'],
    ['INTEGER 128 keeps its sign', der.integer(128), '02020080'],
    ['INTEGER 256', der.integer(256n), '02020100'],
    ['INTEGER -1', der.integer(-1), '0201ff'],
    ['INTEGER -128', der.integer(-128n), '020180'],
    ['INTEGER -129', der.integer(-129n), '0202ff7f'],
    ['the last AS number', der.integer(0xffffffff), '020500ffffffff'],
    ['BOOLEAN true', der.boolean(true), '0101ff'],
    ['NULL', der.nothing(), '0500'],
    ['keyCertSign and cRLSign', der.bits(new Uint8Array([6]), 1), '03020106'],
    ['digitalSignature', der.bits(new Uint8Array([0x80]), 7), '03020780'],
    ['no bits: 0.0.0.0/0', der.bits(new Uint8Array(0)), '030100'],
    ['padding bits are cleared', der.bits(new Uint8Array([0xff, 0xff]), 4), '030304fff0'],
    ['sha256', der.oid('2.16.840.1.101.3.4.2.1'), '0609608648016503040201'],
    ['X.690 8.19.5', der.oid('2.999.3'), '0603883703'],
    ['last UTCTime', der.utcOrGeneralized(at('2049-12-31T23:59:59Z')), '170d3439313233313233353935395a'],
    ['first GeneralizedTime', der.utcOrGeneralized(at('2050-01-01T00:00:00Z')), '180f32303530303130313030303030305a'],
    ['manifest time', der.generalized(at('2026-11-21T23:20:01Z')), '180f32303236313132313233323030315a'],
    ['[0] EXPLICIT', der.explicit(0, der.integer(2)), 'a003020102'],
    ['[6] IMPLICIT primitive', der.implicit(6, der.ia5('a')), '860161'],
    ['[0] IMPLICIT constructed', der.implicit(0, der.seq(der.nothing())), 'a0020500'],
    ['SET OF sorts', der.set(der.integer(300), der.integer(2), der.nothing()), '31090201020202012c0500'],
  ])('%s', (_, element, expected) => expect(hex(element)).toBe(expected))

  test('lengths take the fewest octets', () => {
    const head = (size: number): string => hex(der.octets(new Uint8Array(size))).slice(0, 12)
    expect([127, 128, 255, 256, 65535, 65536, 2 ** 24].map(head)).toEqual([
      '047f00000000',
      '048180000000',
      '0481ff000000',
      '048201000000',
      '0482ffff0000',
      '048301000000',
      '048401000000',
    ])
  })
})

describe('what has no DER is a TypeError', () => {
  test.each<[string, () => unknown]>([
    ['a fraction', () => der.integer(1.5)],
    ['a number above 2^53', () => der.integer(2 ** 53)],
    ['an underscore', () => der.printable('a_b')],
    ['an umlaut in a URI', () => der.ia5('ü')],
    ['eight unused bits', () => der.bits(new Uint8Array([0]), 8)],
    ['unused bits of nothing', () => der.bits(new Uint8Array(0), 1)],
    ['half an object identifier', () => der.oid('1')],
    ['an arc above 39', () => der.oid('1.40.1')],
    ['a leading zero', () => der.oid('1.2.03')],
    ['1949', () => der.utcOrGeneralized(at('1949-12-31T23:59:59Z'))],
    ['tag 31', () => der.explicit(31, der.nothing())],
  ])('%s', (_, make) => expect(make).toThrow(TypeError))
})

describe('an independent reader finds what was written', () => {
  test('integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 180n), max: 2n ** 180n }), (value) => {
        const read = readAsn1(der.encode(der.integer(value)))
        expect((read as Integer).toBigInt()).toBe(value)
        expect(hex(der.integer(value))).toBe(toHex(new Uint8Array(Integer.fromBigInt(value).toBER())))
      }),
    )
  })

  test('object identifiers', () => {
    const arcs = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 39 }), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join('.')
        expect((readAsn1(der.encode(der.oid(dotted))) as ObjectIdentifier).getValue()).toBe(dotted)
      }),
    )
  })

  test('bit strings, nested, of any size', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 70000, size: 'max' }),
        fc.integer({ min: 0, max: 7 }),
        (bytes, unused) => {
          const outer = readAsn1(der.encode(der.seq(der.bits(bytes, unused), der.octets(bytes))))
          const [bits, octets] = members(outer)
          const masked = bytes.slice()
          masked[masked.length - 1] = masked.at(-1)! & (0xff << unused)
          expect(outer).toBeInstanceOf(Sequence)
          expect((bits as BitString).valueBlock.unusedBits).toBe(unused)
          expect(Buffer.compare((bits as BitString).valueBlock.valueHexView, masked)).toBe(0)
          expect(Buffer.compare((octets as OctetString).valueBlock.valueHexView, bytes)).toBe(0)
        },
      ),
      { numRuns: 50 },
    )
  })
})
