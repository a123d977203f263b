/**
 * Text as HTML and SVG. Invariant: everything that is not written in this folder passes through `text`, which escapes it, shows characters that
 * move or hide other text, and bounds its length. Pure.
 */
import type { Instant } from '../../base/time.js'

/** Markup that may be put into a page as it is. */
export type Markup = string & { readonly __markup: true }

const SPECIAL: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** Control characters, those that change the writing direction, separators of lines, and halves of pairs. */
const HIDDEN = /[\p{Cc}\p{Bidi_Control}\p{Cs}\u2028\u2029\ufeff\ufffe\uffff]/gu
/** Characters of one text that are shown. */
const LIMIT = 300

/** Returns text that cannot be anything but text; the first `limit` characters of it. */
export function text(value: string | number, limit = LIMIT): Markup {
  const all = [...String(value).slice(0, limit * 4)]
  const shown = all.slice(0, limit).join('')
  const isCut = all.length > limit || String(value).length > limit * 4
  const escaped = shown
    .replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/[&<>"']/g, (c) => SPECIAL[c] ?? '')
  return `${escaped}${isCut ? `… (${String(value).length} characters)` : ''}` as Markup
}

/** Returns text of other people, whose writing direction ends with it. */
export function foreign(value: string, limit?: number): Markup {
  return html`<bdi>${text(value, limit)}</bdi>`
}

/** Returns a time to the minute, exact in its attribute. It is UTC, which the heading says. */
export function time(at: Instant): Markup {
  return html`<time datetime="${text(at)}">${text(at.slice(0, 16).replace('T', ' '))}</time>`
}

/** Returns an entry of a legend. */
export function key(sample: Markup, name: string): Markup {
  return html`<span><svg class="key" aria-hidden="true">${sample}</svg>${text(name)}</span>`
}

/** Returns `1 ROA`, `2 ROAs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

type Part = Markup | number | readonly Markup[]

/** Joins markup: a string that did not pass through `text` is a type error. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let all = strings[0] ?? ''
  for (const [n, part] of parts.entries()) {
    const piece = typeof part === 'number' ? number(part) : typeof part === 'string' ? part : part.join('')
    all += piece + (strings[n + 1] ?? '')
  }
  return all as Markup
}

/** Coordinates with two digits are exact enough and short. */
function number(value: number): string {
  return String(Math.round(value * 100) / 100)
}

export const NOTHING = '' as Markup
