/**
 * ROAs as CSV, as Routinator, rpki-client and the RIRs export them and as `roa list --csv` prints them:
 *
 *     ASN,IP Prefix,Max Length,Trust Anchor
 *     AS64496,192.0.2.0/24,24,ripe
 *
 * The header names the columns, in any order; columns that are not known are ignored. These programs and the RIPE NCC always write one, so a
 * file without it was made by hand: its columns are those above, or what its first line shows beyond doubt.
 */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { addressBits } from './address.js'
import { formatAsn, MAX_ASN, parseAsn } from './asn.js'
import { parseLength, parsePrefix } from './prefix.js'
import { isRoaComment, type RoaNote } from './roa-payload.js'
import { MAX_ROA_LINES, type RoaRequest, type RoaRequests, tooManyRoas } from './roa-request.js'

type Column = 'asn' | 'prefix' | 'maxLength' | 'comment'

/** Names of the columns in headers, in lower case without spaces, dashes and underscores. */
const NAMES: ReadonlyMap<string, Column> = new Map([
  ['asn', 'asn'],
  ['originas', 'asn'],
  ['ipprefix', 'prefix'],
  ['prefix', 'prefix'],
  ['maxlength', 'maxLength'],
  ['comment', 'comment'],
  ['note', 'comment'],
])
const DEFAULT: readonly (Column | undefined)[] = ['asn', 'prefix', 'maxLength']
const HEADER = 'ASN,IP Prefix,Max Length'

/** Returns true if the first line that is not empty and not a comment looks like CSV: fields, and no `=`. */
export function isRoaCsv(text: string): boolean {
  const first = firstLine(text)
  return /[,;]/.test(first) && !first.includes('=')
}

function firstLine(text: string): string {
  return /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*([^\n]*)/.exec(text)?.[1] ?? ''
}

/** Parses the ROAs to add, or with `remove` to remove. Violations have their line: `roa-csv` for its form, and those of `parseRoaPayload`. */
export function parseRoaCsv(text: string, remove: boolean): RoaRequests {
  const lines = text.split('\n', MAX_ROA_LINES + 2)
  if (lines.length > MAX_ROA_LINES + 1) return { requests: [], faults: [tooManyRoas()] }
  const separator = firstLine(text).includes(',') ? ',' : ';'
  const requests: RoaRequest[] = []
  const faults: Violation[] = []
  let columns: readonly (Column | undefined)[] | undefined
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/\r$/, '')
    if (line.trim() === '' || line.startsWith('#')) continue
    const place = `line ${index + 1}`
    const own: Violation[] = []
    const fault = (code: string, reason: string): void =>
      void own.push({ code, message: `${place}: ${reason}`, details: { line: index + 1 } })
    const fields = fieldsOf(line, separator)
    if (fields === undefined) fault('roa-csv', `a quote without its end, or text after it: ${quoted(line)}`)
    else if (columns === undefined && isHeader(fields)) columns = columnsOf(fields, fault)
    else {
      columns ??= columnsOfData(fields)
      if (columns === undefined) {
        fault('roa-csv', withoutHeader(fields))
        return { requests: [], faults: [...faults, ...own] }
      }
      const note = readRow(fields, columns, fault)
      if (note !== undefined) requests.push({ remove, note, place })
    }
    faults.push(...own)
  }
  return { requests, faults }
}

/** Splits a line (RFC 4180: quotes around a field, doubled inside of it); undefined for a quote without its end. */
function fieldsOf(line: string, separator: string): readonly string[] | undefined {
  const fields: string[] = []
  let rest = line
  for (;;) {
    const inQuotes = /^[ \t]*"((?:[^"]|"")*)"[ \t]*/.exec(rest)
    if (inQuotes === null && /^[ \t]*"/.test(rest)) return undefined
    const whole = inQuotes?.[0] ?? rest.split(separator, 1)[0] ?? ''
    fields.push(inQuotes?.[1]?.replaceAll('""', '"') ?? whole.trim())
    rest = rest.slice(whole.length)
    if (rest === '') return fields
    if (!rest.startsWith(separator)) return undefined
    rest = rest.slice(separator.length)
  }
}

function isHeader(fields: readonly string[]): boolean {
  return fields.some((field) => NAMES.get(plain(field)) === 'asn')
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[ _-]/g, '')
}

function columnsOf(
  fields: readonly string[],
  fault: (code: string, reason: string) => void,
): readonly (Column | undefined)[] {
  const columns = fields.map((field) => NAMES.get(plain(field)))
  for (const needed of ['asn', 'prefix'] as const)
    if (columns.filter((column) => column === needed).length !== 1)
      fault(
        'roa-csv',
        `the header names ${needed === 'asn' ? 'ASN' : 'IP Prefix'} not exactly once; expected is ${HEADER}`,
      )
  return columns
}

function isPrefixLike(field: string): boolean {
  return /^[\da-f]*[.:][\da-f.:]*(?:\/\d+)?$/i.test(field)
}

/** Returns the columns that the first line of data shows; undefined if it could be read in two ways, or holds no prefix. */
function columnsOfData(fields: readonly string[]): readonly (Column | undefined)[] | undefined {
  const isPrefix = fields.map(isPrefixLike)
  if (/^(?:AS)?\d+$/i.test(fields[0] ?? '')) return DEFAULT
  const at = isPrefix.indexOf(true)
  if (at < 0) return undefined
  const numbers = [...fields.keys()].filter((n) => n !== at && /^(?:AS)?\d+$/i.test(fields[n] ?? ''))
  const named = numbers.filter((n) => /^AS/i.test(fields[n] ?? ''))
  const parsed = parsePrefix(fields[at] ?? '')
  const isLength = (n: number): boolean => {
    const length = parseLength(fields[n] ?? '')
    return (
      'ok' in parsed && length !== undefined && length >= parsed.ok.length && length <= addressBits(parsed.ok.family)
    )
  }
  const candidates = named.length > 0 ? named : numbers.length > 1 ? numbers.filter((n) => !isLength(n)) : numbers
  const [asn, ...others] = candidates
  if (asn === undefined || others.length > 0) return undefined
  const maxLength = numbers.find((n) => n !== asn)
  return fields.map((_, n) => (n === at ? 'prefix' : n === asn ? 'asn' : n === maxLength ? 'maxLength' : undefined))
}

function withoutHeader(fields: readonly string[]): string {
  const what = fields.some(isPrefixLike)
    ? 'looks like data, and which of its columns is the AS number is not certain'
    : 'is neither data nor a header that is known'
  return `${quoted(fields.join(','))} ${what}: begin the file with the header ${HEADER}`
}

function readRow(
  fields: readonly string[],
  columns: readonly (Column | undefined)[],
  fault: (code: string, reason: string) => void,
): RoaNote | undefined {
  const field = (column: Column): string => fields[columns.indexOf(column)] ?? ''
  const asn = parseAsn(field('asn'))
  if (asn === undefined) fault('roa-asn-invalid', `${quoted(field('asn'))} is not an AS number from 0 to ${MAX_ASN}`)
  const parsed = parsePrefix(field('prefix'))
  if ('fault' in parsed) {
    fault(parsed.fault.code === 'prefix-host-bits' ? 'roa-host-bits' : 'roa-prefix-invalid', parsed.fault.message)
    return undefined
  }
  const { length, family } = parsed.ok
  const text = field('maxLength')
  const maxLength = text === '' ? length : parseLength(text)
  const isRanged = maxLength !== undefined && maxLength >= length && maxLength <= addressBits(family)
  if (!isRanged)
    fault(
      'roa-max-length',
      `maxLength ${quoted(text)} is not a number from the prefix length ${length} to ${addressBits(family)}`,
    )
  const comment = field('comment').trim()
  const isNote = isRoaComment(comment)
  if (!isNote) fault('roa-syntax', `comment ${quoted(comment)} is not one line of text without control characters`)
  if (asn === undefined || !isRanged || !isNote) return undefined
  const payload = { asn, prefix: parsed.ok, maxLength }
  return comment === '' ? { payload } : { payload, comment }
}

/** A ROA as a row of CSV. */
export interface RoaCsvRow {
  readonly asn: number
  /** Canonical text. */
  readonly prefix: string
  readonly maxLength: number
  readonly comment?: string
}

/** Returns CSV that `parseRoaCsv` and other programs read, with a last column for comments. Lines end in LF, the last one too. */
export function formatRoaCsv(rows: readonly RoaCsvRow[]): string {
  const lines = rows.map(({ asn, prefix, maxLength, comment }) =>
    [formatAsn(asn), prefix, String(maxLength), csvField(comment ?? '')].join(','),
  )
  return ['ASN,IP Prefix,Max Length,Comment', ...lines, ''].join('\n')
}

function csvField(text: string): string {
  return /[",;]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
