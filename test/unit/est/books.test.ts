/** Books: the one that takes a certificate, and the order in which they are read. */
import { describe, expect, it } from 'vitest'
import type { Handle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { BOOK_SIZE, bookAt, inOrder, isBook } from '../../../src/core/est/books.js'

const AT = '2026-11-22T10:00:00Z' as Instant
const handles = (...names: readonly string[]): readonly Handle[] => names as readonly string[] as readonly Handle[]

describe('a certificate', () => {
  it('goes into the newest book of its month, and into a new one when that is full', () => {
    const count = (size: number) => () => size
    expect(bookAt(handles('0'), AT, count(0))).toBe('2026-11_1')
    expect(bookAt(handles('0', '2026-10_7', '2026-12_1'), AT, count(0))).toBe('2026-11_1')
    const all = handles('0', '2026-11_1', '2026-11_10', '2026-11_9')
    expect(bookAt(all, AT, count(BOOK_SIZE - 1))).toBe('2026-11_10')
    expect(bookAt(all, AT, count(BOOK_SIZE))).toBe('2026-11_11')
  })

  it('is looked for in the order in which the books were begun', () => {
    expect(inOrder(handles('2026-11_10', '0', '2026-11_9', '2027-01_1', '2026-2_1'))).toEqual([
      '2026-11_9',
      '2026-11_10',
      '2027-01_1',
    ])
    expect(handles('0', '2026-11', '2026-11_0', '2026-11_1').map(isBook)).toEqual([false, false, false, true])
  })
})
