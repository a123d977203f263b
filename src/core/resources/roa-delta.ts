/** A file of ROA changes: one set, read to the end whatever is wrong in it, so that every fault is told at once. */
import type { Violation } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { parseRoaDeltaJson } from './roa-delta-json.js'
import { parseRoaPayload } from './roa-payload.js'
import { MAX_ROA_LINES, type RoaRequest, type RoaRequests, tooManyRoas } from './roa-request.js'

/** The changes of a file: JSON where it begins with a brace or bracket (see roa-delta-json.ts), else lines. */
export function parseRoaDelta(text: string): RoaRequests {
  return /^\s*[{[]/.test(text) ? parseRoaDeltaJson(text) : parseRoaLines(text)
}

/**
 * The changes of a text with one `A: 192.0.2.0/24-28 => 64496 # note` (add) or `R: ...` (remove) a line; empty lines and
 * lines that begin with `#` say nothing. Faults name their line: those of `parseRoaPayload`, `roa-too-many` beyond
 * `MAX_ROA_LINES`. A ROA that is named twice is for the CA to refuse.
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
