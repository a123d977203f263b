/**
 * Counters of enrolment for metrics, in `status/counters.json`: written after each commit that changes one, and no part of history.
 * Invariant: a counter only rises; without the file all begin at 0, which a collector takes for a restart.
 */
import type { Json } from '../../base/json.js'
import type { HaEvent } from '../../ha/events.js'
import type { StatusFiles } from '../../store/disk/status-files.js'

/** Kinds of counters, and the meaning of the words behind each. */
export const COUNTERS = {
  issued: ['label', 'ca'],
  failed: ['label', 'ca', 'outcome'],
  failovers: ['label', 'ca'],
  transitions: ['ca', 'to'],
} as const
export type CounterKind = keyof typeof COUNTERS

export interface Counter {
  readonly kind: CounterKind
  /** Values by name, such as `{ label: 'device', ca: 'one' }`. */
  readonly labels: Readonly<Record<string, string>>
  readonly count: number
}

const NAME = 'counters'
/** No name of a label, a CA, an outcome or a state has a space. */
const SEPARATOR = ' '

/** Counts of one transaction. */
export class Counts {
  readonly #added = new Map<string, number>()

  add(kind: CounterKind, ...words: readonly string[]): void {
    const key = [kind, ...words].join(SEPARATOR)
    this.#added.set(key, (this.#added.get(key) ?? 0) + 1)
  }

  /** Counts the changes of health, without the intermediate state `unhealthy`. */
  addEvents(events: readonly HaEvent[]): void {
    for (const event of events)
      if (event.type === 'health.changed' && event.to !== 'unhealthy') this.add('transitions', event.ca, event.to)
  }

  /** Adds the counts to the file. The caller holds the write lock. */
  write(status: StatusFiles): void {
    if (this.#added.size === 0) return
    const before = tableOf(status.read(NAME))
    for (const [key, count] of this.#added) before.set(key, (before.get(key) ?? 0) + count)
    status.write(NAME, Object.fromEntries(before))
  }
}

/** Returns all counters in the order of their names; none if the file is missing or invalid. */
export function readCounters(status: StatusFiles): readonly Counter[] {
  return [...tableOf(status.read(NAME))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, count]) => {
      const [kind = '', ...words] = key.split(SEPARATOR)
      if (!isKind(kind) || words.length !== COUNTERS[kind].length) return []
      const labels = Object.fromEntries(COUNTERS[kind].map((name, n) => [name, words[n] ?? '']))
      return [{ kind, labels, count }]
    })
}

function isKind(text: string): text is CounterKind {
  return Object.hasOwn(COUNTERS, text)
}

function tableOf(value: Json | undefined): Map<string, number> {
  const pairs = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  return new Map(
    pairs.flatMap(([key, count]) =>
      typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? [[key, count] as const] : [],
    ),
  )
}
