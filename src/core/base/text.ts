/** Untrusted text inside messages: one line, bounded, without characters that move the cursor or change the writing direction. */

/** Returns `text` in double quotes, shortened to `limit` characters; control, format and space characters other than the space as `\u` and four digits. */
export function quoted(text: string, limit = 80): string {
  const shown = JSON.stringify(text.slice(0, limit)).replace(/[\p{C}\p{Z}]/gu, (c) => (c === ' ' ? c : escaped(c)))
  return text.length > limit ? `${shown}...` : shown
}

/** Returns `text` on one line, with control and format characters as `\u` and four digits. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, escaped)
}

/** Characters that a terminal obeys: of control, and those that change the writing direction or end a line. */
const OBEYED = /\p{Cc}\[[\d;]*m|\r\n|[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Returns text of several lines for a screen: line breaks, tabs and colours stay, and other characters that a terminal obeys are written as
 * `\u` and four digits. What peers sent is shown so, wherever in the text it is.
 */
export function screenText(text: string): string {
  return text.replace(OBEYED, (found) =>
    /^[\t\n]|^\r\n/.test(found) || found.startsWith('\u001b[')
      ? found
      : `${escaped(found.slice(0, 1))}${found.slice(1)}`,
  )
}

function escaped(char: string): string {
  return [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
}
