/** Handles that strangers choose: refused or stored under a name of their own (bad inputs B001 to B017). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { encodeHandle, type Handle, isHandle, parseHandle } from '../../../src/core/base/handle.js'

const CHARS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/']
const text = (unit: readonly string[], maxLength: number): fc.Arbitrary<Handle> =>
  fc
    .string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength })
    .filter(isHandle)
    .map(parseHandle)
const handle = fc.oneof(text(CHARS, 255), text(CHARS, 8), text(['a', 'A', '_', '-', '/', '0'], 255))

/** The reader of the short form, written from its description and not from its code. */
function decode(name: string): string {
  return name.replace(/_(.)/g, (_, c: string) => (c === '_' ? '_' : c === '-' ? '/' : c.toUpperCase()))
}

function refusal(value: string): AppError {
  try {
    parseHandle(value)
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error(`accepted ${JSON.stringify(value)}`)
}

describe('hostile handles', () => {
  it.each([
    ['B001', '..'],
    ['B002', '.'],
    ['B003', ''],
    ['B004', 'a/../../etc'],
    ['B005', '/etc/passwd'],
    ['B006', 'a\\..\\b'],
    ['B007', 'a\u0000b'],
    ['B008', 'a\nb'],
    ['B008', 'ab\n'],
    ['B009', '\u001b[2Jx'],
    ['B009', '\u009b2Jx'],
    ['B010', 'x'.repeat(256)],
    ['B011', 'ünïcode'],
    ['B012', 'a b'],
    ['B013', 'a%2fb'],
    ['B014', 'a+b'],
    ['B017', '$(touch pwn)'],
    ['B017', 'a;b'],
    ['B017', 'a|b'],
    ['B017', '`a`'],
    ['', 'a//b'],
    ['', 'a/'],
    ['', '//'],
  ])('%s %j is refused on one line without control characters', (_row, value) => {
    const error = refusal(value)
    expect(error).toMatchObject({ kind: 'usage', code: 'handle-invalid', changed: 'no' })
    expect(error.message).toMatch(/^invalid handle "/)
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(error.message.length).toBeLessThan(120)
  })

  it.each([
    'x',
    'a/b',
    'A/B',
    'x'.repeat(255),
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '-rf',
    '--help',
  ])('%s is a handle (B014 to B016)', (value) => {
    expect(parseHandle(value)).toBe(value)
  })
})

describe('the encoding', () => {
  it.each([
    ['acme', 'acme'],
    ['a/b', 'a_-b'],
    ['A/B', '_a_-_b'],
    ['a_b', 'a__b'],
    ['a-b', 'a-b'],
    ['__proto__', '____proto____'],
  ])('of %s is %s', (value, name) => {
    expect(encodeHandle(parseHandle(value))).toBe(name)
  })

  it('is one segment of lower-case letters, digits, - and _ of at most 200 bytes', () => {
    fc.assert(
      fc.property(handle, (h) => {
        expect(encodeHandle(h)).toMatch(/^[a-z0-9_-]{1,200}$/)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads back where it is short, so that no two short handles share a name', () => {
    fc.assert(
      fc.property(
        handle.filter((h) => h.replace(/[A-Z_/]/g, '..').length <= 200),
        (h) => {
          expect(decode(encodeHandle(h))).toBe(h)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('of a long handle is never that of a short one, wherever the cut falls', () => {
    for (let lead = 0; lead < 6; lead += 1) {
      for (const fill of ['_', 'A', '/a', 'a_', 'aA']) {
        const long = parseHandle(
          `${'a'.repeat(lead)}${fill.repeat(255)}`.replace(/^\//, 'a').slice(0, 254).replace(/\/$/, 'a'),
        )
        const name = encodeHandle(long)
        const short = decode(name)
        expect(isHandle(short) && encodeHandle(short as Handle) === name, `${long} and ${short}`).toBe(false)
      }
    }
  })

  it('tells long handles apart by their last character and by case', () => {
    const names = ['a', 'b', 'A', '_'].map((last) => encodeHandle(parseHandle(`${'x'.repeat(254)}${last}`)))
    expect(new Set(names).size).toBe(4)
  })
})
