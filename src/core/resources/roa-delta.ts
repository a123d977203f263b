/** Parses a file of ROA changes to the end, so that every violation is reported at once. */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { parseRoaDeltaJson } from './roa-delta-json.js'
import { parseRoaPayload } from './roa-payload.js'
import { MAX_ROA_LINES, type RoaRequest, type RoaRequests, tooManyRoas } from './roa-request.js'

/** Parses the changes of a file: JSON if it begins with a brace or bracket (see roa-delta-json.ts), else lines. */
export function parseRoaDelta(text: string): RoaRequests {
  return /^\s*[{[]/.test(text) ? parseRoaDeltaJson(text) : parseRoaLines(text)
}

/**
 * Parses text with one `A: 192.0.2.0/24-28 => 64496 # note` (add) or `R: ...` (remove) per line; empty lines and lines that begin
 * with `#` are ignored. Violations have their line: those of `parseRoaPayload`, and `roa-too-many` beyond `MAX_ROA_LINES`. The CA
 * refuses duplicates.
 */
function parseRoaLines(text: string): RoaRequests {
  const lines = text.split('\n', MAX_ROA_LINES + 1)
  if (lines.length > MAX_ROA_LINES) return { requests: [], faults: [tooManyRoas()] }
  const requests: RoaRequest[] = []
  const faults: Violation[] = []
  lines.forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const parsed = parseLine(line, index + 1)
    if ('faults' in parsed) faults.push(...parsed.faults.map((fault) => onLine(fault, index + 1)))
    else requests.push(parsed)
  })
  return { requests, faults }
}

function parseLine(line: string, number: number): RoaRequest | { readonly faults: readonly Violation[] } {
  const sign = line.slice(0, 2)
  if (sign !== 'A:' && sign !== 'R:') {
    return { faults: [{ code: 'roa-syntax', message: `invalid line ${quoted(line)}: it begins with A: or R:` }] }
  }
  const parsed = parseRoaPayload(line.slice(2).trimStart())
  return 'faults' in parsed ? parsed : { remove: sign === 'R:', note: parsed.ok, place: `line ${number}` }
}

function onLine(fault: Violation, line: number): Violation {
  const details = typeof fault.details === 'object' && fault.details !== null && !Array.isArray(fault.details)
  return { ...fault, message: `line ${line}: ${fault.message}`, details: { ...(details ? fault.details : {}), line } }
}
