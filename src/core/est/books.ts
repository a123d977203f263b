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

/** Returns the book that takes a certificate at `at`; `count` returns how many a book holds. */
export function bookAt(handles: readonly Handle[], at: Instant, count: (book: Handle) => number): Handle {
  const month = at.slice(0, 7)
  const last = inOrder(handles)
    .filter((handle) => handle.startsWith(month))
    .at(-1)
  if (last === undefined) return parseHandle(`${month}_1`)
  return count(last) < BOOK_SIZE ? last : parseHandle(`${month}_${Number(last.slice(8)) + 1}`)
}
