/**
 * One aggregate's history against its commits: which files are there, which are not what was written, and how far its state can be built.
 * Invariant: pure reading; a state is buildable only from bytes that a commit vouches for, and never over a hole.
 */
import type { AggregateId, Gone, NumberRange, StoredCommand } from '../../eventsourcing/types.js'
import { tryReadArchivedIndex } from '../commit/archived-index.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import { inRanges } from '../commit/live-branch.js'
import { isCorrupt } from '../disk/damage.js'
import { commandName, eventName, snapshotName } from '../disk/paths.js'
import { parseCommand } from '../disk/records.js'
import { readVerified } from '../disk/verified-read.js'
import type { NamedCommand } from './commit-chain.js'
import { type FileEvidence, findFileEvidence, type RecoverySources } from './evidence.js'

/** A command that commits name, and what is left of it. */
export interface Step {
  readonly named: NamedCommand
  /** The version that it was applied to, as the line tells. */
  readonly versionBefore: number
  readonly record: StoredCommand | undefined
  readonly command: FileEvidence
  /** In order; empty where the record is not to be had. */
  readonly events: readonly FileEvidence[]
  readonly snapshot: FileEvidence | undefined
  /** Can the state after it be built? */
  readonly buildable: boolean
}

export interface Scan {
  readonly id: AggregateId
  /** The line that the state comes from, oldest first. */
  readonly live: readonly Step[]
  /** What earlier recoveries declared gone. */
  readonly gone: Gone
  /** What was archived, so that its files may lie elsewhere. */
  readonly archived: readonly ArchivedRange[]
}

/** Looks at every file of an aggregate. Throws `io`; never `corrupt`. */
export function scanAggregate(places: RecoverySources, id: AggregateId, named: readonly NamedCommand[]): Scan {
  const { line, gone } = liveLine(places, id, named)
  const live: Step[] = []
  for (const { entry, command, record } of line) {
    const last = live.at(-1)
    const before = last?.named.version ?? 0
    const files = filesOf(places, id, record)
    const known = isKnown(entry, record, last, files)
    live.push({ named: entry, versionBefore: before, record, command, ...files, buildable: known })
  }
  return { id, live, gone, archived: tryReadArchivedIndex(places.layout, id) }
}

interface LineEntry {
  readonly entry: NamedCommand
  readonly command: FileEvidence
  readonly record: StoredCommand | undefined
}

/** From the newest back; a recovery leads to its base. */
function liveLine(
  places: RecoverySources,
  id: AggregateId,
  named: readonly NamedCommand[],
): { readonly line: readonly LineEntry[]; readonly gone: Gone } {
  const line: LineEntry[] = []
  const commands: NumberRange[] = []
  const events: NumberRange[] = []
  let upTo = Number.POSITIVE_INFINITY
  for (const entry of [...named].reverse()) {
    if (entry.sequence > upTo) continue
    const command = findFileEvidence(places, id, commandName(entry.sequence), entry.command)
    const record = readRecord(id, entry, command)
    line.push({ entry, command, record })
    if (record?.effect.result !== 'recovered') continue
    upTo = record.effect.base.sequence
    commands.push(...record.effect.gone.commands)
    events.push(...record.effect.gone.events)
  }
  return { line: line.reverse(), gone: { commands, events } }
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
  places: RecoverySources,
  id: AggregateId,
  record: StoredCommand | undefined,
): Pick<Step, 'events' | 'snapshot'> {
  if (record === undefined || record.effect.result === 'rejected') return { events: [], snapshot: undefined }
  const { effect, version } = record
  const hashes = effect.result === 'accepted' ? effect.events : []
  const events = hashes.map((sha256, i) => findFileEvidence(places, id, eventName(version + i), sha256))
  const named = effect.snapshot
  const snapshot = named === null ? undefined : findFileEvidence(places, id, snapshotName(named.version), named.sha256)
  return { events, snapshot }
}

function isKnown(
  entry: NamedCommand,
  record: StoredCommand | undefined,
  last: Step | undefined,
  { events, snapshot }: Pick<Step, 'events' | 'snapshot'>,
): boolean {
  if (snapshot?.found !== undefined) return true
  const base = last === undefined ? { known: true, version: 0 } : { known: last.buildable, version: last.named.version }
  if (!base.known) return false
  // without its record it is known that nothing came of it when the version stayed
  if (record === undefined) return entry.version === base.version
  if (record.effect.result === 'accepted')
    return record.version === base.version && events.every((e) => e.found !== undefined)
  return true
}

/** Was it declared gone before? */
export function isGone(scan: Pick<Scan, 'gone'>, what: keyof Gone, n: number): boolean {
  return inRanges(scan.gone[what], n)
}
