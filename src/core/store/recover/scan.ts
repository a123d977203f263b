/**
 * Scans the history of one aggregate against its commits: which files exist, which are damaged, and up to which command its state can be
 * rebuilt.
 * Invariant: reads only; a state is built only from bytes that a commit references, and never across a gap.
 */
import type { AggregateId, Gone, NumberRange, StoredCommand } from '../../eventsourcing/types.js'
import { type ArchivedRange, rangeOf } from '../commit/archived-ranges.js'
import { inRanges } from '../commit/live-branch.js'
import { isCorrupt } from '../disk/damage.js'
import { commandName, eventName, snapshotName } from '../disk/paths.js'
import { parseCommand } from '../disk/records.js'
import { readVerified } from '../disk/verified-read.js'
import type { NamedCommand } from './commit-chain.js'
import { archivedIndexOf, type FileEvidence, findFileEvidence, type RecoverySources } from './evidence.js'

/** A command that a commit lists, and the evidence for its files. */
export interface Step {
  readonly named: NamedCommand
  /** Version that it was applied to, according to the branch. */
  readonly versionBefore: number
  readonly record: StoredCommand | undefined
  readonly command: FileEvidence
  /** Events in order; empty if the record is lost. */
  readonly events: readonly FileEvidence[]
  readonly snapshot: FileEvidence | undefined
  /** True if the state after it can be rebuilt. */
  readonly buildable: boolean
}

export interface Scan {
  readonly id: AggregateId
  /** The live branch, oldest first. */
  readonly live: readonly Step[]
  /** Files that earlier recoveries declared gone. */
  readonly gone: Gone
  /** Archived ranges, whose files may be elsewhere. */
  readonly archived: readonly ArchivedRange[]
}

/** Checks every file of an aggregate. Throws `io`, never `corrupt`. */
export function scanAggregate(sources: RecoverySources, id: AggregateId, named: readonly NamedCommand[]): Scan {
  const { branch, gone } = readLiveBranch(sources, id, named)
  const live: Step[] = []
  for (const { entry, command, record } of branch) {
    const last = live.at(-1)
    const versionBefore = last?.named.version ?? 0
    const files = filesOf(sources, id, record)
    const buildable = isBuildable(entry, record, last, files)
    live.push({ named: entry, versionBefore, record, command, ...files, buildable })
  }
  return { id, live, gone, archived: archivedIndexOf(sources, id) }
}

interface BranchEntry {
  readonly entry: NamedCommand
  readonly command: FileEvidence
  readonly record: StoredCommand | undefined
}

/** Walks back from the newest command; a recovery leads to its base. */
function readLiveBranch(
  sources: RecoverySources,
  id: AggregateId,
  named: readonly NamedCommand[],
): { readonly branch: readonly BranchEntry[]; readonly gone: Gone } {
  const branch: BranchEntry[] = []
  const commands: NumberRange[] = []
  const events: NumberRange[] = []
  const snapshots: NumberRange[] = []
  let upTo = Number.POSITIVE_INFINITY
  for (const entry of [...named].reverse()) {
    if (entry.sequence > upTo) continue
    const command = findFileEvidence(sources, id, commandName(entry.sequence), entry.command)
    const record = readRecord(id, entry, command)
    branch.push({ entry, command, record })
    if (record?.effect.result !== 'recovered') continue
    upTo = record.effect.base.sequence
    commands.push(...record.effect.gone.commands)
    events.push(...record.effect.gone.events)
    snapshots.push(...(record.effect.gone.snapshots ?? []))
  }
  return { branch: branch.reverse(), gone: { commands, events, snapshots } }
}

function readRecord(id: AggregateId, entry: NamedCommand, { found }: FileEvidence): StoredCommand | undefined {
  const bytes = found === undefined ? undefined : readVerified(found.path, entry.command)
  if (found === undefined || bytes === undefined) return undefined
  try {
    return parseCommand(bytes, found.path, id, entry.sequence)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

function filesOf(
  sources: RecoverySources,
  id: AggregateId,
  record: StoredCommand | undefined,
): Pick<Step, 'events' | 'snapshot'> {
  if (record === undefined || record.effect.result === 'rejected') return { events: [], snapshot: undefined }
  const { effect, version } = record
  const hashes = effect.result === 'accepted' ? effect.events : []
  const events = hashes.map((sha256, i) => findFileEvidence(sources, id, eventName(version + i), sha256))
  const named = effect.snapshot
  const snapshot = named === null ? undefined : findFileEvidence(sources, id, snapshotName(named.version), named.sha256)
  return { events, snapshot }
}

function isBuildable(
  entry: NamedCommand,
  record: StoredCommand | undefined,
  last: Step | undefined,
  { events, snapshot }: Pick<Step, 'events' | 'snapshot'>,
): boolean {
  if (snapshot?.found !== undefined) return true
  const base = last === undefined ? { known: true, version: 0 } : { known: last.buildable, version: last.named.version }
  if (!base.known) return false
  // a command without a record that left the version unchanged had no events
  if (record === undefined) return entry.version === base.version
  if (record.effect.result === 'accepted')
    return record.version === base.version && events.every((e) => e.found !== undefined)
  return true
}

/** Returns true if an earlier recovery declared the command, event or snapshot gone. */
export function isGone(scan: Pick<Scan, 'gone'>, what: keyof Gone, n: number): boolean {
  return inRanges(scan.gone[what] ?? [], n)
}

/** Returns true if the command was archived, so that its files may be elsewhere. */
export function isArchived({ archived }: Pick<Scan, 'archived'>, { named }: Step): boolean {
  return rangeOf(archived, named.sequence) !== undefined
}
