/**
 * Parser of TOML text into values of the schema; reports every finding with its line.
 * Invariant: a returned value has the type of its key and is in its range.
 */
import type { TomlError } from 'smol-toml'
import { nearest } from '../base/nearest.js'
import { parseDuration } from '../base/time.js'
import { ENROLMENT_TABLES, type Enrolment, NO_ENROLMENT } from './enrolment/schema.js'
import { lineAt, linesOf } from './lines.js'
import { formatValue, KEYS, type Key } from './schema.js'
import { described, isTable, type PlacedFault } from './tables.js'

export interface ConfigFault {
  /** Counted from 1. */
  readonly line: number
  /** Null if the text is not TOML. */
  readonly key: string | null
  /** One sentence with the offending value, without file and line. */
  readonly message: string
}

/** A value of the typed configuration; durations in seconds. */
export type Value = string | number | boolean

export interface Parsed {
  /** Values that the file sets, by TOML name. */
  readonly values: ReadonlyMap<string, Value>
  readonly enrolment: Enrolment
  readonly faults: readonly ConfigFault[]
}

type Checked = { readonly value: Value } | { readonly fault: string }

/** Parses a text and returns its values and all findings. The TOML parser is loaded only for a text that sets something. */
export async function parseConfig(text: string): Promise<Parsed> {
  if (setsNothing(text)) return { values: new Map(), enrolment: NO_ENROLMENT, faults: [] }
  const { parse } = await import('smol-toml')
  let table: Record<string, unknown>
  try {
    table = parse(text, { integersAsBigInt: true })
  } catch (error) {
    return { values: new Map(), enrolment: NO_ENROLMENT, faults: [syntaxFault(error)] }
  }
  const values = new Map<string, Value>()
  const faults: ConfigFault[] = []
  for (const [name, raw] of Object.entries(table)) {
    if (ENROLMENT_TABLES.includes(name)) continue
    const key = KEYS.get(name)
    const checked = key === undefined ? { fault: unknownKey(name, raw) } : check(name, key, raw)
    if ('value' in checked) values.set(name, checked.value)
    else faults.push({ line: lineOf(text, name) ?? 1, key: name, message: checked.fault })
  }
  const { enrolment, placed } = await enrolmentOf(table)
  const lines = placed.length === 0 ? undefined : linesOf(text)
  for (const { place, message } of placed)
    faults.push({ line: lines === undefined ? 1 : lineAt(lines, place), key: place.join('.'), message })
  return { values, enrolment, faults }
}

/** Reads the enrolment sections. Rules between them are checked only if each is valid. */
async function enrolmentOf(
  table: Readonly<Record<string, unknown>>,
): Promise<{ readonly enrolment: Enrolment; readonly placed: readonly PlacedFault[] }> {
  const own = Object.entries(table).filter(([name]) => ENROLMENT_TABLES.includes(name))
  if (own.length === 0) return { enrolment: NO_ENROLMENT, placed: [] }
  const { readEnrolment } = await import('./enrolment/parse.js')
  const { validateEnrolment } = await import('./enrolment/validate.js')
  const placed: PlacedFault[] = []
  const enrolment = readEnrolment(Object.fromEntries(own), placed)
  return { enrolment, placed: placed.length > 0 ? placed : validateEnrolment(enrolment) }
}

/** Returns the line (from 1) on which a key or a table of that name is set; undefined if it is not set. */
export function lineOf(text: string, name: string): number | undefined {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const setting = new RegExp(`^[ \\t]*(?:\\[\\[?[ \\t]*)?["']?${quoted}["']?[ \\t]*[.=\\]]`)
  const index = text.split('\n').findIndex((line) => setting.test(line))
  return index < 0 ? undefined : index + 1
}

function setsNothing(text: string): boolean {
  return text.split('\n').every((line) => /^[ \t]*(?:#[\t\x20-\x7e\u0080-\uffff]*)?\r?$/.test(line))
}

function syntaxFault(error: unknown): ConfigFault {
  if (!(error instanceof Error) || !('line' in error)) throw error
  const { line, column } = error as TomlError
  const [what = 'not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n')
  return { line, key: null, message: `not TOML, column ${column}: ${what}` }
}

function unknownKey(name: string, raw: unknown): string {
  if (isTable(raw) || (Array.isArray(raw) && raw.length > 0 && raw.every(isTable))) return `unknown table [${name}]`
  const near = nearest(name, KEYS.keys())
  const found = `unknown key ${JSON.stringify(name.slice(0, 80))}`
  return near === undefined ? found : `${found}, did you mean ${near}?`
}

function check(name: string, key: Key, raw: unknown): Checked {
  switch (key.type) {
    case 'boolean':
      return typeof raw === 'boolean' ? { value: raw } : wrong(name, 'true or false', raw)
    case 'integer':
      return checkInteger(name, key, raw)
    case 'duration':
      return checkDuration(name, key, raw)
    case 'enum': {
      const known = typeof raw === 'string' && key.values.includes(raw)
      return known ? { value: raw } : wrong(name, `one of ${key.values.map((v) => formatValue(v)).join(', ')}`, raw)
    }
    case 'path': {
      const absolute = typeof raw === 'string' && raw.startsWith('/') && !raw.includes('\0')
      return absolute ? { value: raw } : wrong(name, 'an absolute path', raw)
    }
  }
}

function checkInteger(name: string, key: Key & { type: 'integer' }, raw: unknown): Checked {
  const expected = `a whole number from ${key.min} to ${key.max}`
  if (typeof raw !== 'bigint' || raw < BigInt(key.min) || raw > BigInt(key.max)) return wrong(name, expected, raw)
  return { value: Number(raw) }
}

function checkDuration(name: string, key: Key & { type: 'duration' }, raw: unknown): Checked {
  const seconds = typeof raw === 'string' ? parseDuration(raw) : undefined
  if (seconds === undefined) return wrong(name, 'a duration such as "30s", "15m", "24h" or "90d"', raw)
  if (seconds < key.min || seconds > key.max)
    return wrong(name, `a duration from ${key.min} to ${key.max} seconds`, raw)
  return { value: seconds }
}

function wrong(name: string, expected: string, raw: unknown): Checked {
  return { fault: `${name} must be ${expected}, not ${described(raw)}` }
}
