/**
 * Compares the snapshots of one aggregate with the records that reference them and the states computed from its events.
 * Invariant: a missing snapshot is not a finding; an existing one without a record is.
 */
import { canonicalJson, canonicalWriter, type Json } from '../base/json.js'
import { firstDifference } from '../base/json-path.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId } from '../eventsourcing/types.js'
import { parseFileName, snapshotName } from '../store/disk/paths.js'
import { parseSnapshot } from '../store/disk/records.js'
import { type Finding, noteDamage } from './finding.js'
import type { HistorySource } from './source.js'

/** The entry of a command record about its snapshot. */
export interface RecordedSnapshot {
  readonly version: number
  readonly sha256: Sha256
}

/** The state computed from the events; undefined if one of them could not be read. */
export type State = { readonly value: unknown } | undefined

/** Collects the referenced snapshots during a replay, and the findings about existing ones. */
export class Snapshots {
  readonly #source: HistorySource
  readonly #id: AggregateId
  /** By version. */
  readonly #named = new Map<number, Sha256>()
  /** Writes the parts that states share once. */
  readonly #text = canonicalWriter()

  constructor(source: HistorySource, id: AggregateId) {
    this.#source = source
    this.#id = id
  }

  /** Adds a snapshot that a record references. */
  reference({ version, sha256 }: RecordedSnapshot): void {
    this.#named.set(version, sha256)
  }

  /** Removes snapshots that a recovery declared lost, after one version up to another. */
  discard(after: number, through: number): void {
    for (const version of this.#named.keys()) if (version > after && version <= through) this.#named.delete(version)
  }

  /** Compares the snapshot of the command with this sequence with the state computed from the events. */
  compare(problems: Finding[], sequence: number, named: RecordedSnapshot, made: State): void {
    this.reference(named)
    const { file, name } = this.#place(named.version)
    const bytes = noteDamage(problems, file, () => this.#source.peek(this.#id, name))
    if (bytes === undefined) return
    if (sha256Hex(bytes) !== named.sha256) {
      problems.push({ file, path: '$', problem: 'content does not match its recorded hash' })
      return
    }
    // if the computed file has this hash, the content need not be compared
    const expected = made && { format: 1, ...this.#id, version: named.version, sequence, state: made.value }
    if (expected !== undefined && sha256Hex(`${this.#text(expected)}\n`) === named.sha256) return
    const state = noteDamage(problems, file, () => parseSnapshot(bytes, file, this.#id).state)
    if (state === undefined || made === undefined) return
    if (canonicalJson(state) !== canonicalJson(made.value)) {
      const path = firstDifference(state, made.value as Json, '$.state')
      problems.push({ file, path, problem: 'does not match the state computed from the events' })
    }
  }

  /** Reports unreferenced snapshots up to a version, and links to them. Records of those before `from` are in the archive. */
  reportUnreferenced(problems: Finding[], from: number, newest: number): void {
    const referenced = new Set(this.#named.values())
    const suspects: string[] = []
    for (const name of this.#source.names(this.#id)) {
      const parsed = parseFileName(name)
      if (name === 'snapshot.json' || name === 'snapshot-bk.json') suspects.push(name)
      else if (parsed?.type !== 'snapshot') continue
      else if (parsed.n < from) referenced.add(this.#hashOf(name))
      else if (parsed.n <= newest && !this.#named.has(parsed.n)) suspects.push(name)
    }
    const problem = 'no command record references a snapshot with this content'
    for (const name of suspects)
      if (!referenced.has(this.#hashOf(name)))
        problems.push({ file: this.#source.nameOf(this.#id, name), path: '$', problem })
  }

  /** Returns the hash of a snapshot; '' for anything that is not a regular file. */
  #hashOf(name: string): Sha256 {
    return sha256Hex(noteDamage([], name, () => this.#source.peek(this.#id, name)) ?? '')
  }

  #place(version: number): { readonly name: string; readonly file: string } {
    const name = snapshotName(version)
    return { name, file: this.#source.nameOf(this.#id, name) }
  }
}
