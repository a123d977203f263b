/**
 * Handles (RFC 8183 section 5.1) and their encoding as a path and URI segment.
 * Invariant: the encoding is injective and case-safe, so `a/b`, `A/B` and `a_b` never share a folder.
 */
import { createHash } from 'node:crypto'
import type { Brand } from './brand.js'
import { AppError } from './errors.js'
import { quoted } from './text.js'

export type Handle = Brand<string, 'Handle'>

/** RFC 8183 allows 255 of `[-A-Za-z0-9_/]`; an empty path segment (leading, trailing or double slash) is refused here. */
export function isHandle(text: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9/_-]{0,254}$/.test(text) && !text.endsWith('/') && !text.includes('//')
}

/** Parses a handle. Throws `handle-invalid` (usage). */
export function parseHandle(text: string): Handle {
  if (!isHandle(text)) {
    throw new AppError('usage', 'handle-invalid', `invalid handle ${quoted(text)}`, {
      hint: looksLikePrefix(text)
        ? 'the name of a CA comes before prefixes and ROAs: brine roa add CA 192.0.2.0/24=AS64496'
        : 'a handle is 1 to 255 of A-Z a-z 0-9 - _ / with no empty part between slashes (RFC 8183)',
    })
  }
  return text as Handle
}

/** Returns true for an IP prefix or a ROA in the place of a handle: the name of the CA was forgotten. */
function looksLikePrefix(text: string): boolean {
  return /^[0-9a-f]*[.:][0-9a-f.:]*\/\d/i.test(text)
}

/** Returns a file name and URI segment of `[a-z0-9_-]`: upper case as `_x`, `_` as `__`, `/` as `_-`; beyond 200 bytes a prefix, `_0` and SHA-256. */
export function encodeHandle(handle: Handle): string {
  const text = handle.replace(/[A-Z_/]/g, (c) => (c === '_' ? '__' : c === '/' ? '_-' : `_${c.toLowerCase()}`))
  if (text.length <= 200) return text
  // keep escapes complete: dropping the second `_` of a `__` would make `_0` read as `_` and `0`, the name of a short handle
  const prefix = /^(?:_.|[^_])*/.exec(text.slice(0, 120))?.[0] ?? ''
  return `${prefix}_0${createHash('sha256').update(handle).digest('hex')}`
}
