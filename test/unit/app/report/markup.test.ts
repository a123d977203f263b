/** Text in HTML: whatever a text is, it stays text, can be seen, and is short. */
import { describe, expect, it } from 'vitest'
import { foreign, html, NOTHING, text, time } from '../../../../src/core/app/report/markup.js'
import type { Instant } from '../../../../src/core/base/time.js'

describe('text', () => {
  it.each([
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    [`" onload='x' &amp;`, '&quot; onload=&#39;x&#39; &amp;amp;'],
    ['🛰️ ünï שלום', '🛰️ ünï שלום'],
  ])('%s is escaped', (given, shown) => {
    expect(text(given)).toBe(shown)
  })

  it.each([
    ['\u202e', '\\u202e'],
    ['\u2066', '\\u2066'],
    ['\u200f', '\\u200f'],
    ['\0', '\\u0000'],
    ['\u001b', '\\u001b'],
    ['\n', '\\u000a'],
    ['\u2028', '\\u2028'],
    ['\ufeff', '\\ufeff'],
    ['\ud800', '\\ud800'],
  ])('a character that moves or hides other text is shown as %j', (given, shown) => {
    expect(text(`a${given}b`)).toBe(`a${shown}b`)
  })

  it('of 10,000 characters is cut, with its length, and never inside of a character', () => {
    expect(text('🛰'.repeat(5000), 3)).toBe('🛰🛰🛰… (10000 characters)')
    expect(text('<'.repeat(10_000)).length).toBeLessThan(300 * 4 + 40)
  })

  it('of just the limit is not cut', () => {
    expect(text('abc', 3)).toBe('abc')
    expect(text('abcd', 3)).toBe('abc… (4 characters)')
  })
})

it('text of other people has a writing direction of its own', () => {
  expect(foreign('שלום')).toBe('<bdi>שלום</bdi>')
})

it('a time is shown to the minute, and exact in its attribute', () => {
  expect(time('2026-11-21T12:34:56Z' as Instant)).toBe('<time datetime="2026-11-21T12:34:56Z">2026-11-21 12:34</time>')
})

it('numbers of a drawing have two digits, and lists are joined', () => {
  expect(html`<a x="${1 / 3}">${[text('a'), NOTHING, text('b')]}</a>`).toBe('<a x="0.33">ab</a>')
})
