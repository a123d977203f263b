/**
 * Parser of PKCS #11 URIs (RFC 7512), as far as they name a token and a key on it.
 * Invariants: a URI with a PIN is refused; an unknown attribute is an error, since without it the URI may name another key.
 */
import { quoted } from '../../base/text.js'

/** Attributes that the token must have; trailing blanks are ignored. */
export interface TokenWanted {
  readonly token: string | undefined
  readonly serial: string | undefined
  readonly manufacturer: string | undefined
  readonly model: string | undefined
  /** The number of a slot may change when the machine restarts. */
  readonly slotId: number | undefined
}

export interface Pkcs11Uri extends TokenWanted {
  /** CKA_LABEL of the key. */
  readonly object: string | undefined
  /** CKA_ID of the key, hex. */
  readonly id: string | undefined
  /** `module-path` of the query: an absolute path. */
  readonly modulePath: string | undefined
  /** `pin-source` of the query: an absolute path. */
  readonly pinFile: string | undefined
}

const PATH = ['token', 'serial', 'manufacturer', 'model', 'slot-id', 'object', 'id', 'type'] as const
const QUERY = ['module-path', 'pin-source'] as const
/** Length of the strings in CK_TOKEN_INFO in bytes. */
const FIELD_BYTES: Readonly<Record<string, number>> = { token: 32, serial: 16, manufacturer: 32, model: 16 }

/** Parses a URI; returns its parts, or the error as one sentence without any value. Never throws. */
export function parsePkcs11Uri(text: string): { readonly uri: Pkcs11Uri } | { readonly fault: string } {
  try {
    return { uri: parse(text) }
  } catch (error) {
    if (error instanceof RangeError) return { fault: error.message }
    throw error
  }
}

/** Throws a RangeError. */
function parse(text: string): Pkcs11Uri {
  if (!text.startsWith('pkcs11:')) throw new RangeError('it does not begin with pkcs11:')
  const [path = '', query] = text.slice('pkcs11:'.length).split(/\?(.*)/s)
  const of = attributes(path, ';', PATH)
  const queried = attributes(query ?? '', '&', QUERY)
  if (of.has('type') && textOf(of, 'type') !== 'private')
    throw new RangeError('its type is not private, which is required for signing')
  return {
    token: textOf(of, 'token'),
    serial: textOf(of, 'serial'),
    manufacturer: textOf(of, 'manufacturer'),
    model: textOf(of, 'model'),
    slotId: slotOf(textOf(of, 'slot-id')),
    object: textOf(of, 'object'),
    id: of.get('id')?.toString('hex'),
    modulePath: pathOf('module-path', textOf(queried, 'module-path')),
    pinFile: pathOf('pin-source', textOf(queried, 'pin-source')?.replace(/^file:(?:\/\/(?=\/))?/, '')),
  }
}

/** Reads the attributes: each once, in any order (RFC 7512 section 2.3). */
function attributes(text: string, between: string, known: readonly string[]): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const part of text === '' ? [] : text.split(between)) {
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    if (name === 'pin-value') throw new RangeError('it has a pin-value: a PIN belongs in a file or in the environment')
    if (!known.includes(name)) throw new RangeError(unknownAttribute(at < 0 ? '' : name))
    if (found.has(name)) throw new RangeError(`${name} appears twice`)
    const value = decode(name, part.slice(at + 1))
    if (value.length === 0) throw new RangeError(`its ${name} is empty`)
    if (value.length > (FIELD_BYTES[name] ?? 1024)) throw new RangeError(`its ${name} is longer than a token allows`)
    found.set(name, value)
  }
  return found
}

/** Returns the message for an unknown attribute. A text without `=` may be a PIN, so it is not shown. */
function unknownAttribute(name: string): string {
  const shown = /^[a-z0-9_-]{1,40}$/i.test(name) ? quoted(name) : 'something'
  return `it has ${shown}; known attributes: ${[...PATH, ...QUERY].join(', ')}`
}

function decode(name: string, value: string): Buffer {
  if (!/^(?:[A-Za-z0-9._~:[\]@!$'()*+,=&/?-]|%[0-9A-Fa-f]{2})*$/.test(value))
    throw new RangeError(`its ${name} has a character that must be percent-encoded`)
  const bytes = value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}

function textOf(attributesOf: ReadonlyMap<string, Buffer>, name: string): string | undefined {
  const bytes = attributesOf.get(name)
  if (bytes === undefined) return undefined
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes) || text.includes('\0')) throw new RangeError(`its ${name} is not UTF-8 text`)
  return text
}

function slotOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const slot = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(slot)) throw new RangeError('its slot-id is not a decimal number')
  return slot
}

function pathOf(name: string, path: string | undefined): string | undefined {
  if (path === undefined || path.startsWith('/')) return path
  // RFC 7512 section 2.4 also allows |command: commands in a URI are never run
  throw new RangeError(`its ${name} is not an absolute path of a file`)
}

/** Formats the path part with every value encoded, for other programs. */
export function pkcs11PathOf(uri: Pkcs11Uri): string {
  const texts = { token: uri.token, serial: uri.serial, manufacturer: uri.manufacturer, model: uri.model }
  const parts = Object.entries({ ...texts, object: uri.object }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value).replace(/[!'()*]/g, escaped)}`],
  )
  const id = uri.id === undefined ? [] : [`id=${uri.id.replace(/../g, '%$&')}`]
  return `pkcs11:${[...parts, ...id, 'type=private'].join(';')}`
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`
}
