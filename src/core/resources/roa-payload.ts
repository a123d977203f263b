/** ROA payloads (RFC 9582) as text and as names. Invariant: maxLength is explicit, so one payload has one text, one key and one file name. */
import { AppError, type Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { addressBits } from './address.js'
import { formatAsn, parseAsn } from './asn.js'
import { comparePrefix, formatPrefix, parseLength, parsePrefix } from './prefix.js'
import type { Prefix, RoaPayload } from './types.js'

/** A payload with its author's comment. */
export interface RoaNote {
  readonly payload: RoaPayload
  readonly comment?: string
}

export type ParsedRoa = { readonly ok: RoaNote } | { readonly faults: readonly Violation[] }

const MAX_TEXT = 1024
const FORMS = 'a ROA is "192.0.2.0/24-28 => 64496 # note" or 192.0.2.0/24-28=AS64496'

/**
 * Parses `192.0.2.0/24-28 => 64496 # note` (any spaces around `=>`) or `192.0.2.0/24-28=AS64496` (no spaces); maxLength defaults
 * to the prefix length. Returns all violations: `roa-syntax`, `roa-prefix-invalid`, `roa-host-bits`,
 * `roa-max-length` (RFC 9582 section 4.3.2.2), `roa-asn-invalid`.
 */
export function parseRoaPayload(text: string): ParsedRoa {
  if (text.length > MAX_TEXT) return syntax(text, `it is longer than ${MAX_TEXT} characters`)
  const hash = text.indexOf('#')
  const comment = hash < 0 ? '' : text.slice(hash + 1).trim()
  if (!isRoaComment(comment))
    return syntax(text, 'a comment is one line without control characters and direction marks')
  // what is left of `P => A` without quotes: the shell has opened a file named A
  if (text === '=') return syntax(text, 'the shell took the > of =>: quote the ROA, or write PREFIX=ASN')
  const sides = splitSides(hash < 0 ? text : text.slice(0, hash))
  if (sides === undefined) return syntax(text, missingHalf(text) ?? FORMS)
  const faults: Violation[] = []
  const ranged = parseSide(sides[0], faults)
  const asn = parseAsn(sides[1])
  if (asn === undefined) {
    faults.push(roaFault('roa-asn-invalid', text, `${quoted(sides[1])} is not an AS number from 0 to 4294967295`))
  }
  if (ranged === undefined || asn === undefined) return { faults }
  const payload: RoaPayload = { asn, prefix: ranged.prefix, maxLength: ranged.maxLength }
  return { ok: comment === '' ? { payload } : { payload, comment } }
}

/** Names the half that a prefix or an AS number alone lacks; undefined for other texts. */
function missingHalf(text: string): string | undefined {
  const word = text.trim()
  if (/^AS\d+$/i.test(word)) return 'the prefix is missing, one word for both: 192.0.2.0/24=AS64496'
  if (!/^[\da-f.:]+\/\d+(-\d+)?$/i.test(word)) return undefined
  return `the AS number is missing, one word for both: ${word}=AS64496`
}

/** Returns true for one line of text without control characters and direction marks, which show it in another order than it has. */
export function isRoaComment(text: string): boolean {
  return text.length <= MAX_TEXT && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)
}

function splitSides(text: string): readonly [string, string] | undefined {
  const blank = /^[ \t]+|[ \t]+$/g
  const arrow = text.indexOf('=>')
  if (arrow >= 0) return [text.slice(0, arrow).replace(blank, ''), text.slice(arrow + 2).replace(blank, '')]
  const equals = text.indexOf('=')
  return equals < 0 ? undefined : [text.slice(0, equals), text.slice(equals + 1).replace(/[ \t]+$/, '')]
}

/** Splits `P` or `P-L`; a dash without a preceding length is part of the prefix, so that the message quotes the input. */
function parseSide(text: string, faults: Violation[]): { prefix: Prefix; maxLength: number } | undefined {
  const parts = /^([^/]*\/\d+)-(.*)$/s.exec(text)
  const prefix = parsePrefix(parts?.[1] ?? text)
  if ('fault' in prefix) {
    const code = prefix.fault.code === 'prefix-host-bits' ? 'roa-host-bits' : 'roa-prefix-invalid'
    faults.push({ ...prefix.fault, code })
    return undefined
  }
  const { family, length } = prefix.ok
  const maxLength = parts?.[2] === undefined ? length : parseLength(parts[2])
  if (maxLength !== undefined && maxLength >= length && maxLength <= addressBits(family)) {
    return { prefix: prefix.ok, maxLength }
  }
  const reason = `maxLength is a number from the prefix length ${length} to ${addressBits(family)}`
  faults.push(roaFault('roa-max-length', text, reason))
  return undefined
}

function roaFault(code: string, text: string, reason: string): Violation {
  return { code, message: `invalid ROA ${quoted(text)}: ${reason}`, details: { roa: text.slice(0, 80) } }
}

function syntax(text: string, reason: string): ParsedRoa {
  return { faults: [roaFault('roa-syntax', text, reason)] }
}

/** Returns `192.0.2.0/24-28 => 64496`, the key of stored tables. */
export function formatRoaPayload(payload: RoaPayload): string {
  return `${formatPrefix(payload.prefix)}-${payload.maxLength} => ${payload.asn}`
}

/** Parses a stored key. Throws `roa-stored` (corrupt) unless it is exactly what `formatRoaPayload` writes. */
export function fromRoaKey(key: string): RoaPayload {
  const parsed = parseRoaPayload(key)
  if ('ok' in parsed && formatRoaPayload(parsed.ok.payload) === key) return parsed.ok.payload
  throw new AppError('corrupt', 'roa-stored', `stored ROA is not in canonical form: ${quoted(key)}`)
}

/** Returns the file name of a ROA object with only this payload: lower-case hex of its text (RFC 6481 section 2.2 requires `[A-Za-z0-9_-]`). */
export function roaFileName(payload: RoaPayload): string {
  return `${Buffer.from(formatRoaPayload(payload), 'ascii').toString('hex')}.roa`
}

/** Returns the file name of the ROA object with all payloads of an AS: `AS64496.roa`. */
export function roaAggregateFileName(asn: number): string {
  return `${formatAsn(asn)}.roa`
}

/**
 * Compares payloads in the order of lists: IPv4 before IPv6, address, length, maxLength, AS number. (The order inside an object is RFC 9582
 * section 4.3.3 and belongs to the encoder.)
 */
export function compareRoaPayload(a: RoaPayload, b: RoaPayload): number {
  return comparePrefix(a.prefix, b.prefix) || a.maxLength - b.maxLength || a.asn - b.asn
}
