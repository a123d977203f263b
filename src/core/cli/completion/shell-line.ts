/**
 * The unfinished line of a shell: words without their quotes, and a reply as bash inserts it. Invariant: nothing of the line is executed or
 * expanded but `~` and the variables of the environment in a path.
 */

/** The last word of a line as it is written, and its value. */
export interface LastWord {
  readonly raw: string
  readonly value: string
  /** The quote that is open at its end. */
  readonly quote: '' | '"' | "'"
  /** Place in `raw` from which on bash replaces the word. */
  readonly start: number
}

/** Divides a line of bash in front of the cursor into words. `breaks` is COMP_WORDBREAKS: characters at which bash begins a new word to complete. */
export function splitLine(
  line: string,
  breaks: string,
): { readonly words: readonly string[]; readonly last: LastWord } {
  const words: string[] = []
  let last: LastWord = NO_WORD
  // a backslash and what it protects are one piece
  for (const piece of line.match(/\\.|./gsu) ?? []) {
    if (last.quote === '' && /^\s/.test(piece)) {
      if (last.raw !== '') words.push(last.value)
      last = NO_WORD
    } else for (const part of last.quote === "'" ? piece : [piece]) last = withPiece(last, part, breaks)
  }
  return { words, last }
}

const NO_WORD: LastWord = { raw: '', value: '', quote: '', start: 0 }

/** Returns the word with the next character of the line, or the next two if the first is a backslash. */
function withPiece(word: LastWord, piece: string, breaks: string): LastWord {
  const { quote } = word
  const raw = word.raw + piece
  const isQuote = piece === '"' || piece === "'"
  if (quote === '' && isQuote) return { ...word, raw, quote: piece, start: raw.length }
  if (isQuote && piece === quote) return { ...word, raw, quote: '' }
  const isProtected = piece.length === 2 && piece.startsWith('\\') && quote !== "'"
  const isKept = quote === '"' && !'"\\$`'.includes(piece.slice(1))
  const value = word.value + (isProtected && !isKept ? piece.slice(1) : piece)
  return { raw, value, quote, start: quote === '' && breaks.includes(piece) ? raw.length : word.start }
}

/** Returns a word as bash inserts it in place of the last one: the rest behind the last break, escaped for the open quote. */
export function bashReply(word: string, last: LastWord): string {
  const kept = splitLine(last.raw.slice(0, last.start), '').last.value
  const rest = word.slice(kept.length)
  if (last.quote === "'") return rest.replaceAll("'", "'\\''")
  if (last.quote === '"') return rest.replace(/["\\$`]/g, '\\$&')
  return rest.replace(/[^\w./:=@,+%-]/g, '\\$&')
}

/** Returns a path with `~` and `$NAME` at its beginning replaced as the shell would do it. */
export function expandPath(path: string, env: Readonly<Record<string, string | undefined>>): string {
  const home = path === '~' || path.startsWith('~/') ? `${env['HOME'] ?? '~'}${path.slice(1)}` : path
  return home.replace(
    /^\$(?:\{(\w+)\}|(\w+))/,
    (all, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? all,
  )
}
