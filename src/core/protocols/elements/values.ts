/** Values of attributes and texts that several protocols have. Each refuses what its section does not allow. */
import { fromBase64, fromHex, toHex } from '../../base/bytes.js'
import { type Handle, isHandle } from '../../base/handle.js'
import type { Value } from './shape.js'

/** The longest URI in the schemas of RFC 8181 and RFC 8183. */
const MAX_URI = 4096

/** Octets of one certificate or other object in the schemas of RFC 6492 and RFC 8183. */
export const MAX_OBJECT = 512_000

/** White space of Unicode and characters of no width: a BPKI certificate pasted through a portal or a mail has them. */
const SPACE = /[\s\u0085\u180e\u200b-\u200d\u2060\ufeff]+/g

/** One of the texts given. */
export function choice<const T extends string>(...texts: readonly T[]): Value<T> {
  return (text, refuse) => texts.find((known) => known === text) ?? refuse(`is not ${texts.join(' or ')}`)
}

/**
 * Text of `min` to `max` characters, as an xsd:token: white space around it is dropped, and white space within it, line breaks too, is one
 * space. A name that a peer chose is so always on one line.
 */
export function token(min: number, max: number): Value<string> {
  return (text, refuse) => {
    const trimmed = text.trim().replace(/\s+/g, ' ')
    if (trimmed.length < min) return refuse(min === 1 ? 'is empty' : `has fewer than ${min} characters`)
    return trimmed.length > max ? refuse(`has more than ${max} characters`) : trimmed
  }
}

export const handle: Value<Handle> = (text, refuse) =>
  isHandle(text)
    ? (text as Handle)
    : refuse('is not a handle: 1 to 255 of A-Z a-z 0-9 - _ / with no empty part between slashes')

/** Bytes in base64 with white space anywhere, at least one of them. */
export function base64(max: number): Value<Uint8Array> {
  return (text, refuse) => {
    const bytes = fromBase64(text.replace(SPACE, '')) ?? refuse('is not base64')
    if (bytes.length === 0) return refuse('is empty')
    return bytes.length > max ? refuse(`has more than ${max} octets`) : bytes
  }
}

/** As `base64`, and empty text is no bytes. */
export function base64OrEmpty(max: number): Value<Uint8Array> {
  const read = base64(max)
  return (text, refuse) => (text.replace(SPACE, '') === '' ? new Uint8Array() : read(text, refuse))
}

/** Hexadecimal digits of either case, as lower case; up to twice the length of a SHA-256. */
export const hexHash: Value<string> = (text, refuse) => {
  const bytes = fromHex(text.trim())
  if (bytes === undefined || bytes.length === 0) return refuse('is not hexadecimal')
  return bytes.length > 64 ? refuse('is longer than a hash') : toHex(bytes)
}

/** URI with one of these schemes, in printable ASCII, with a host and without a user. The scheme is written in lower case. */
export function uri(...schemes: readonly string[]): Value<string> {
  return (text, refuse) => {
    const trimmed = text.trim()
    if (trimmed.length > MAX_URI) return refuse(`has more than ${MAX_URI} characters`)
    const [, scheme = '', rest = ''] = /^([A-Za-z]+)(:\/\/[!-~]+)$/.exec(trimmed) ?? []
    if (!schemes.includes(scheme.toLowerCase())) return refuse(`is not a URI with ${schemes.join(':// or ')}://`)
    if (/[<>"\\^`{|}]/.test(rest)) return refuse('has a character that a URI cannot have (RFC 3986 section 2)')
    const authority = /^:\/\/([^/?#]*)/.exec(rest)?.[1] ?? ''
    if (authority.includes('@')) return refuse('names a user')
    if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(authority)) return refuse('has no valid host')
    return `${scheme.toLowerCase()}${rest}`
  }
}

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Returns the members that are not undefined. */
export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>
}
