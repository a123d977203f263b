/** Strangers' text in a message stays on its line and in its length. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quoted, screenText } from '../../../src/core/base/text.js'

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
