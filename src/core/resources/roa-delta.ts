/** Parses a file of ROA changes to the end, so that every violation is reported at once. */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { isRoaCsv, parseRoaCsv } from './roa-csv.js'
import { parseRoaDeltaJson } from './roa-delta-json.js'
import { parseRoaPayload } from './roa-payload.js'
import { MAX_ROA_LINES, NO_SIGN, type RoaRequest, type RoaRequests, tooManyRoas, type Unsigned } from './roa-request.js'

/**
 * Parses the changes of a file by its content: JSON if it begins with a brace or bracket (see roa-delta-json.ts), CSV (roa-csv.ts), else
 * lines. `unsigned` says what to do with ROAs of which the file does not say whether to add or to remove them; without it they are violations.
 */
export function parseRoaDelta(text: string, unsigned?: Unsigned): RoaRequests {
  const content = text.replace(/^\uFEFF/, '')
  if (/^\s*[{[]/.test(content)) return parseRoaDeltaJson(content, unsigned)
  if (!isRoaCsv(content)) return parseRoaLines(content, unsigned)
  return unsigned === undefined
    ? { requests: [], faults: [{ code: 'roa-unsigned', message: `CSV ${NO_SIGN}` }] }
    : parseRoaCsv(content, unsigned === 'remove')
}

/**
 * Parses text with one `A: 192.0.2.0/24-28 => 64496 # note` (add) or `R: ...` (remove) per line, without the letter where `unsigned` says
 * which; empty lines and lines that begin with `#` are ignored. Violations have their line: those of `parseRoaPayload`, and `roa-too-many` beyond `MAX_ROA_LINES`. The CA
 * refuses duplicates.
 */
function parseRoaLines(text: string, unsigned: Unsigned | undefined): RoaRequests {
  const lines = text.split('\n', MAX_ROA_LINES + 1)
  if (lines.length > MAX_ROA_LINES) return { requests: [], faults: [tooManyRoas()] }
  const requests: RoaRequest[] = []
  const faults: Violation[] = []
  lines.forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const parsed = parseLine(line, index + 1, unsigned)
    if ('faults' in parsed) faults.push(...parsed.faults.map((fault) => onLine(fault, index + 1)))
    else requests.push(parsed)
  })
  return { requests, faults }
}

function parseLine(
  line: string,
  number: number,
  unsigned: Unsigned | undefined,
): RoaRequest | { readonly faults: readonly Violation[] } {
  const sign = /^[AR]:/.exec(line)?.[0]
  const verb = sign === undefined ? unsigned : sign === 'R:' ? 'remove' : 'add'
  const fault = (reason: string) => ({
    faults: [{ code: 'roa-syntax', message: `invalid line ${quoted(line)}: ${reason}` }],
  })
  if (verb === undefined) return fault('it begins with A: or R:')
  if (unsigned !== undefined && verb !== unsigned) return fault(`every ROA of this file is one to ${unsigned}`)
  const parsed = parseRoaPayload(line.slice(sign === undefined ? 0 : 2).trimStart())
  return 'faults' in parsed ? parsed : { remove: verb === 'remove', note: parsed.ok, place: `line ${number}` }
}

function onLine(fault: Violation, line: number): Violation {
  const details = typeof fault.details === 'object' && fault.details !== null && !Array.isArray(fault.details)
  return { ...fault, message: `line ${line}: ${fault.message}`, details: { ...(details ? fault.details : {}), line } }
}
