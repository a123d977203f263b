/** Bytes as text: what comes back is what went in, and nothing else is read. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareBytes,
  concat,
  equalBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
  utf8,
} from '../../../src/core/base/bytes.js'

const bytes = fc.uint8Array({ maxLength: 100 })

describe('hex and base64', () => {
  it('read back what they write', () => {
    fc.assert(
      fc.property(bytes, (b) => {
        expect(fromHex(toHex(b))).toEqual(b)
        expect(fromHex(toHex(b).toUpperCase())).toEqual(b)
        expect(fromBase64(toBase64(b))).toEqual(b)
        expect(fromBase64(toBase64(b).replace(/(.{4})/g, '$1\r\n\t '))).toEqual(b)
      }),
    )
  })

  it('see only the view, not the buffer behind it', () => {
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
    expect(toHex(view)).toBe('0203')
    expect(toBase64(view)).toBe('AgM=')
  })

  it.each(['0', '0g', '0x00', ' 00', '00 ', '00\n', '00 00', '００', '-1'])('%j is not hex', (text) => {
    expect(fromHex(text)).toBeUndefined()
  })

  it.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'AB==',
    'AA==AA==',
    'AA==!',
    '!!!!',
    '_-__',
    '=',
    '====',
    'AAAA=',
    'A\u00a0AAA',
    'é',
  ])('%j is not canonical base64', (text) => {
    expect(fromBase64(text)).toBeUndefined()
  })

  it('empty text is no bytes', () => {
    expect(fromHex('')).toEqual(new Uint8Array(0))
    expect(fromBase64('')).toEqual(new Uint8Array(0))
  })
})

describe('byte strings', () => {
  it('join, compare byte by byte, and a prefix comes first', () => {
    expect(concat([utf8('ä'), new Uint8Array(0), utf8('b')])).toEqual(new Uint8Array([0xc3, 0xa4, 0x62]))
    expect(compareBytes(new Uint8Array([1]), new Uint8Array([1, 0]))).toBeLessThan(0)
    expect(compareBytes(new Uint8Array([0x80]), new Uint8Array([0x7f, 0xff]))).toBeGreaterThan(0)
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true)
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2, 0]))).toBe(false)
  })
})
