/** AS numbers as text (bad inputs B034 to B040). */
import { describe, expect, it } from 'vitest'
import { formatAsn, MAX_ASN, parseAsn } from '../../../src/core/resources/asn.js'

describe('parseAsn', () => {
  it.each([
    ['AS64496', 64496],
    ['64496', 64496],
    ['as64496', 64496],
    ['0', 0],
    ['AS0', 0],
    ['4294967295', MAX_ASN],
    ['AS4294967295', MAX_ASN],
  ])('%s is %i', (text, asn) => {
    expect(parseAsn(text)).toBe(asn)
  })

  it.each([
    ['B034', 'AS4294967296'],
    ['B034', '4294967296'],
    ['B034', '9999999999'],
    ['B034', '99999999999'],
    ['B035', '-1'],
    ['B035', 'AS-1'],
    ['B036', '1e3'],
    ['B037', '0x10'],
    ['B038', '64512abc'],
    ['B039', '1.5'],
    ['B039', '1.0'],
    ['B040', ''],
    ['B040', 'AS'],
    ['B040', ' '],
    ['', '007'],
    ['', 'AS00'],
    ['', '+1'],
    ['', ' 1'],
    ['', '1 '],
    ['', '1\n'],
    ['', 'AS 1'],
    ['', 'ASAS1'],
    ['', 'A\u017f1'],
    ['', '６４'],
    ['', '1_000'],
    ['', '1,000'],
    ['', 'null'],
  ])('%s %j names no AS number', (_row, text) => {
    expect(parseAsn(text)).toBeUndefined()
  })

  it('reads what formatAsn writes', () => {
    for (const asn of [0, 1, 64496, MAX_ASN]) expect(parseAsn(formatAsn(asn))).toBe(asn)
    expect(formatAsn(64496)).toBe('AS64496')
  })
})
