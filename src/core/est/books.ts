/**
 * Books of certificates: `2026-11_1` is the first of that month.
 * Invariant: a book that is full is never written to again but for what is revoked, so a commit costs what one book holds.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Instant } from '../base/time.js'

/** Certificates that one book takes. */
export const BOOK_SIZE = 1000

const BOOK = /^(\d{4}-\d{2})_([1-9]\d{0,8})$/

/** Is it the handle of a book? */
export function isBook(handle: Handle): boolean {
  return BOOK.test(handle)
}

/** Books in the order in which they were begun. */
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

/** The book that takes a certificate at `at`; `count` tells how many one holds. */
export function bookAt(handles: readonly Handle[], at: Instant, count: (book: Handle) => number): Handle {
  const month = at.slice(0, 7)
  const last = inOrder(handles)
    .filter((handle) => handle.startsWith(month))
    .at(-1)
  if (last === undefined) return parseHandle(`${month}_1`)
  return count(last) < BOOK_SIZE ? last : parseHandle(`${month}_${Number(last.slice(8)) + 1}`)
}
