/**
 * ROAs as CSV, as Routinator, rpki-client and the RIRs export them and as `roa list --csv` prints them:
 *
 *     ASN,IP Prefix,Max Length,Trust Anchor
 *     AS64496,192.0.2.0/24,24,ripe
 *
 * The header names the columns, in any order; columns that are not known are ignored. Without a header the columns are those above.
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
      columns ??= DEFAULT
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
      fault('roa-csv', `the header names ${needed === 'asn' ? 'ASN' : 'IP Prefix'} not exactly once`)
  return columns
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
