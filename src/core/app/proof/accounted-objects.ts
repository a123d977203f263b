/**
 * Is every published object accounted for? What the publication server serves for a CA of this directory must have been named by an event
 * of that CA. Invariant: only hashes that are served now are remembered, so a long history costs no memory.
 */
import { type Finding, shaped } from '../../audit/finding.js'
import type { Replayed, Watcher } from '../../audit/replay.js'
import type { HistorySource } from '../../audit/source.js'
import { jsonPath } from '../../base/json-path.js'
import type { AggregateId, Kind } from '../../eventsourcing/types.js'
import type { PubdState } from '../../pubd/state.js'

export class AccountedObjects {
  readonly #source: HistorySource
  /** By publisher: hashes not yet met, each with its place in the server's state. */
  readonly #open = new Map<string, Map<string, { readonly file: string; readonly path: string }>>()
  readonly #locals = new Set<string>()
  readonly #problems: Finding[] = []

  constructor(source: HistorySource) {
    this.#source = source
  }

  /** Crosses out what an aggregate's events name. */
  watcher({ kind, handle }: AggregateId): Watcher {
    if (!isLocal(kind)) return {}
    const cross = (value: unknown): void => {
      const open = this.#open.get(handle)
      if (open !== undefined && open.size > 0) forEachHash(value, (sha256) => open.delete(sha256))
    }
    return { event: cross, base: cross }
  }

  /** After an aggregate: the server's content opens the accounts; a CA that could not be replayed answers for nothing. */
  close(id: AggregateId, { state, problems }: Replayed): void {
    if (id.kind === 'pubd' && state !== undefined) {
      const file = this.#source.nameOf(id, '')
      shaped(this.#problems, file, () => this.#add(file, state.value as PubdState))
    }
    if (!isLocal(id.kind)) return
    this.#locals.add(id.handle)
    if (problems.length > 0) this.#open.delete(id.handle)
  }

  unaccounted(): readonly Finding[] {
    const open = [...this.#open].filter(([publisher]) => this.#locals.has(publisher))
    const found = open.flatMap(([publisher, places]) =>
      [...places].map(([sha256, place]) => ({
        ...place,
        problem: `${sha256} is published, and no event of ${publisher} named it`,
      })),
    )
    return [...this.#problems, ...found]
  }

  #add(file: string, state: PubdState): void {
    for (const [publisher, { objects }] of Object.entries(state.publishers)) {
      const places = new Map<string, { file: string; path: string }>()
      const base = jsonPath(jsonPath('$.publishers', publisher), 'objects')
      for (const [name, { sha256 }] of Object.entries(objects)) places.set(sha256, { file, path: jsonPath(base, name) })
      this.#open.set(publisher, places)
    }
  }
}

function isLocal(kind: Kind): boolean {
  return kind === 'ca' || kind === 'ta'
}

/** Every member `sha256`, at any depth. */
function forEachHash(value: unknown, use: (sha256: string) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) forEachHash(item, use)
    return
  }
  for (const [key, member] of Object.entries(value))
    if (key === 'sha256' && typeof member === 'string') use(member)
    else forEachHash(member, use)
}
