/**
 * Reader of a TOML table with known keys: typed values, and every finding at its place.
 * Invariant: the value that a `TableReader` returns for a key is valid, or there is a finding and the value is the fallback.
 */
import { nearest } from '../base/nearest.js'
import { parseDuration } from '../base/time.js'
import type { Place } from './lines.js'

export interface ConfigFault {
  /** Counted from 1. */
  readonly line: number
  /** Null if the text is not TOML. */
  readonly key: string | null
  /** One sentence with the offending value, without file and line. */
  readonly message: string
}

export interface PlacedFault {
  readonly place: Place
  readonly message: string
  /** Name of the section that the fault refers to, if that section may have a fault of its own. */
  readonly about?: string
  /** True for an unknown key that resembles no key of its table. */
  readonly unknown?: true
}

export function isTable(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !('toISOString' in raw)
}

/** Returns the name of a table for messages: `[[ca]] 2`, `[ca.file]`. */
export function tableName(place: Place): string {
  const words = place.filter((part) => typeof part === 'string').join('.')
  return typeof place.at(-1) === 'number' ? `[[${words}]]` : `[${words}]`
}

/** Required form of a string. */
export interface Shape {
  readonly pattern: RegExp
  readonly expected: string
  /** The value may hold a secret and is not shown. */
  readonly secret?: true
}

export class TableReader {
  readonly place: Place
  readonly faults: PlacedFault[]
  readonly #raw: Readonly<Record<string, unknown>>
  readonly #asked = new Set<string>()

  /** A `raw` that is not a table is a finding, and is read as an empty table. */
  constructor(raw: unknown, place: Place, faults: PlacedFault[]) {
    this.place = place
    this.faults = faults
    this.#raw = isTable(raw) ? raw : {}
    if (raw !== undefined && !isTable(raw))
      this.#fault([], `${tableName(place)} must be a table, not ${described(raw)}`)
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#raw, key)
  }

  /** Adds a finding for the value of `key`. */
  wrong(key: string, message: string): void {
    this.#fault([key], message)
  }

  text(key: string, shape?: Shape): string | undefined {
    const parse = (raw: unknown): string | undefined =>
      typeof raw === 'string' && raw !== '' && !raw.includes('\0') && (shape?.pattern.test(raw) ?? true)
        ? raw
        : undefined
    return this.#read(key, shape?.expected ?? 'a string', parse, shape?.secret)
  }

  /** Reads a required string. */
  required(key: string, shape?: Shape): string {
    if (!this.has(key)) this.#missing(key)
    return this.text(key, shape) ?? ''
  }

  path(key: string): string | undefined {
    return this.text(key, { pattern: /^\//, expected: 'an absolute path' })
  }

  requiredPath(key: string): string {
    return this.required(key, { pattern: /^\//, expected: 'an absolute path' })
  }

  oneOf<const T extends string>(key: string, values: readonly T[]): T | undefined {
    return this.#read(key, `one of ${values.join(', ')}`, (raw) => values.find((value) => value === raw))
  }

  /** Reads one of `values`, or a list of some of them, each once. */
  oneOrMore<const T extends string>(key: string, values: readonly T[]): readonly T[] | undefined {
    return this.#read(key, `one of ${values.join(', ')}, or a list of them`, (raw) => {
      const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw]
      const known = values.filter((value) => items.includes(value))
      return known.length > 0 && known.length === items.length ? known : undefined
    })
  }

  flag(key: string): boolean | undefined {
    return this.#read(key, 'true or false', (raw) => (typeof raw === 'boolean' ? raw : undefined))
  }

  integer(key: string, min: number, max: number): number | undefined {
    return this.#read(key, `a whole number from ${min} to ${max}`, (raw) =>
      typeof raw === 'bigint' && raw >= BigInt(min) && raw <= BigInt(max) ? Number(raw) : undefined,
    )
  }

  /** Reads a duration and returns seconds. */
  duration(key: string, min: number, max: number): number | undefined {
    return this.#read(key, `a duration such as "30s", "15m" or "24h", from ${min} to ${max} seconds`, (raw) => {
      const seconds = typeof raw === 'string' ? parseDuration(raw) : undefined
      return seconds !== undefined && seconds >= min && seconds <= max ? seconds : undefined
    })
  }

  texts(key: string): readonly string[] | undefined {
    return this.#read(key, 'a list of strings', (raw) =>
      Array.isArray(raw) && raw.every((item) => typeof item === 'string' && item !== '') ? raw : undefined,
    )
  }

  /** Reads a table of whole numbers by name. */
  weights(key: string): Readonly<Record<string, number>> | undefined {
    const found = this.#read(key, 'a table of whole numbers from 0 to 1000000', (raw) => {
      if (!isTable(raw)) return undefined
      const sound = Object.values(raw).every((n) => typeof n === 'bigint' && n >= 0n && n <= 1_000_000n)
      return sound ? Object.entries(raw).map(([name, n]) => [name, Number(n)] as const) : undefined
    })
    return found === undefined ? undefined : Object.fromEntries(found)
  }

  /** Returns a reader of the table below `key`. */
  table(key: string): TableReader {
    this.#asked.add(key)
    return new TableReader(this.#raw[key], [...this.place, key], this.faults)
  }

  /** Returns readers of an array of tables. */
  tables(key: string): readonly TableReader[] {
    this.#asked.add(key)
    const raw = this.#raw[key]
    if (raw === undefined) return []
    if (!Array.isArray(raw)) {
      this.#fault(
        [key],
        `${[...this.place, key].join('.')} must be a list of tables, [[${[...this.place, key].join('.')}]]`,
      )
      return []
    }
    return raw.map((item: unknown, n) => new TableReader(item, [...this.place, key, n], this.faults))
  }

  /** Adds a finding for every key that was not read, since it is unknown. */
  close(): void {
    for (const key of Object.keys(this.#raw)) {
      if (this.#asked.has(key)) continue
      const near = nearest(key, this.#asked)
      const message = `unknown key ${JSON.stringify(key.slice(0, 80))} in ${tableName(this.place)}`
      const place = [...this.place, key]
      this.faults.push(
        near === undefined
          ? { place, message, unknown: true }
          : { place, message: `${message}, did you mean ${near}?` },
      )
    }
  }

  #read<T>(key: string, expected: string, parse: (raw: unknown) => T | undefined, secret = false): T | undefined {
    this.#asked.add(key)
    if (!this.has(key)) return undefined
    const raw = this.#raw[key]
    const value = parse(raw)
    const shown = secret ? '[redacted]' : described(raw)
    if (value === undefined) this.#fault([key], `${key} of ${tableName(this.place)} must be ${expected}, not ${shown}`)
    return value
  }

  #missing(key: string): void {
    this.#asked.add(key)
    this.#fault([], `${tableName(this.place)}: required key ${key} is missing`)
  }

  #fault(below: readonly string[], message: string): void {
    this.faults.push({ place: [...this.place, ...below], message })
  }
}

/** Formats a value for messages. */
export function described(raw: unknown): string {
  if (typeof raw === 'string') return JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)
  if (typeof raw === 'bigint' || typeof raw === 'number' || typeof raw === 'boolean') return String(raw)
  if (Array.isArray(raw)) return 'an array'
  return isTable(raw) ? 'a table' : 'a date'
}
