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

/** Returns `text` for one place on a screen, such as a cell of a table: colours stay; line breaks, tabs and what a terminal obeys are `\u` and four digits. */
export function lineText(text: string): string {
  return text.replace(OBEYED, (found) =>
    found.startsWith('\u001b[') ? found : found === '\r\n' ? escaped(found) : escapedFirst(found),
  )
}

/**
 * Returns a message whose lines after the first begin with two spaces, as lists in messages do: text of a peer or of another program within
 * the message cannot look like a line of its own, such as a hint.
 */
export function messageText(text: string): string {
  return text.replace(/\r?\n(?! {2})/g, '\n  ').replace(/\r(?!\n)/g, escaped)
}

/** Characters that a terminal obeys: of control, and those that change the writing direction or end a line. */
const OBEYED = /\p{Cc}\[[\d;]*m|\r\n|[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Returns text of several lines for a screen: line breaks, tabs and colours stay, and other characters that a terminal obeys are written as
 * `\u` and four digits. What peers sent is shown so, wherever in the text it is.
 */
export function screenText(text: string): string {
  return text.replace(OBEYED, (found) =>
    /^[\t\n]|^\r\n/.test(found) || found.startsWith('\u001b[') ? found : escapedFirst(found),
  )
}

function escapedFirst(text: string): string {
  return `${escaped(text.slice(0, 1))}${text.slice(1)}`
}

function escaped(char: string): string {
  return [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
}
