/**
 * Survey of one aggregate for the commit that names archived commands: which ones it must name, and which records are not kept yet.
 * Invariant: a command is named only if its record proves that it only published and all its events exist; reads only.
 */

import { addSeconds, type Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { AggregateId, Kind, NumberRange, StoredCommand } from '../../eventsourcing/types.js'
import { findFile, readCommand } from '../commit/aggregate-files.js'
import { type ArchivedRange, rangeOf } from '../commit/archived-ranges.js'
import { type ArchiveRule, ArchiveRuleCollector } from '../commit/archiving-commit.js'
import { isKept } from '../commit/kept-records.js'
import { inRanges, type LiveBranch, rangesOf } from '../commit/live-branch.js'
import type { StoreReader } from '../commit/store-reader.js'
import { unlessCorrupt } from '../disk/damage.js'
import { eventName, type Layout } from '../disk/paths.js'
import { type HistoryEntry, OVERLAP_SECONDS } from './archive-plan.js'

/** Archived commands that commits name now, and those that they named a day ago, when a copy that is being taken may have begun. */
export interface NamedArchives {
  readonly now: ArchiveRule
  readonly dayAgo: ArchiveRule
}

/** Reads what the commits of a revision name. Throws `corrupt`, `io`. */
export function namedArchives(reader: StoreReader, now: Instant): NamedArchives {
  const [all, old] = [new ArchiveRuleCollector(), new ArchiveRuleCollector()]
  for (let n = 1; n <= reader.head; n++) {
    const { record } = reader.commitAt(n)
    all.add(record)
    if (addSeconds(record.at, OVERLAP_SECONDS) <= now) old.add(record)
  }
  return { now: all.rule(), dayAgo: old.rule() }
}

export interface BindingSurvey {
  /** Archived commands that no commit names. */
  readonly archived: readonly NumberRange[]
  /** Archived commands without a record, to be named by the commit that begins format 3. */
  readonly claimed: readonly NumberRange[]
  /** Archived commands whose record is at hand and not kept. */
  readonly unkept: readonly HistoryEntry[]
}

/** Compares the index of an aggregate with what commits name. Throws `io`. */
export function surveyBinding(
  layout: Layout,
  id: AggregateId,
  { name, entries, index, branch }: BindingInput,
  named: ArchiveRule,
  publishesOnly: (kind: Kind, type: string) => boolean,
): BindingSurvey {
  const known = [...(named.archived.get(name) ?? []), ...(named.claimed.get(name) ?? [])]
  const [archived, claimed]: [number[], number[]] = [[], []]
  const unkept: HistoryEntry[] = []
  for (const entry of entries) {
    const { sequence, command } = entry
    if (rangeOf(index, sequence) === undefined) continue
    const isNamed = inRanges(known, sequence)
    const kept = isKept(layout, id, command)
    if (isNamed && kept) continue
    const record = tryRecord(layout, id, sequence, command)
    if (record !== undefined && !kept) unkept.push(entry)
    if (isNamed) continue
    const publishes = record !== undefined && publishesOnly(id.kind, record.command.type)
    // before format 3 the archive may have been moved away, and only the index says so
    if (publishes && (!named.keepsRecords || hasEvents(layout, id, record, branch))) archived.push(sequence)
    else if (record === undefined && !named.keepsRecords) claimed.push(sequence)
  }
  return { archived: rangesOf(archived), claimed: rangesOf(claimed), unkept }
}

export interface BindingInput {
  /** Name of the aggregate. */
  readonly name: string
  readonly entries: readonly HistoryEntry[]
  readonly index: readonly ArchivedRange[]
  readonly branch: LiveBranch
}

function tryRecord(layout: Layout, id: AggregateId, sequence: number, sha256: Sha256): StoredCommand | undefined {
  return unlessCorrupt(() => readCommand(layout, id, sequence, sha256).record)
}

function hasEvents(layout: Layout, id: AggregateId, record: StoredCommand, branch: LiveBranch): boolean {
  if (record.effect.result !== 'accepted') return true
  const missing = (sha256: Sha256, version: number): boolean =>
    !inRanges(branch.events, version) &&
    unlessCorrupt(() => findFile(layout, eventName(version), sha256, id)) === undefined
  return !record.effect.events.some((sha256, i) => missing(sha256, record.version + i))
}
