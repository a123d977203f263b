/** Canonical JSON (RFC 8785): one text per value, so that hashes of states and records are equal on every machine. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * Returns the RFC 8785 text of a JSON value: keys in UTF-16 order, no white space. Undefined members are omitted, as
 * `JSON.stringify` does, so that a value and its stored copy have the same text. Throws a TypeError for values that JSON would
 * change silently: NaN, Infinity, lone surrogates (RFC 8785 section 3.2.2.2), undefined items, bigints, class instances.
 */
export function canonicalJson(value: unknown): string {
  return write(value, undefined)
}

/** Maximum length of cached parts: longer ones usually change, and their own parts are cached. */
const REMEMBERED = 4096

/** Returns a `canonicalJson` for many values that share parts, as the states of a history do. The values must be immutable. */
export function canonicalWriter(): (value: unknown) => string {
  const known = new WeakMap<object, string>()
  return (value) => write(value, known)
}

/**
 * Returns true if `text` is the RFC 8785 text of the value that `JSON.parse` returned for it. `JSON.stringify` keeps the order of keys and has
 * the same numbers and strings, so only the order of keys is left to check; lone surrogates, which it escapes, are left to `canonicalJson`.
 */
export function isCanonicalText(parsed: Json, text: string): boolean {
  if (text.includes('\\ud') || !isSorted(parsed)) return canonicalJson(parsed) === text
  return JSON.stringify(parsed) === text
}

/** Returns true if the keys of all objects are in UTF-16 order. */
function isSorted(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let previous: string | undefined
  for (const [key, member] of Object.entries(value as { readonly [key: string]: Json })) {
    if ((previous !== undefined && previous > key) || !isSorted(member)) return false
    previous = key
  }
  return true
}

function write(value: unknown, known: WeakMap<object, string> | undefined): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`not a JSON number: ${value}`)
    return JSON.stringify(value)
  }
  if (typeof value !== 'object') throw new TypeError(`not a JSON value: ${typeof value}`)
  const before = known?.get(value)
  if (before !== undefined) return before
  // Array.from visits holes, which map would leave out
  const text = Array.isArray(value)
    ? `[${Array.from(value, (item) => write(item, known)).join(',')}]`
    : canonicalObject(value as Record<string, unknown>, known)
  if (text.length <= REMEMBERED) known?.set(value, text)
  return text
}

function canonicalString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('not a JSON string: it has a lone surrogate')
  return JSON.stringify(text)
}

function canonicalObject(value: Record<string, unknown>, known: WeakMap<object, string> | undefined): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('not a JSON object: it has a class')
  const parts: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member === undefined) continue
    parts.push(`${canonicalString(key)}:${write(member, known)}`)
  }
  return `{${parts.join(',')}}`
}
