/**
 * Parser of TOML text into values of the schema; reports every finding with its line.
 * Invariant: a returned value has the type of its key and is in its range.
 */
import { nearest } from '../base/nearest.js'
import { parseDuration } from '../base/time.js'
import type { FaultyBlock } from './blocks.js'
import { ENROLMENT_TABLES, type Enrolment, NO_ENROLMENT } from './enrolment/schema.js'
import { HOOKS_TABLE, type HooksConfig, NO_HOOKS } from './hooks/schema.js'
import { NO_REPOSITORY, REPOSITORY_TABLE, type RepositoryConfig } from './repository/schema.js'
import { NO_ROUTING, ROUTING_TABLE, type RoutingConfig } from './routing/schema.js'
import { formatValue, KEYS, type Key } from './schema.js'
import { type ConfigFault, described, isTable, type PlacedFault } from './tables.js'

/** A value of the typed configuration; durations in seconds. */
export type Value = string | number | boolean

export interface Parsed {
  /** Values that the file sets, by TOML name. */
  readonly values: ReadonlyMap<string, Value>
  /** The enrolment sections without faults. */
  readonly enrolment: Enrolment
  readonly repository: RepositoryConfig
  readonly routing: RoutingConfig
  readonly hooks: HooksConfig
  /** Faults outside of the sections, and keys in a section that belong outside: with one of them nothing of the file can be used. */
  readonly faults: readonly ConfigFault[]
  /** Faults in sections. Each disables its section; the rest can be used. */
  readonly sectionFaults: readonly ConfigFault[]
}

const OTHER_TABLES: readonly string[] = [REPOSITORY_TABLE, ROUTING_TABLE, HOOKS_TABLE]

type Checked = { readonly value: Value } | { readonly fault: string }

const NOTHING: Parsed = {
  values: new Map(),
  enrolment: NO_ENROLMENT,
  repository: NO_REPOSITORY,
  routing: NO_ROUTING,
  hooks: NO_HOOKS,
  faults: [],
  sectionFaults: [],
}

/** Parses a text and returns its values and all findings. The TOML parser is loaded only for a text that sets something. */
export async function parseConfig(text: string): Promise<Parsed> {
  if (setsNothing(text)) return NOTHING
  const { parse: parseToml } = await import('smol-toml')
  const parse = (toml: string): Record<string, unknown> => parseToml(toml, { integersAsBigInt: true })
  try {
    return await parseTables(text, parse(text), [])
  } catch (error) {
    const { salvage, syntaxFaultOf } = await import('./blocks.js')
    const fault = { ...syntaxFaultOf(error), key: null }
    const rest = salvage(text, parse)
    if (rest === undefined) return { ...NOTHING, faults: [fault] }
    return parseTables(rest.text, rest.table, rest.faulty)
  }
}

async function parseTables(
  text: string,
  table: Readonly<Record<string, unknown>>,
  unread: readonly FaultyBlock[],
): Promise<Parsed> {
  const values = new Map<string, Value>()
  const faults: ConfigFault[] = []
  const unknown: PlacedFault[] = []
  for (const [name, raw] of Object.entries(table)) {
    if (ENROLMENT_TABLES.includes(name) || OTHER_TABLES.includes(name)) continue
    const key = KEYS.get(name)
    if (key === undefined && isSection(raw)) {
      unknown.push({ place: [name], message: `unknown table [${name}]` })
      continue
    }
    const checked = key === undefined ? { fault: unknownKey(name) } : check(name, key, raw)
    if ('value' in checked) values.set(name, checked.value)
    else faults.push({ line: lineOf(text, name) ?? 1, key: name, message: checked.fault })
  }
  const hasSections = unread.length > 0 || Object.keys(table).some((name) => !KEYS.has(name))
  if (!hasSections) return { ...NOTHING, values, faults }
  const { readSections } = await import('./sections.js')
  const sections = readSections(text, table, unread, unknown)
  return { values, ...sections, faults: [...faults, ...sections.faults] }
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

/** Returns true for a table, or a list of tables. */
function isSection(raw: unknown): boolean {
  return isTable(raw) || (Array.isArray(raw) && raw.length > 0 && raw.every(isTable))
}

function unknownKey(name: string): string {
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
