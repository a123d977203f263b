/** The strict JSON reader: JSON.parse's answers, but for names given twice; faults with line and column. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../../src/core/base/json-reader.js'

function accepts(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('readJson', () => {
  it('reads any JSON value as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const read = readJson(text)
        expect('ok' in read && JSON.stringify(read.ok)).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })

  it('refuses what JSON.parse refuses', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"a"',
      '"b',
      ':',
      ',',
      '1',
      '01',
      '-',
      '1e',
      '.5',
      'true',
      'nul',
      ' ',
      '\n',
      '"\t"',
      '"\\x"',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        const read = readJson(text)
        const twice = 'fault' in read && read.fault.message.endsWith('appears twice')
        expect('ok' in read || twice).toBe(accepts(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('says where', () => {
    const cases: readonly [string, number, number, string][] = [
      ['', 1, 1, 'the text ends too early'],
      ['{"a":\n  1,}', 2, 5, 'expected a string in double quotes'],
      ['[1 2]', 1, 4, 'expected ]'],
      ['{"a" 1}', 1, 6, 'expected :'],
      ['1 1', 1, 3, 'unexpected text after the value'],
      ['{"a":1,"\\u0061":2}', 1, 8, '"a" appears twice'],
      ['NaN', 1, 1, 'expected a value'],
    ]
    for (const [text, line, column, message] of cases)
      expect(readJson(text)).toEqual({ fault: { line, column, message } })
  })

  it('gives objects without a prototype, a mark at the start passed over, a deep or long text without a crash', () => {
    const read = readJson('\ufeff{"__proto__":{"x":1}}')
    expect('ok' in read && Object.keys(read.ok as object)).toEqual(['__proto__'])
    expect(readJson('['.repeat(100_000))).toMatchObject({ fault: { message: 'nested deeper than 64' } })
    const long = 'x'.repeat(20_000_000)
    expect(readJson(`["${long}"]`)).toEqual({ ok: [long] })
  })
})
