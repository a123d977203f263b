/**
 * Books of certificates: `2026-11_1` is the first of that month.
 * Invariant: a full book is written to again only for revocations, so the cost of a commit is bounded by the size of one book.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Instant } from '../base/time.js'

/** The most certificates in one book. */
export const BOOK_SIZE = 1000

const BOOK = /^(\d{4}-\d{2})_([1-9]\d{0,8})$/

/** Returns true if the handle is that of a book. */
export function isBook(handle: Handle): boolean {
  return BOOK.test(handle)
}

/** Returns the books in the order in which they were begun. */
export function inOrder(handles: readonly Handle[]): readonly Handle[] {
  const numbers = (handle: Handle): readonly [string, number] => {
    const [, month = '', n = '0'] = BOOK.exec(handle) ?? []
    return [month, Number(n)]
  }
  return handles
    .filter(isBook)
    .map((handle) => ({ handle, at: numbers(handle) }))
    .sort((a, b) => (a.at[0] === b.at[0] ? a.at[1] - b.at[1] : a.at[0] < b.at[0] ? -1 : 1))
    .map(({ handle }) => handle)
}

/**
 * Returns all books, those first that may hold a certificate of about `near`: of the book that was current then, and of its neighbours on
 * both sides. `begins` returns the time of the first entry of a book; it is called for few books.
 */
export function booksNear(
  ordered: readonly Handle[],
  near: Instant,
  begins: (book: Handle) => Instant | undefined,
): readonly Handle[] {
  let [low, high] = [0, ordered.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    const book = ordered[middle]
    if (book !== undefined && (begins(book) ?? '') <= near) low = middle
    else high = middle
  }
  // the times of a CA may differ from ours, so the next book is more likely than the one before
  const distance = (index: number): number => (index > low ? 2 * (index - low) - 1 : 2 * (low - index))
  return ordered
    .map((book, index) => ({ book, rank: distance(index) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ book }) => book)
}

/** Returns the book that takes a certificate at `at`; `count` returns how many a book holds. */
export function bookAt(handles: readonly Handle[], at: Instant, count: (book: Handle) => number): Handle {
  const month = at.slice(0, 7)
  const last = inOrder(handles)
    .filter((handle) => handle.startsWith(month))
    .at(-1)
  if (last === undefined) return parseHandle(`${month}_1`)
  return count(last) < BOOK_SIZE ? last : parseHandle(`${month}_${Number(last.slice(8)) + 1}`)
}
