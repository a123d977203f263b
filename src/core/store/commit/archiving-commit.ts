/**
 * The commit that names archived commands, and what the commits of a history name.
 * Invariant: since the first commit of format 3 the record of every command exists, and only events of commands that such a commit names may be
 * absent; what was archived before and has no record is named once, by the commit that begins format 3.
 */
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import {
  type ArchivedCommands,
  formatAggregateId,
  type NumberRange,
  type StoredCommit,
} from '../../eventsourcing/types.js'

/** Commands that the commit names, and its time. */
export interface ArchivedNames {
  readonly at: Instant
  readonly archived: readonly ArchivedCommands[]
  /** Commands whose records were not at hand when format 3 began. */
  readonly claimed: readonly ArchivedCommands[]
}

/** Returns the commit after `last` that names archived commands. It begins format 3 if `last` is of an older one. */
export function archivingCommit(
  { record: last, sha256 }: { readonly record: StoredCommit; readonly sha256: Sha256 },
  { at, archived, claimed }: ArchivedNames,
  generation: number,
): StoredCommit {
  const { commit, roster, marker } = last
  return {
    format: last.format === 4 ? 4 : 3,
    commit: commit + 1,
    // one that names nothing follows from the commit before it, so that a lost one can be rebuilt
    at: archived.length + claimed.length === 0 || at < last.at ? last.at : at,
    generation,
    aggregates: [],
    roster,
    ...(marker === undefined ? {} : { marker }),
    archived,
    ...(claimed.length === 0 ? {} : { claimed }),
    previous: sha256,
  }
}

/**
 * Returns the commit after `last`, of format 3, since which old files may be in segments: a program that does not read them refuses it, and
 * history with it.
 */
export function packingCommit(
  last: { readonly record: StoredCommit; readonly sha256: Sha256 },
  generation: number,
): StoredCommit {
  return { ...archivingCommit(last, { at: last.record.at, archived: [], claimed: [] }, generation), format: 4 }
}

/** Commands that the commits of a history name, by name of the aggregate. */
export interface ArchiveRule {
  /** True from format 3 on. False: only `archived.json` says what may be absent. */
  readonly keepsRecords: boolean
  /** Commands whose events may be absent. */
  readonly archived: ReadonlyMap<string, readonly NumberRange[]>
  /** Commands whose record may be absent as well. */
  readonly claimed: ReadonlyMap<string, readonly NumberRange[]>
}

/** Collects what commits name, in their order. */
export class ArchiveRuleCollector {
  #keepsRecords = false
  readonly #archived = new Map<string, NumberRange[]>()
  readonly #claimed = new Map<string, NumberRange[]>()

  add({ format, archived, claimed }: Pick<StoredCommit, 'format' | 'archived' | 'claimed'>): void {
    // a claim that does not begin format 3 is a finding, and has no effect
    if (!this.#keepsRecords) addAll(this.#claimed, claimed ?? [])
    addAll(this.#archived, archived ?? [])
    this.#keepsRecords ||= format >= 3
  }

  rule(): ArchiveRule {
    return { keepsRecords: this.#keepsRecords, archived: joined(this.#archived), claimed: joined(this.#claimed) }
  }
}

function addAll(to: Map<string, NumberRange[]>, named: readonly ArchivedCommands[]): void {
  for (const { commands, ...id } of named) {
    const name = formatAggregateId(id)
    const list = to.get(name)
    if (list === undefined) to.set(name, [...commands])
    else list.push(...commands)
  }
}

function joined(all: ReadonlyMap<string, readonly NumberRange[]>): ReadonlyMap<string, readonly NumberRange[]> {
  return new Map([...all].map(([name, ranges]) => [name, joinRanges(ranges)]))
}

/** Returns the ranges sorted, with those that overlap or follow each other joined. */
export function joinRanges(ranges: readonly NumberRange[]): readonly NumberRange[] {
  const out: [number, number][] = []
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}

/** Returns true if sorted, joined ranges contain all of another one. */
export function covers(ranges: readonly NumberRange[], from: number, to: number): boolean {
  return ranges.some(([low, high]) => low <= from && to <= high)
}
