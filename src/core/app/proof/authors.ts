/**
 * Authors of the members of a state: the last command that changed each of them.
 * Invariant: a value that moves inside a list keeps its author, since states share the references of values that did not change.
 */
import type { Json } from '../../base/json.js'
import type { Difference } from '../../base/json-path.js'

export class Authors {
  /** Sequence numbers by the value that was added or removed. */
  readonly #values = new Map<Json, number>()
  /** Sequence numbers by the JSON path that was changed. */
  readonly #paths = new Map<string, number>()
  /** Sequence numbers by every path above one that was changed. */
  readonly #above = new Map<string, number>()
  #last = 0

  /** Records what a command changed. Commands are recorded in their order. */
  note(sequence: number, changes: readonly Difference[]): void {
    if (changes.length > 0) this.#last = sequence
    for (const { path, before, after } of changes) {
      for (const value of [before, after])
        if (typeof value === 'object' && value !== null) this.#values.set(value, sequence)
      this.#paths.set(path, sequence)
      for (const place of pathsAbove(path)) this.#above.set(place, sequence)
    }
  }

  /** Returns the command that made a difference: by its value, else the last one that changed its path, a path below it or one above it. */
  of({ path, before, after }: Difference): number {
    const value = after ?? before
    const known = typeof value === 'object' && value !== null ? this.#values.get(value) : undefined
    if (known !== undefined) return known
    const around = [this.#paths.get(path), this.#above.get(path), ...pathsAbove(path).map((p) => this.#paths.get(p))]
    return Math.max(0, ...around.map((sequence) => sequence ?? 0)) || this.#last
  }
}

/** Returns every path above this one, from the root down: `$`, `$.a`, `$.a['b']`. */
function pathsAbove(path: string): readonly string[] {
  const ends = [...path.matchAll(/\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\]|\['(?:[^'\\]|\\.)*'\]/g)].map((m) => m.index)
  return ends.map((end) => path.slice(0, end))
}
