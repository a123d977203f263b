/**
 * Reads JSON (RFC 8259) from users and other programs strictly; an error has its line and column.
 * Invariant: a duplicate name in an object is an error (RFC 8259 section 4), where JSON.parse silently drops the first.
 */
import type { Json } from './json.js'

/** A syntax error with its line and column, both from 1, the column in UTF-16 units. */
export interface JsonFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

const MAX_DEPTH = 64
const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y

/** Parses a JSON text, ignoring a byte order mark. Objects have no prototype. */
export function readJson(text: string): { readonly ok: Json } | { readonly fault: JsonFault } {
  const reader = new JsonReader(text)
  try {
    return { ok: reader.document() }
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    const lines = text.slice(0, error.at).split('\n')
    return { fault: { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, message: error.message } }
  }
}

class Misread extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

class JsonReader {
  readonly #text: string
  #at: number

  constructor(text: string) {
    this.#text = text
    this.#at = text.startsWith('\ufeff') ? 1 : 0
  }

  document(): Json {
    const value = this.#value(0)
    this.#take(SPACE)
    if (this.#at < this.#text.length) throw new Misread('unexpected text after the value', this.#at)
    return value
  }

  #value(depth: number): Json {
    this.#take(SPACE)
    if (depth > MAX_DEPTH) throw new Misread(`nested deeper than ${MAX_DEPTH}`, this.#at)
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    const token = this.#take(NUMBER) ?? this.#take(WORD)
    if (token === undefined)
      throw new Misread(first === undefined ? 'the text ends too early' : 'expected a value', this.#at)
    return JSON.parse(token) as Json
  }

  #object(depth: number): Json {
    const out: Record<string, Json> = Object.create(null)
    this.#at += 1
    if (this.#is('}')) return out
    do {
      this.#take(SPACE)
      const at = this.#at
      const name = this.#string()
      if (Object.hasOwn(out, name)) throw new Misread(`${JSON.stringify(name)} appears twice`, at)
      this.#must(':')
      out[name] = this.#value(depth + 1)
    } while (this.#is(','))
    this.#must('}')
    return out
  }

  #array(depth: number): Json {
    const out: Json[] = []
    this.#at += 1
    if (this.#is(']')) return out
    do out.push(this.#value(depth + 1))
    while (this.#is(','))
    this.#must(']')
    return out
  }

  /** Finds the end of a string and lets JSON.parse check it: one regular expression over a long text would overflow the stack. */
  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw new Misread('expected a string in double quotes', start)
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    try {
      const value = JSON.parse(this.#text.slice(start, end + 1)) as string
      this.#at = end + 1
      return value
    } catch {
      throw new Misread('unterminated string or invalid character in a string', start)
    }
  }

  #is(sign: string): boolean {
    this.#take(SPACE)
    if (this.#text[this.#at] !== sign) return false
    this.#at += 1
    return true
  }

  #must(sign: string): void {
    if (!this.#is(sign)) throw new Misread(`expected ${sign}`, this.#at)
  }

  #take(token: RegExp): string | undefined {
    token.lastIndex = this.#at
    const found = token.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }
}
