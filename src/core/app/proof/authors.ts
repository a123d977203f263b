/**
 * Which command was the last to touch a place in a state.
 * Invariant: what moves inside a list keeps its author, since a value that stayed is one reference in the states before and after.
 */
import type { Json } from '../../base/json.js'
import type { Difference } from '../../base/json-path.js'

export class Authors {
  /** By the value that came or went. */
  readonly #values = new Map<Json, number>()
  /** By the place itself. */
  readonly #places = new Map<string, number>()
  /** By every place above one that was touched. */
  readonly #above = new Map<string, number>()
  #last = 0

  /** What a command changed; commands come in order. */
  note(sequence: number, changes: readonly Difference[]): void {
    if (changes.length > 0) this.#last = sequence
    for (const { path, before, after } of changes) {
      for (const value of [before, after])
        if (typeof value === 'object' && value !== null) this.#values.set(value, sequence)
      this.#places.set(path, sequence)
      for (const place of placesAbove(path)) this.#above.set(place, sequence)
    }
  }

  /** The command that did this: by value, else the last one at the place, below it, or above it. */
  of({ path, before, after }: Difference): number {
    const value = after ?? before
    const known = typeof value === 'object' && value !== null ? this.#values.get(value) : undefined
    if (known !== undefined) return known
    const around = [this.#places.get(path), this.#above.get(path), ...placesAbove(path).map((p) => this.#places.get(p))]
    return Math.max(0, ...around.map((sequence) => sequence ?? 0)) || this.#last
  }
}

/** Every place that holds this one, from the root down: `$`, `$.a`, `$.a['b']`. */
function placesAbove(path: string): readonly string[] {
  const ends = [...path.matchAll(/\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\]|\['(?:[^'\\]|\\.)*'\]/g)].map((m) => m.index)
  return ends.map((end) => path.slice(0, end))
}
