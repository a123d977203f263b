/**
 * The snapshots that are kept of one aggregate, against the records that name them and the states that its events make.
 * Invariant: one that is not kept any more is no fault; one that is kept is vouched for by a record, or it is.
 */
import { canonicalJson, canonicalWriter, type Json } from '../base/json.js'
import { firstDifference } from '../base/json-path.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import type { AggregateId } from '../eventsourcing/types.js'
import { parseFileName, snapshotName } from '../store/disk/paths.js'
import { parseSnapshot } from '../store/disk/records.js'
import { type Finding, noting } from './finding.js'
import type { HistorySource } from './source.js'

/** What a command record says of the snapshot that it wrote. */
export interface NamedSnapshot {
  readonly version: number
  readonly sha256: Sha256
}

/** The state that the events make; undefined where one of them could not be read. */
export type State = { readonly value: unknown } | undefined

/** Collects what the records name while a replay goes by, and what is wrong with what is kept. */
export class Snapshots {
  readonly #source: HistorySource
  readonly #id: AggregateId
  /** By version. */
  readonly #named = new Map<number, Sha256>()
  /** What states share is written once. */
  readonly #text = canonicalWriter()

  constructor(source: HistorySource, id: AggregateId) {
    this.#source = source
    this.#id = id
  }

  /** A record names it. */
  vouch({ version, sha256 }: NamedSnapshot): void {
    this.#named.set(version, sha256)
  }

  /** A recovery gave up what was written after one version, up to another. */
  giveUp(after: number, through: number): void {
    for (const version of this.#named.keys()) if (version > after && version <= through) this.#named.delete(version)
  }

  /** The one that the command of this sequence wrote, against the state that the events make. */
  compare(problems: Finding[], sequence: number, named: NamedSnapshot, made: State): void {
    this.vouch(named)
    const { file, name } = this.#place(named.version)
    const bytes = noting(problems, file, () => this.#source.peek(this.#id, name))
    if (bytes === undefined) return
    if (sha256Hex(bytes) !== named.sha256) {
      problems.push({ file, path: '$', problem: 'its hash is not the one that was recorded' })
      return
    }
    // the file that the events make has this very hash: only where it has not is its content looked at
    const whole = made && { format: 1, ...this.#id, version: named.version, sequence, state: made.value }
    if (whole !== undefined && sha256Hex(`${this.#text(whole)}\n`) === named.sha256) return
    const state = noting(problems, file, () => parseSnapshot(bytes, file, this.#id).state)
    if (state === undefined || made === undefined) return
    if (canonicalJson(state) !== canonicalJson(made.value)) {
      const path = firstDifference(state, made.value as Json, '$.state')
      problems.push({ file, path, problem: 'is not what the events make' })
    }
  }

  /** Snapshots up to a version that no record names, and links that lead to no named one. Those of before `from` had their records where the archive went. */
  strays(problems: Finding[], from: number, newest: number): void {
    const vouched = new Set(this.#named.values())
    const suspects: string[] = []
    for (const name of this.#source.names(this.#id)) {
      const parsed = parseFileName(name)
      if (name === 'snapshot.json' || name === 'snapshot-bk.json') suspects.push(name)
      else if (parsed?.type !== 'snapshot') continue
      else if (parsed.n < from) vouched.add(this.#hashOf(name))
      else if (parsed.n <= newest && !this.#named.has(parsed.n)) suspects.push(name)
    }
    const problem = 'no command record names a snapshot of this content'
    for (const name of suspects)
      if (!vouched.has(this.#hashOf(name)))
        problems.push({ file: this.#source.nameOf(this.#id, name), path: '$', problem })
  }

  /** One that is no regular file has no content that a record names. */
  #hashOf(name: string): Sha256 {
    return sha256Hex(noting([], name, () => this.#source.peek(this.#id, name)) ?? '')
  }

  #place(version: number): { readonly name: string; readonly file: string } {
    const name = snapshotName(version)
    return { name, file: this.#source.nameOf(this.#id, name) }
  }
}
