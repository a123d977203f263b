/**
 * Check that every published object is accounted for: what the publication server holds for a CA of this data directory must be referenced by
 * an event of that CA. Invariant: only hashes that are published now are kept, so memory does not grow with history.
 */
import { type Finding, noteMalformed } from '../../audit/finding.js'
import type { Replayed, Watcher } from '../../audit/replay.js'
import type { HistorySource } from '../../audit/source.js'
import { jsonPath } from '../../base/json-path.js'
import type { AggregateId, Kind } from '../../eventsourcing/types.js'
import type { PubdState } from '../../pubd/state.js'

export class AccountedObjects {
  readonly #source: HistorySource
  /** Hashes that no event has referenced yet, by publisher, each with its place in the server's state. */
  readonly #open = new Map<string, Map<string, { readonly file: string; readonly path: string }>>()
  readonly #locals = new Set<string>()
  readonly #findings: Finding[] = []

  constructor(source: HistorySource) {
    this.#source = source
  }

  /** Returns the watcher of a replay that removes each hash which an event of the aggregate references. */
  watcher({ kind, handle }: AggregateId): Watcher {
    if (!isLocal(kind)) return {}
    const remove = (value: unknown): void => {
      const open = this.#open.get(handle)
      if (open !== undefined && open.size > 0) forEachHash(value, (sha256) => open.delete(sha256))
    }
    return { event: remove, base: remove }
  }

  /** Ends the replay of an aggregate. The server's state supplies the hashes to account for; a CA with findings is not checked. */
  close(id: AggregateId, { state, problems }: Replayed): void {
    if (id.kind === 'pubd' && state !== undefined) {
      const file = this.#source.nameOf(id, '')
      noteMalformed(this.#findings, file, () => this.#add(file, state.value as PubdState))
    }
    if (!isLocal(id.kind)) return
    this.#locals.add(id.handle)
    if (problems.length > 0) this.#open.delete(id.handle)
  }

  /** Returns a finding for each published object of a local CA that no event references. */
  unaccounted(): readonly Finding[] {
    const open = [...this.#open].filter(([publisher]) => this.#locals.has(publisher))
    const found = open.flatMap(([publisher, places]) =>
      [...places].map(([sha256, place]) => ({
        ...place,
        problem: `${sha256} is published, but no event of ${publisher} references it`,
      })),
    )
    return [...this.#findings, ...found]
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

/** Calls `use` for every member `sha256`, at any depth. */
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
