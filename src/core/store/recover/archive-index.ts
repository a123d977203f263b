/**
 * Recovery of `archived.json`: from a copy, or rebuilt from the records of the commands that commits name as archived.
 * Invariant: without the index, archived commands whose files were moved elsewhere would be taken for lost ones, so it is repaired first.
 */
import { type AggregateId, formatAggregateId, type NumberRange } from '../../eventsourcing/types.js'
import { mergeRanges } from '../archive/archive-plan.js'
import { readCommand } from '../commit/aggregate-files.js'
import { archivedIndexPath, readArchivedIndex, writeArchivedIndex } from '../commit/archived-index.js'
import type { ArchivedRange } from '../commit/archived-ranges.js'
import { covers, joinRanges } from '../commit/archiving-commit.js'
import { quarantine } from '../commit/quarantine.js'
import { unlessCorrupt } from '../disk/damage.js'
import { exists } from '../disk/fs.js'
import type { Layout } from '../disk/paths.js'
import type { RepairedChain } from './commit-chain.js'
import type { RecoverySources } from './evidence.js'

/** A missing or damaged index, and what it is replaced with. */
export interface IndexRepair {
  readonly id: AggregateId
  readonly path: string
  /** False: rebuilt from the records, as if everything were in `archived/`. */
  readonly fromCopy: boolean
  readonly ranges: readonly ArchivedRange[]
}

/** Plans the repair of the index of one aggregate; undefined if it is in order. Throws `io`. */
export function planIndex(
  { layout, backups }: RecoverySources,
  chain: RepairedChain,
  id: AggregateId,
): IndexRepair | undefined {
  const path = archivedIndexPath(layout, id)
  const named = chain.archive.archived.get(formatAggregateId(id)) ?? []
  const isAbsent = !exists(path)
  if (isAbsent && named.length === 0) return undefined
  if (!isAbsent && intactIndex(layout, layout, chain, id) !== undefined) return undefined
  for (const other of backups) {
    const ranges = exists(archivedIndexPath(other, id)) ? intactIndex(other, layout, chain, id) : undefined
    if (ranges !== undefined) return { id, path, fromCopy: true, ranges }
  }
  return { id, path, fromCopy: false, ranges: rebuilt(layout, chain, id, named) }
}

/** Writes the planned index; a damaged one is quarantined. The caller holds the lock. Throws `io`. */
export function repairIndex(layout: Layout, { id, ranges }: IndexRepair): void {
  quarantine(layout.folder(id), 'corrupt', ['archived.json'])
  writeArchivedIndex(layout, id, ranges)
}

/** Reads the index in `from`; undefined if it is damaged, or contradicts a commit or a record. */
function intactIndex(
  from: Layout,
  layout: Layout,
  { archive, named }: RepairedChain,
  id: AggregateId,
): readonly ArchivedRange[] | undefined {
  const ranges = unlessCorrupt(() => readArchivedIndex(from, id))
  const name = formatAggregateId(id)
  const known = joinRanges([...(archive.archived.get(name) ?? []), ...(archive.claimed.get(name) ?? [])])
  const hashes = new Map((named.get(name) ?? []).map((entry) => [entry.sequence, entry.command]))
  const isContradicted = (range: ArchivedRange): boolean => {
    // until its originals are removed a range may wait for its commit
    if (archive.keepsRecords && range.since === undefined && !covers(known, range.from, range.to)) return true
    for (let n = range.from; n <= Math.min(range.to, hashes.size); n++) {
      const sha256 = hashes.get(n)
      const record = sha256 && unlessCorrupt(() => readCommand(layout, id, n, sha256).record)
      if (record !== undefined && (record.command.type !== range.type || record.actor !== range.actor)) return true
    }
    return false
  }
  return ranges?.some(isContradicted) === false ? ranges : undefined
}

function rebuilt(
  layout: Layout,
  chain: RepairedChain,
  id: AggregateId,
  archived: readonly NumberRange[],
): readonly ArchivedRange[] {
  const entries = (chain.named.get(formatAggregateId(id)) ?? []).filter((e) => covers(archived, e.sequence, e.sequence))
  const ranges = entries.flatMap(({ sequence, command: sha256 }) => {
    const record = unlessCorrupt(() => readCommand(layout, id, sequence, sha256).record)
    if (record?.effect.result !== 'accepted') return []
    const { version, actor, command } = record
    const toVersion = version + record.effect.events.length
    return [{ from: sequence, to: sequence, fromVersion: version, toVersion, type: command.type, actor, dir: null }]
  })
  return mergeRanges([], ranges)
}
