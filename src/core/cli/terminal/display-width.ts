/** Width of text on a terminal in columns, and text shortened to a width. Escape sequences of colours take no column. */

const ESC = '\u001b'
/** One escape sequence of a colour, or one character. */
const TOKEN = new RegExp(`${ESC}\\[[0-9;]*m|[^]`, 'gu')
/** Combining marks and characters without a shape. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u
/** East Asian wide and fullwidth characters (Unicode, UAX 11) and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])$/u

/** Returns the columns that `text` takes. */
export function displayWidth(text: string): number {
  // most cells are ASCII
  if (/^[ -~]*$/.test(text)) return text.length
  return tokens(text).reduce((sum, token) => sum + tokenWidth(token), 0)
}

/** Returns `text` in at most `width` columns, with `…` where something is left out. Colours stay balanced. */
export function shortened(text: string, width: number, cut: 'end' | 'middle' = 'end'): string {
  const total = displayWidth(text)
  if (total <= width) return text
  const tail = cut === 'middle' ? Math.floor((width - 1) / 2) : 0
  const head = width - 1 - tail
  let at = 0
  let kept = ''
  let marked = false
  for (const token of tokens(text)) {
    const from = at
    at += tokenWidth(token)
    const isOmitted = !isColour(token) && at > head && from < total - tail
    if (!isOmitted) kept += token
    else if (!marked) {
      kept += '…'
      marked = true
    }
  }
  return kept
}

function tokens(text: string): readonly string[] {
  return text.match(TOKEN) ?? []
}

function isColour(token: string): boolean {
  return token.length > 1 && token.startsWith(ESC)
}

function tokenWidth(token: string): number {
  return isColour(token) || ZERO.test(token) ? 0 : WIDE.test(token) ? 2 : 1
}
