/** Chance: every value as likely as every other, and no bound that never ends. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Random, randomBelow } from '../../../src/core/base/ports.js'

/** A source that gives these 32-bit numbers in turn. */
function source(...numbers: number[]): Random {
  return {
    bytes: (length) => {
      const next = numbers.shift()
      if (length !== 4 || next === undefined) throw new Error('asked for more than there is')
      return new Uint8Array([next >>> 24, (next >>> 16) & 255, (next >>> 8) & 255, next & 255])
    },
  }
}

describe('randomBelow', () => {
  it('is the number modulo the bound, and draws again where that would favour some', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2 ** 32 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bound, n) => {
        const fair = n < Math.floor(2 ** 32 / bound) * bound
        expect(randomBelow(source(n, 0), bound)).toBe(fair ? n % bound : 0)
      }),
      { numRuns: 1000 },
    )
  })

  it('gives each of three values equally often over the numbers it takes', () => {
    expect(randomBelow(source(2 ** 32 - 2), 3)).toBe(2)
    expect(randomBelow(source(2 ** 32 - 1, 7), 3)).toBe(1)
    expect(randomBelow(source(2 ** 32 - 1), 2 ** 32)).toBe(2 ** 32 - 1)
    expect(randomBelow(source(2 ** 31), 2 ** 32)).toBe(2 ** 31)
  })

  it('asks for nothing where there is one value', () => {
    for (const bound of [-1, 0, 1]) expect(randomBelow(source(), bound)).toBe(0)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 32 + 1])('refuses the bound %d', (bound) => {
    expect(() => randomBelow(source(0), bound)).toThrow(RangeError)
  })
})
