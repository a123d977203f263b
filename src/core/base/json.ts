/** Canonical JSON (RFC 8785): one value, one text, so that hashes of state and records are equal on every machine. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * RFC 8785 text of a JSON value: keys in UTF-16 order, no white space. A member that is undefined is left out, as
 * `JSON.stringify` does, so that a value and its stored copy have one text. Throws a TypeError on what JSON would change
 * in silence: NaN, Infinity, lone surrogates (RFC 8785 section 3.2.2.2), undefined items, bigints, class instances.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`not a JSON number: ${value}`)
    return JSON.stringify(value)
  }
  // Array.from visits holes, which map would leave out
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`
  if (typeof value === 'object') return canonicalObject(value as Record<string, unknown>)
  throw new TypeError(`not a JSON value: ${typeof value}`)
}

function canonicalString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('not a JSON string: it has a lone surrogate')
  return JSON.stringify(text)
}

function canonicalObject(value: Record<string, unknown>): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('not a JSON object: it has a class')
  const parts: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member === undefined) continue
    parts.push(`${canonicalString(key)}:${canonicalJson(member)}`)
  }
  return `{${parts.join(',')}}`
}
