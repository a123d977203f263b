/**
 * Lost tails: what commits that were made but can no longer be verified did to each aggregate, according to its own records and caches.
 * Invariant: used only for numbers, so that none is reused, and to report what is lost; never for state.
 */
import { join } from 'node:path'
import { type AggregateId, type Base, formatAggregateId, type StoredCommand } from '../../eventsourcing/types.js'
import { type Info, readInfo } from '../disk/caches.js'
import { isCorrupt, isNewer } from '../disk/damage.js'
import { listDir, readIfExists } from '../disk/fs.js'
import { eventName, KIND_FOLDERS, type Layout, parseFileName } from '../disk/paths.js'
import { parseCommand } from '../disk/records.js'
import type { RepairedChain } from './commit-chain.js'
import { findFileEvidence, type RecoverySources } from './evidence.js'
import type { LostCommand, LostTail } from './plan-types.js'
import { versionAfter } from './rebuild-commits.js'

/** Finds the lost tails, by name, of the aggregates that a verified commit created. Throws `io`. */
export function lostTails(sources: RecoverySources, chain: RepairedChain): ReadonlyMap<string, LostTail> {
  const tails = new Map<string, LostTail>()
  if (chain.lostFrom === undefined) return tails
  for (const id of chain.members) {
    const tail = lostTail(sources, chain, id)
    if (tail !== undefined) tails.set(formatAggregateId(id), tail)
  }
  return tails
}

function lostTail(sources: RecoverySources, chain: RepairedChain, id: AggregateId): LostTail | undefined {
  const { layout } = sources
  const folder = layout.folder(id)
  const last = chain.named.get(formatAggregateId(id))?.at(-1)
  let newest: Base = { version: last?.version ?? 0, sequence: last?.sequence ?? 0 }
  for (const info of infosOf(folder))
    if (typeof info === 'object' && info.commit > chain.head) newest = higher(newest, info)
  const lost: LostCommand[] = []
  for (const { n, record } of recordsBeyond(layout, id, last?.sequence ?? 0)) {
    if (record === undefined) newest = higher(newest, { version: 0, sequence: n })
    else if (record.commit > chain.head) {
      if (!lost.some((l) => l.sequence === n))
        lost.push({ sequence: n, record, events: eventsOf(sources, id, record), unproved: [] })
      newest = higher(newest, { version: versionAfter(record), sequence: n })
    }
  }
  if (newest.sequence === (last?.sequence ?? 0)) return undefined
  return { newest, lost: lost.sort((a, b) => a.sequence - b.sequence) }
}

function eventsOf(
  sources: RecoverySources,
  id: AggregateId,
  { version, effect }: StoredCommand,
): LostCommand['events'] {
  if (effect.result !== 'accepted') return []
  return effect.events.map((sha256, i) => findFileEvidence(sources, id, eventName(version + i), sha256))
}

/** Reads the cache, and those that an earlier attempt quarantined. */
function infosOf(folder: string): readonly (Info | 'damaged' | undefined)[] {
  const quarantined = listDir(join(folder, 'surplus')).filter((name) => name.startsWith('info.json.'))
  return [readInfo(folder), ...quarantined.map((name) => readInfo(join(folder, 'surplus'), name))]
}

/** Reads the records beyond a sequence, in place and those that an earlier attempt quarantined. */
function recordsBeyond(
  layout: Layout,
  id: AggregateId,
  sequence: number,
): readonly { readonly n: number; readonly record: StoredCommand | undefined }[] {
  const folder = layout.folder(id)
  return ['', 'surplus', 'corrupt'].flatMap((below) =>
    listDir(join(folder, below)).flatMap((name) => {
      const parsed = parseFileName(name.replace(/(\.json)\.[0-9a-f]+$/, '$1'))
      if (parsed?.type !== 'command' || parsed.n <= sequence) return []
      return [{ n: parsed.n, record: readRecord(join(folder, below, name), id, parsed.n) }]
    }),
  )
}

function readRecord(path: string, id: AggregateId, n: number): StoredCommand | undefined {
  try {
    const bytes = readIfExists(path)
    return bytes && parseCommand(bytes, path, id, n)
  } catch (error) {
    // a record that no commit references may be damaged even in its format number
    if (!isCorrupt(error) && !isNewer(error)) throw error
    return undefined
  }
}

function higher(a: Base, b: Base): Base {
  return { version: Math.max(a.version, b.version), sequence: Math.max(a.sequence, b.sequence) }
}

/** Lists the folders of aggregates that only lost commits created: no commit references their files. Throws `io`. */
export function orphanedFolders(layout: Layout, chain: RepairedChain): readonly string[] {
  if (chain.lostFrom === undefined) return []
  const made = new Set(chain.members.map((id) => layout.folder(id)))
  return Object.values(KIND_FOLDERS)
    .flatMap((kind) => listDir(join(layout.dir, kind)).map((name) => join(layout.dir, kind, name)))
    .filter((folder) => !made.has(folder))
}
