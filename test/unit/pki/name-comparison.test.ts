/** Comparison of distinguished names: a table of pairs by RFC 5280 section 7.1. */
import { describe, expect, it } from 'vitest'
import { type Der, encode, oid, raw, seq, set } from '../../../src/core/der/writer.js'
import { isSameName, nameKey } from '../../../src/core/pki/name-comparison.js'

const [UTF8, PRINTABLE, IA5, TELETEX, BMP] = [0x0c, 0x13, 0x16, 0x14, 0x1e]
const CN = '2.5.4.3'
const O = '2.5.4.10'

function octets(tag: number, bytes: Uint8Array): Der {
  return raw(Buffer.concat([Uint8Array.of(tag, bytes.length), bytes]))
}
function text(value: string, tag = UTF8): Der {
  if (tag !== BMP) return octets(tag, Buffer.from(value, tag === TELETEX ? 'latin1' : 'utf8'))
  return octets(tag, Buffer.from(value, 'utf16le').swap16())
}
const pair = (id: string, value: Der): Der => seq(oid(id), value)
/** A name of one attribute. */
const cn = (value: string, tag = UTF8): Der => seq(set(pair(CN, text(value, tag))))

const SAME: readonly (readonly [string, Der, Der])[] = [
  ['string types', cn('device-1', PRINTABLE), cn('device-1', UTF8)],
  ['IA5String', cn('device-1', IA5), cn('device-1', UTF8)],
  ['TeletexString', cn('Zürich', TELETEX), cn('Zürich', UTF8)],
  ['BMPString', cn('Zürich', BMP), cn('Zürich', UTF8)],
  ['case', cn('Device-1'), cn('dEVICE-1')],
  ['case beyond ASCII', cn('ÉCOLE Σ'), cn('école ς')],
  ['sharp s', cn('Straße'), cn('STRASSE')],
  ['capital sharp s', cn('STRAẞE'), cn('strasse')],
  ['spaces at the ends', cn('  device 1 '), cn('device 1')],
  ['spaces in a row', cn('device   1'), cn('device 1')],
  ['other spaces', cn('device\u00a0\u20031'), cn('device 1')],
  ['compatibility forms', cn('ﬁle ①'), cn('file 1')],
  ['composed characters', cn('e\u0301'), cn('é')],
  ['soft hyphens', cn('de\u00advice'), cn('device')],
  [
    'the order inside one part',
    seq(set(raw(encode(pair(CN, text('a')))), pair(O, text('b')))),
    seq(octets(0x31, Buffer.concat([encode(pair(O, text('B'))), encode(pair(CN, text('A')))]))),
  ],
  ['nothing', seq(), seq()],
]

const DIFFERENT: readonly (readonly [string, Der, Der])[] = [
  ['text', cn('device-1'), cn('device-2')],
  ['a space that is missing', cn('device 1'), cn('device1')],
  ['accents', cn('ecole'), cn('école')],
  ['dotless i', cn('ı'), cn('i')],
  ['the type of an attribute', cn('a'), seq(set(pair(O, text('a'))))],
  [
    'the order of parts',
    seq(set(pair(CN, text('a'))), set(pair(O, text('b')))),
    seq(set(pair(O, text('b'))), set(pair(CN, text('a')))),
  ],
  [
    'parts in one set',
    seq(set(pair(CN, text('a')), pair(O, text('b')))),
    seq(set(pair(CN, text('a'))), set(pair(O, text('b')))),
  ],
  ['a part more', cn('a'), seq(set(pair(CN, text('a'))), set(pair(CN, text('a'))))],
  ['an attribute twice', seq(set(pair(CN, text('a')))), seq(set(pair(CN, text('a')), pair(CN, text('a'))))],
  ['what looks like two attributes', cn('a,O=b'), seq(set(pair(CN, text('a'))), set(pair(O, text('b'))))],
  [
    'octets that are not UTF-8',
    seq(set(pair(CN, octets(UTF8, Uint8Array.of(0xff))))),
    seq(set(pair(CN, octets(UTF8, Uint8Array.of(0xfe))))),
  ],
  ['a value that is not text', seq(set(pair(CN, octets(0x04, Buffer.from('a'))))), cn('a')],
  ['an empty name', seq(), cn('a')],
  ['a malformed name', octets(0x30, Uint8Array.of(0x31, 0)), octets(0x30, Uint8Array.of(0x31, 0x01))],
]

describe('names that differ in', () => {
  it.each(SAME)('%s are the same', (_, a, b) => {
    expect([isSameName(encode(a), encode(b)), isSameName(encode(b), encode(a))]).toEqual([true, true])
    expect(nameKey(encode(a))).toBe(nameKey(encode(b)))
  })

  it.each(DIFFERENT)('%s are different', (_, a, b) => {
    expect([isSameName(encode(a), encode(b)), isSameName(encode(b), encode(a))]).toEqual([false, false])
  })
})
