/** Strangers' text in a message stays on its line and in its length. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError, rejection } from '../../../src/core/base/errors.js'
import { lineText, quoted, screenText } from '../../../src/core/base/text.js'

describe('quoted', () => {
  it.each([
    ['10.0.0.0/8', '"10.0.0.0/8"'],
    ['10.0.0.0/8 ', '"10.0.0.0/8 "'],
    ['a"b\\', '"a\\"b\\\\"'],
    ['\u001b[2J', '"\\u001b[2J"'],
    ['\u009b2J', '"\\u009b2J"'],
    ['a\u202eb', '"a\\u202eb"'],
    ['a\u00a0b', '"a\\u00a0b"'],
    ['\u{e0041}', '"\\udb40\\udc41"'],
    ['１０', '"１０"'],
    ['ünï', '"ünï"'],
  ])('%j is shown as %s', (text, shown) => {
    expect(quoted(text)).toBe(shown)
  })

  it('cuts what is long and says so', () => {
    expect(quoted('x'.repeat(81))).toBe(`"${'x'.repeat(80)}"...`)
    expect(quoted('x'.repeat(80))).toBe(`"${'x'.repeat(80)}"`)
  })

  it('never lets a control or format character through, and reads back as JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0x10ffff), { maxLength: 40 }), (points) => {
        const text = String.fromCodePoint(...points)
        expect(quoted(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(JSON.parse(quoted(text))).toBe(text)
      }),
    )
  })
})

describe('screenText', () => {
  it.each([
    ['two\nlines\tand \u001b[31mred\u001b[39m', 'two\nlines\tand \u001b[31mred\u001b[39m'],
    ['\u001b[2J', '\\u001b[2J'],
    ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['\u009b2J', '\\u009b2J'],
    ['a\u202eb\u200fc', 'a\\u202eb\\u200fc'],
    ['over\rwritten', 'over\\u000dwritten'],
    ['a\r\nb', 'a\r\nb'],
  ])('%j is shown as %j', (text, shown) => {
    expect(screenText(text)).toBe(shown)
  })
})

describe('lineText', () => {
  it.each([
    ['a\nError: b', 'a\\u000aError: b'],
    ['a\r\nb\tc', 'a\\u000d\\u000ab\\u0009c'],
    ['\u001b[31mred\u001b[39m', '\u001b[31mred\u001b[39m'],
    ['a\u202eb\u2028', 'a\\u202eb\\u2028'],
  ])('%j is shown as %j', (text, shown) => {
    expect(lineText(text)).toBe(shown)
  })
})

describe('the message of an error', () => {
  it('keeps lists, whose lines are indented', () => {
    const { message } = rejection([
      { code: 'a-b', message: 'one' },
      { code: 'a-b', message: 'two' },
    ])
    expect(message).toBe('2 violations:\n  one\n  two')
  })

  it('has no line of its own from the text of a peer, in the message or the hint', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', ' ', '\r', '\n', '\n  ', '\r\n'), { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        const { message, hint } = new AppError('remote', 'a-b', `said ${text}!`, { hint: `ask ${text}!` })
        for (const shown of [message, hint]) expect(shown?.replace(/\r?\n {2}/g, '')).not.toMatch(/[\r\n]/)
      }),
    )
  })
})
