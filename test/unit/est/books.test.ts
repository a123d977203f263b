/** Books: the one that takes a certificate, and the order in which they are read. */
import { describe, expect, it } from 'vitest'
import type { Handle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { BOOK_SIZE, bookAt, booksNear, inOrder, isBook } from '../../../src/core/est/books.js'

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

  it('is looked for in the book of its time first, then on both sides of it, and in every book once', () => {
    const all = Array.from({ length: 64 }, (_, n) => `2026-11_${n + 1}`)
    const asked: Handle[] = []
    const begins = (book: Handle): Instant => {
      asked.push(book)
      return `2026-11-${String(Number(book.slice(8))).padStart(3, '0')}` as Instant
    }
    const near = booksNear(handles(...all), '2026-11-040x' as Instant, begins)
    expect(near.slice(0, 5)).toEqual(['2026-11_40', '2026-11_41', '2026-11_39', '2026-11_42', '2026-11_38'])
    expect([...near].sort()).toEqual([...all].sort())
    expect(asked.length).toBeLessThan(8)
    // a time before all of them, a time after all, a book without entries, no book
    expect(booksNear(handles(...all), '2020' as Instant, begins)[0]).toBe('2026-11_1')
    expect(booksNear(handles(...all), '2030' as Instant, begins)[0]).toBe('2026-11_64')
    expect(booksNear(handles('2026-11_1', '2026-11_2'), AT, () => undefined)).toHaveLength(2)
    expect(booksNear([], AT, begins)).toEqual([])
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
