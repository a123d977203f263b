/** A file of ROA changes: one set, taken wholly or not at all. Invariant: no payload is named twice, so the order of lines means nothing. */
import type { Fault } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { formatRoaPayload, parseRoaPayload, type RoaNote } from './roa-payload.js'
import type { RoaPayload } from './types.js'

export interface RoaDelta {
  readonly added: readonly RoaNote[]
  readonly removed: readonly RoaPayload[]
}

export type ParsedRoaDelta = { readonly ok: RoaDelta } | { readonly faults: readonly Fault[] }

/** Several times the ROAs of the largest holders; the bound keeps a wrong file from eating the memory. */
export const MAX_ROA_LINES = 100_000

/**
 * The changes of a text with one `A: 192.0.2.0/24-28 => 64496 # note` (add) or `R: ...` (remove) a line; empty lines and
 * lines that begin with `#` say nothing. Faults name their line: those of `parseRoaPayload`, `roa-duplicate` for a payload
 * named a second time (added and removed included), `roa-too-many` beyond `MAX_ROA_LINES`.
 */
export function parseRoaDelta(text: string): ParsedRoaDelta {
  const lines = text.split('\n', MAX_ROA_LINES + 1)
  if (lines.length > MAX_ROA_LINES) {
    return { faults: [{ code: 'roa-too-many', message: `too many ROA lines: more than ${MAX_ROA_LINES}` }] }
  }
  const added: RoaNote[] = []
  const removed: RoaPayload[] = []
  const faults: Fault[] = []
  const seen = new Map<string, number>()
  lines.forEach((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const number = index + 1
    const parsed = parseLine(line)
    if ('faults' in parsed) {
      faults.push(...parsed.faults.map((fault) => onLine(fault, number)))
      return
    }
    const key = formatRoaPayload(parsed.note.payload)
    const first = seen.get(key)
    if (first === undefined) seen.set(key, number)
    else faults.push(onLine({ code: 'roa-duplicate', message: `${key} is named on line ${first} already` }, number))
    if (parsed.add) added.push(parsed.note)
    else removed.push(parsed.note.payload)
  })
  return faults.length > 0 ? { faults } : { ok: { added, removed } }
}

function parseLine(
  line: string,
): { readonly add: boolean; readonly note: RoaNote } | { readonly faults: readonly Fault[] } {
  const sign = line.slice(0, 2)
  if (sign !== 'A:' && sign !== 'R:') {
    return { faults: [{ code: 'roa-syntax', message: `invalid line ${quoted(line)}: it begins with A: or R:` }] }
  }
  const parsed = parseRoaPayload(line.slice(2).trimStart())
  return 'faults' in parsed ? parsed : { add: sign === 'A:', note: parsed.ok }
}

function onLine(fault: Fault, line: number): Fault {
  const details = typeof fault.details === 'object' && fault.details !== null && !Array.isArray(fault.details)
  return { ...fault, message: `line ${line}: ${fault.message}`, details: { ...(details ? fault.details : {}), line } }
}
