/**
 * ROAs as JSON. Changes are `{"added":[{"prefix","maxLength"?,"asn","comment"?}],"removed":[…]}`, strict: nothing is ignored. Lists are
 * `{"roas":[…]}` as Routinator, rpki-client and `roa list --json` write them, or the list alone; their other members are ignored.
 */
import type { Violation } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { readJson } from '../base/json-reader.js'
import { quoted } from '../base/text.js'
import { addressBits } from './address.js'
import { MAX_ASN, parseAsn } from './asn.js'
import { parsePrefix } from './prefix.js'
import { isRoaComment, type ParsedRoa } from './roa-payload.js'
import { MAX_ROA_LINES, NO_SIGN, type RoaRequest, type RoaRequests, tooManyRoas, type Unsigned } from './roa-request.js'
import type { Prefix } from './types.js'

type JsonObject = { readonly [key: string]: Json }

const LISTS = ['added', 'removed'] as const
const KEYS = ['prefix', 'maxLength', 'asn', 'comment']

/**
 * Parses changes in JSON. Violations have their place (`line 3 column 7` for invalid JSON, else `added[2]`): `roa-json` for another
 * shape, unknown keys included, `roa-too-many`, and those of `parseRoaPayload`.
 */
export function parseRoaDeltaJson(text: string, unsigned?: Unsigned): RoaRequests {
  const read = readJson(text)
  if ('fault' in read) {
    const { line, column, message } = read.fault
    return refuse({
      code: 'roa-json',
      message: `line ${line} column ${column}: not JSON: ${message}`,
      details: { line },
    })
  }
  const document = read.ok
  const list = Array.isArray(document) ? document : isObject(document) ? document['roas'] : undefined
  if (list !== undefined) return readList(list as Json, Array.isArray(document) ? '' : 'roas', unsigned)
  if (!isObject(document) || LISTS.every((name) => document[name] === undefined))
    return refuse({
      code: 'roa-json',
      message: 'the JSON is not an object with "added", "removed" or both, nor one with "roas"',
    })
  const faults = unknownKeys(document, LISTS, 'the object')
  const requests: RoaRequest[] = []
  for (const name of LISTS) {
    const list = document[name] ?? []
    if (!Array.isArray(list)) faults.push({ code: 'roa-json', message: `${name}: not a list` })
    else if (list.length > MAX_ROA_LINES) return refuse(tooManyRoas())
    else
      for (const [index, item] of list.entries())
        readChange(item as Json, `${name}[${index}]`, name === 'removed', requests, faults)
  }
  const wrong = requests.find(({ remove }) => unsigned !== undefined && remove !== (unsigned === 'remove'))
  if (wrong !== undefined)
    faults.push({ code: 'roa-json', message: `${wrong.place}: every ROA of this file is one to ${unsigned}` })
  return { requests, faults }
}

function readList(list: Json, name: string, unsigned: Unsigned | undefined): RoaRequests {
  if (!Array.isArray(list)) return refuse({ code: 'roa-json', message: `${name}: not a list` })
  if (unsigned === undefined) return refuse({ code: 'roa-unsigned', message: `a list of ROAs ${NO_SIGN}` })
  if (list.length > MAX_ROA_LINES) return refuse(tooManyRoas())
  const faults: Violation[] = []
  const requests: RoaRequest[] = []
  for (const [index, item] of list.entries())
    readItem(item as Json, `${name}[${index}]`, unsigned === 'remove', requests, faults)
  return { requests, faults }
}

function refuse(fault: Violation): RoaRequests {
  return { requests: [], faults: [fault] }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownKeys(value: JsonObject, known: readonly string[], place: string): Violation[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      code: 'roa-json',
      message: `${place}: unknown key ${quoted(key)}, known keys: ${known.join(', ')}`,
    }))
}

function readChange(item: Json, place: string, remove: boolean, requests: RoaRequest[], faults: Violation[]): void {
  const unknown = isObject(item) ? unknownKeys(item, KEYS, place) : []
  faults.push(...unknown)
  // an item with an unknown key counts as unread, and its other faults are listed too
  readItem(item, place, remove, unknown.length > 0 ? [] : requests, faults)
}

function readItem(item: Json, place: string, remove: boolean, requests: RoaRequest[], faults: Violation[]): void {
  const parsed = parseRoaRow(item)
  if ('ok' in parsed) requests.push({ remove, place, note: parsed.ok })
  else faults.push(...parsed.faults.map((fault) => ({ ...fault, message: `${place}: ${fault.message}` })))
}

/** Parses a ROA as a row `{"prefix","maxLength"?,"asn","comment"?}`; other members are ignored. Returns all violations, as `parseRoaPayload` does. */
export function parseRoaRow(item: Json): ParsedRoa {
  if (!isObject(item)) return { faults: [{ code: 'roa-json', message: 'not an object' }] }
  const faults: Violation[] = []
  const fault = (code: string, message: string): void => void faults.push({ code, message })
  const prefix = prefixOf(item['prefix'], faults)
  const asn = asnOf(item['asn'])
  if (asn === undefined) fault('roa-asn-invalid', `asn ${shown(item['asn'])} is not an AS number from 0 to ${MAX_ASN}`)
  const given = item['maxLength']
  if (given !== undefined && !isMaxLength(given, prefix)) {
    const range =
      prefix === undefined ? '' : ` from the prefix length ${prefix.length} to ${addressBits(prefix.family)}`
    fault('roa-max-length', `maxLength ${shown(given)} is not a number${range}`)
  }
  const { comment } = item
  if (comment !== undefined && (typeof comment !== 'string' || !isRoaComment(comment)))
    fault('roa-syntax', `comment ${shown(comment)} is not one line of text without control characters`)
  if (faults.length > 0 || prefix === undefined || asn === undefined) return { faults }
  const note = typeof comment === 'string' ? comment.trim() : ''
  const payload = { asn, prefix, maxLength: typeof given === 'number' ? given : prefix.length }
  return { ok: note === '' ? { payload } : { payload, comment: note } }
}

function prefixOf(value: Json | undefined, faults: Violation[]): Prefix | undefined {
  if (typeof value !== 'string') {
    faults.push({ code: 'roa-prefix-invalid', message: `prefix ${shown(value)} is not a string` })
    return undefined
  }
  const parsed = parsePrefix(value)
  if ('ok' in parsed) return parsed.ok
  const code = parsed.fault.code === 'prefix-host-bits' ? 'roa-host-bits' : 'roa-prefix-invalid'
  faults.push({ code, message: parsed.fault.message })
  return undefined
}

/** Reads a number, or text as on the command line. */
function asnOf(value: Json | undefined): number | undefined {
  if (typeof value === 'string') return parseAsn(value)
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_ASN ? value : undefined
}

function isMaxLength(value: Json, prefix: Prefix | undefined): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false
  return prefix === undefined || (value >= prefix.length && value <= addressBits(prefix.family))
}

function shown(value: Json | undefined): string {
  return value === undefined ? '(none)' : typeof value === 'string' ? quoted(value) : quoted(JSON.stringify(value))
}
