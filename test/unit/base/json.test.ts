/** Canonical JSON (RFC 8785): the standard's own examples and the values that JSON would change in silence. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, canonicalWriter, isCanonicalText, type Json } from '../../../src/core/base/json.js'

describe('canonical JSON', () => {
  it('sorts keys by UTF-16 code units (RFC 8785 section 3.2.3)', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    expect(canonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    )
  })

  it('writes the example of RFC 8785 section 3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it.each([
    [-0, '0'],
    [0, '0'],
    [1e21, '1e+21'],
    [999999999999999900000, '999999999999999900000'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [1e-7, '1e-7'],
    [0.000001, '0.000001'],
  ])('writes the number %d as %s (RFC 8785 appendix B)', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  it('sorts names that look like numbers as text, at every depth', () => {
    expect(canonicalJson({ 10: 1, 9: { b: 1, a: 2 }, 1: 2 })).toBe('{"1":2,"10":1,"9":{"a":2,"b":1}}')
  })

  it('treats __proto__ as a name', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}')
  })

  it('leaves out undefined members, as a stored copy would', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
  })

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['undefined', undefined],
    ['an undefined item', [undefined]],
    ['a hole', new Array(2)],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a lone surrogate', 'a\ud800b'],
    ['a lone surrogate as a key', { '\udc00': 1 }],
    ['a Map', new Map([['a', 1]])],
    ['bytes', new Uint8Array(2)],
    ['a Date', new Date(0)],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
    expect(() => canonicalJson([value])).toThrow(TypeError)
  })

  it('is one text for one value, whatever the order of insertion, and reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(JSON.parse(JSON.stringify(value).replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, '')))
        expect(canonicalJson(JSON.parse(text))).toBe(text)
        const reversed = (_: string, v: unknown): unknown =>
          typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).reverse()) : v
        expect(canonicalJson(JSON.parse(text, reversed))).toBe(text)
      }),
    )
  })
})

it('a writer for values that share parts writes the same, and what was refused once is refused again', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }), (parts) => {
      const write = canonicalWriter()
      const values: unknown[] = [...parts, { first: parts[0] ?? null, all: parts }, [parts, parts]]
      for (const value of [...values, ...values]) expect(write(value)).toBe(canonicalJson(value as Json))
    }),
  )
  const write = canonicalWriter()
  const bad = { a: [Number.NaN] }
  for (let i = 0; i < 2; i++) expect(() => write(bad)).toThrow(TypeError)
})

describe('a text is canonical', () => {
  const judged = (text: string): boolean => {
    try {
      return canonicalJson(JSON.parse(text)) === text
    } catch {
      return false
    }
  }
  const isSo = (text: string): boolean => {
    try {
      return isCanonicalText(JSON.parse(text) as Json, text)
    } catch {
      return false
    }
  }

  it.each([
    '{"a":1,"b":[{"c":null,"d":"\\\\ud"}]}',
    '{"b":1,"a":2}',
    '[{"a":[{"c":1,"b":2}]}]',
    '{"10":1,"9":2}',
    '{"9":2,"10":1}',
    '{"a":1,"a":1}',
    '{"__proto__":1,"a":2}',
    '{"a": 1}',
    '{"a":1.0}',
    '-0',
    '1e999',
    '"\\ud800"',
    '{"\\udc00":1}',
    '"\\u0041"',
    '"\\/"',
  ])('as its encoding says: %s', (text) => expect(isSo(text)).toBe(judged(text)))

  it('for any value, in canonical order or not', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, canonical) => {
        const text = canonical ? canonicalJson(value) : JSON.stringify(value)
        expect(isSo(text)).toBe(judged(text))
      }),
    )
  })
})
