/** The DER reader refuses what is not DER, quickly and without throwing (X.690). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFindings } from '../../../src/core/der/findings.js'
import { contentOf, elementsIn, parseDer, toDer } from '../../../src/core/der/reader.js'
import { readInteger, readOid, readTime } from '../../../src/core/der/values.js'
import { encode, integer, octets, oid, seq } from '../../../src/core/der/writer.js'

function read(bytes: Uint8Array): { readonly rules: readonly string[]; readonly isRead: boolean } {
  const faults = createFindings()
  const node = parseDer(bytes, faults)
  return { rules: faults.all().map((f) => f.rule), isRead: node !== undefined }
}
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

describe('malformed', () => {
  it.each([
    ['no octets', new Uint8Array()],
    ['a lone tag', hex('30')],
    ['100,000 nested indefinite sequences', new Uint8Array(Buffer.from('3080'.repeat(100_000), 'hex'))],
    ['2,000 nested sequences', nested(2000)],
    ['a length of 0x7fffffff', hex('30 84 7f ff ff ff')],
    ['a length of 2^64-1', hex('30 88 ff ff ff ff ff ff ff ff')],
    ['126 octets of length', new Uint8Array([0x30, 0xfe, ...new Array<number>(126).fill(1)])],
    ['the reserved length octet', new Uint8Array([0x30, 0xff, ...new Array<number>(127).fill(1)])],
    ['a length beyond the parent', hex('30 03 04 05 00')],
    ['a primitive of indefinite length', hex('04 80 00 00')],
    ['no end of contents', hex('30 80 05 00')],
    ['a tag number above 30', hex('3f 81 00 00')],
    ['a million NULLs', millionNulls()],
  ])('given %s, then one fault of X.690 and nothing to read', (_what, bytes) => {
    const { rules, isRead } = read(bytes)
    expect(isRead).toBe(false)
    expect(rules).toHaveLength(1)
    expect(rules[0]).toMatch(/^X\.690 section 8\.1/)
  })
})

function nested(depth: number): Uint8Array {
  let der = encode(seq())
  for (let i = 0; i < depth; i++) der = Buffer.concat([encode({ tag: 0x30, content: der, size: der.length })])
  return der
}

function millionNulls(): Uint8Array {
  const content = Buffer.from('0500'.repeat(1_000_000), 'hex')
  return encode({ tag: 0x30, content, size: content.length })
}

describe('BER that is not DER', () => {
  it.each([
    ['a length not in its shortest form', '30 81 00', 'X.690 section 10.1'],
    ['a long length with a leading zero', `30 82 00 80 ${'0500'.repeat(64)}`, 'X.690 section 10.1'],
    ['an indefinite length', '30 80 00 00', 'X.690 section 10.1'],
    ['a constructed OCTET STRING', '24 03 04 01 01', 'X.690 section 10.2'],
    ['BOOLEAN 0x01', '01 01 01', 'X.690 section 11.1'],
    ['a padded INTEGER', '02 02 00 01', 'X.690 section 8.3.2'],
    ['a padded negative INTEGER', '02 02 ff 80', 'X.690 section 8.3.2'],
    ['an empty INTEGER', '02 00', 'X.690 section 8.3.1'],
    ['trailing octets', '05 00 00', 'X.690 section 8.1.1'],
    ['an OID arc with a leading 0x80', '06 03 2a 80 01', 'X.690 section 8.19.2'],
    ['a truncated OID', '06 02 2a 81', 'X.690 section 8.19.2'],
    ['unused bits that are not zero', '03 02 01 01', 'X.690 section 11.2.1'],
    ['eight unused bits', '03 02 08 00', 'X.690 section 8.6.2'],
    ['NULL with content', '05 01 00', 'X.690 section 8.8.2'],
    ['a SET OF out of order', '31 06 02 01 02 02 01 01', 'X.690 section 11.6'],
    ['a primitive SEQUENCE', '10 00', 'X.690 section 8.9.1'],
    ['UTCTime of month 13', `17 0d ${Buffer.from('261301000000Z').toString('hex')}`, 'X.690 section 11.8'],
    ['UTCTime without seconds', `17 0b ${Buffer.from('2611010000Z').toString('hex')}`, 'X.690 section 11.8'],
    [
      'GeneralizedTime with a fraction',
      `18 11 ${Buffer.from('20261101000000.5Z').toString('hex')}`,
      'X.690 section 11.7',
    ],
    ['PrintableString with an underscore', '13 01 5f', 'X.680 section 41.4'],
    ['IA5String with an 8-bit character', '16 01 e9', 'X.680 section 41'],
  ])('given %s, then %s is a fault under %s', (_what, text, rule) => {
    expect(read(hex(text)).rules).toContain(rule)
  })
})

describe('the list of faults', () => {
  it('is bounded, and no flood of tolerated faults hides a real one', () => {
    const faults = createFindings()
    for (let i = 0; i < 1000; i++) faults.tolerate('X.690 section 10.1', `at octet ${i}`)
    expect(faults.isBroken()).toBe(false)
    faults.add('RFC 6487 section 4.1', 'not v3')
    expect(faults.isBroken()).toBe(true)
    expect(faults.all()).toHaveLength(102)
    expect(faults.all()).toContainEqual({ rule: 'RFC 6487 section 4.1', message: 'not v3' })
  })
})

describe('values', () => {
  const node = (der: Uint8Array): ReturnType<typeof parseDer> => parseDer(der, createFindings())

  it('reads back every integer that the writer writes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }), (value) => {
        expect(readInteger(node(encode(integer(value))))).toBe(value)
      }),
    )
  })

  it('refuses an INTEGER of a megabyte instead of converting it', () => {
    expect(
      readInteger(node(encode({ tag: 2, content: new Uint8Array(1 << 20).fill(1), size: 1 << 20 }))),
    ).toBeUndefined()
  })

  it('reads object identifiers, large arcs too', () => {
    expect(readOid(node(encode(oid('1.2.840.113549.1.9.16.1.24'))))).toBe('1.2.840.113549.1.9.16.1.24')
    expect(readOid(node(encode(oid('2.999.4294967295'))))).toBe('2.999.4294967295')
    expect(readOid(node(Buffer.from(`06146983${'ff'.repeat(17)}7f`, 'hex')))).toMatch(/^2\.25\.\d{38,}$/)
  })

  it('reads two-digit years as RFC 5280 wants them', () => {
    expect(readTime(node(encode({ tag: 0x17, content: '491231235959Z', size: 13 })))).toBe('2049-12-31T23:59:59Z')
    expect(readTime(node(encode({ tag: 0x17, content: '500101000000Z', size: 13 })))).toBe('1950-01-01T00:00:00Z')
  })

  it('joins a constructed string and writes BER anew as DER', () => {
    const ber = hex('30 80 24 80 04 01 01 04 02 02 03 00 00 00 00')
    const read = node(ber)
    expect(read === undefined ? '' : Buffer.from(toDer(read)).toString('hex')).toBe('30050403010203')
    expect(read === undefined ? [] : contentOf(elementsIn(read)[0]!)).toEqual(Buffer.from([1, 2, 3]))
    expect(Buffer.from(encode(seq(octets(Uint8Array.of(1, 2, 3)))))).toEqual(Buffer.from('30050403010203', 'hex'))
  })
})
