/**
 * Collects everything that history and the kept states reference: records by hash, objects, private keys.
 * Invariant: what cannot be read is reported, so that an incomplete scan is never taken for "unreferenced".
 */
import { join } from 'node:path'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { findFile, readCommand } from '../commit/aggregate-files.js'
import { readArchivedIndex } from '../commit/archived-index.js'
import { rangeOf } from '../commit/archived-ranges.js'
import { followBranch, inRanges, isOffBranch, type LiveBranch, newBranch } from '../commit/live-branch.js'
import type { StoreReader } from '../commit/store-reader.js'
import { unlessCorrupt } from '../disk/damage.js'
import { listDir, readIfExists } from '../disk/fs.js'
import { eventName, type Layout, parseFileName, snapshotName } from '../disk/paths.js'
import type { HistoryEntry } from './archive-plan.js'
import { historyOf } from './archive-survey.js'

export interface References {
  /** Hashes of command records, events and snapshots. */
  readonly records: ReadonlySet<Sha256>
  readonly objects: ReadonlySet<Sha256>
  /** Keys that a kept snapshot, or an event after the oldest one, references. */
  readonly keys: ReadonlySet<KeyId>
  /** Aggregates with a missing or damaged file that is not archived elsewhere. */
  readonly damaged: ReadonlySet<string>
  /** Aggregates with archived files that are not available. */
  readonly archivedElsewhere: ReadonlySet<string>
}

interface Gathered {
  readonly records: Set<Sha256>
  readonly objects: Set<Sha256>
  readonly keys: Set<KeyId>
  readonly damaged: Set<string>
  readonly archivedElsewhere: Set<string>
}

/** Reads all of history once and collects its references. Throws `io`. */
export function referencesOf(layout: Layout, reader: StoreReader): References {
  const out: Gathered = {
    records: new Set(),
    objects: new Set(),
    keys: new Set(),
    damaged: new Set(),
    archivedElsewhere: new Set(),
  }
  const history = historyOf(reader)
  for (const id of reader.roster()) {
    const name = formatAggregateId(id)
    const found = unlessCorrupt(() => {
      reader.load(id)
      return { note: readArchivedIndex(layout, id) }
    })
    if (found === undefined) out.damaged.add(name)
    const oldest = gatherSnapshots(layout, id, out)
    const branch = newBranch()
    for (const entry of [...(history.get(name) ?? [])].reverse()) {
      out.records.add(entry.command)
      const record = unlessCorrupt(() => gatherCommand(layout, id, entry, branch, oldest, out))
      const isDiscarded = isOffBranch(branch, entry.sequence)
      if (record !== undefined && !isDiscarded) followBranch(branch, record)
      if (record !== undefined || isDiscarded) continue
      const isArchived = rangeOf(found?.note ?? [], entry.sequence) !== undefined
      ;(isArchived ? out.archivedElsewhere : out.damaged).add(name)
    }
  }
  return out
}

/** Collects the references of the kept snapshots and returns the version of the oldest one, 0 if there is none. */
function gatherSnapshots(layout: Layout, id: AggregateId, out: Gathered): number {
  const folder = layout.folder(id)
  const versions = listDir(folder)
    .map(parseFileName)
    .flatMap((f) => (f?.type === 'snapshot' ? [f.n] : []))
  for (const version of versions) {
    const bytes = unlessCorrupt(() => readIfExists(join(folder, snapshotName(version))))
    if (bytes === undefined) out.damaged.add(formatAggregateId(id))
    else gatherNames(bytes, true, out)
  }
  return versions.length === 0 ? 0 : Math.min(...versions)
}

function gatherCommand(
  layout: Layout,
  id: AggregateId,
  entry: HistoryEntry,
  branch: LiveBranch,
  oldest: number,
  out: Gathered,
): StoredCommand {
  const { record } = readCommand(layout, id, entry.sequence, entry.command)
  for (const [name, sha256] of filesOf(record)) {
    out.records.add(sha256)
    const file = parseFileName(name)
    if (file?.type !== 'event' || inRanges(branch.events, file.n)) continue
    gatherNames(findFile(layout, name, sha256, id).bytes, entry.toVersion > oldest, out)
  }
  return record
}

function filesOf({ effect, version }: StoredCommand): readonly (readonly [string, Sha256])[] {
  if (effect.result === 'rejected') return []
  const events = effect.result === 'accepted' ? effect.events : []
  const { snapshot } = effect
  return [
    ...events.map((sha256, i) => [eventName(version + i), sha256] as const),
    ...(snapshot === null ? [] : [[snapshotName(snapshot.version), snapshot.sha256] as const]),
  ]
}

function gatherNames(bytes: Uint8Array, isLive: boolean, out: Gathered): void {
  const text = new TextDecoder().decode(bytes)
  for (const [hash] of text.matchAll(/\b[0-9a-f]{64}\b/g)) out.objects.add(hash as Sha256)
  if (!isLive) return
  for (const [id] of text.matchAll(/[0-9A-F]{40}/g)) out.keys.add(id as KeyId)
}
