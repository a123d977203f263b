/** Faults of a desired-state file as they are found, and the checks that all its tables share. */
import { didYouMean } from '../base/nearest.js'
import { quoted } from '../base/text.js'
import { described, isTable } from '../config/tables.js'
import type { Path, Source, StateFault } from './source.js'

type Table = Readonly<Record<string, unknown>>

export class Findings {
  readonly all: StateFault[] = []
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
  }

  /** Adds a fault at a path. */
  add(path: Path, code: string, message: string): void {
    this.all.push({ code, message, ...this.#source.placeOf(path) })
  }

  /** Returns a list; an absent one is empty. Anything else is a fault. */
  list(path: Path, raw: unknown): readonly unknown[] {
    if (raw === undefined) return []
    if (Array.isArray(raw)) return raw
    this.add(path, 'state-type', `${String(path.at(-1))} must be a list, not ${described(raw)}`)
    return []
  }

  /** Returns a table; anything else is a fault. */
  table(path: Path, raw: unknown, what: string): Table | undefined {
    if (isTable(raw)) return raw
    this.add(path, 'state-type', `${what} must be a table, not ${described(raw)}`)
    return undefined
  }

  /** Returns a required text; anything else is a fault. */
  text(path: Path, table: Table, key: string): string | undefined {
    const raw = table[key]
    if (typeof raw === 'string') return raw
    const is = raw === undefined ? `${key} is missing` : `${key} must be a string, not ${described(raw)}`
    this.add([...path, key], 'state-type', is)
    return undefined
  }

  /** Adds a fault for each key that is not one of `known`. */
  unknownKeys(path: Path, table: Table, known: readonly string[]): void {
    for (const key of Object.keys(table))
      if (!known.includes(key))
        this.add([...path, key], 'state-unknown-key', `unknown key ${quoted(key)}${didYouMean(key, known)}`)
  }
}
