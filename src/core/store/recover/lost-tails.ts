/**
 * Commits that happened and cannot be proved any more: what they did to each aggregate, as its own records and caches tell.
 * Invariant: used for numbers, so that none is given twice, and to say what is lost; never for state.
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
import type { LostCommand, LostTail } from './plan.js'
import { versionAfter } from './rebuild-commits.js'

/** By name, of aggregates that a proved commit made. */
export function lostTails(places: RecoverySources, chain: RepairedChain): ReadonlyMap<string, LostTail> {
  const ends = new Map<string, LostTail>()
  if (chain.lostFrom === undefined) return ends
  for (const id of chain.members) {
    const end = lostEnd(places, chain, id)
    if (end !== undefined) ends.set(formatAggregateId(id), end)
  }
  return ends
}

function lostEnd(places: RecoverySources, chain: RepairedChain, id: AggregateId): LostTail | undefined {
  const { layout } = places
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
        lost.push({ sequence: n, record, events: eventsOf(places, id, record), unproved: [] })
      newest = higher(newest, { version: versionAfter(record), sequence: n })
    }
  }
  if (newest.sequence === (last?.sequence ?? 0)) return undefined
  return { newest, lost: lost.sort((a, b) => a.sequence - b.sequence) }
}

function eventsOf(places: RecoverySources, id: AggregateId, { version, effect }: StoredCommand): LostCommand['events'] {
  if (effect.result !== 'accepted') return []
  return effect.events.map((sha256, i) => findFileEvidence(places, id, eventName(version + i), sha256))
}

/** The cache, and those that an earlier try has moved aside. */
function infosOf(folder: string): readonly (Info | 'damaged' | undefined)[] {
  const aside = listDir(join(folder, 'surplus')).filter((name) => name.startsWith('info.json.'))
  return [readInfo(folder), ...aside.map((name) => readInfo(join(folder, 'surplus'), name))]
}

/** Records in place beyond a sequence, and those that an earlier try has moved aside. */
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
    // what no commit vouches for may be damaged in its very format
    if (!isCorrupt(error) && !isNewer(error)) throw error
    return undefined
  }
}

function higher(a: Base, b: Base): Base {
  return { version: Math.max(a.version, b.version), sequence: Math.max(a.sequence, b.sequence) }
}

/** Folders of aggregates that only lost commits made: what is in them is nobody's. */
export function orphanedFolders(layout: Layout, chain: RepairedChain): readonly string[] {
  if (chain.lostFrom === undefined) return []
  const made = new Set(chain.members.map((id) => layout.folder(id)))
  return Object.values(KIND_FOLDERS)
    .flatMap((kind) => listDir(join(layout.dir, kind)).map((name) => join(layout.dir, kind, name)))
    .filter((folder) => !made.has(folder))
}
