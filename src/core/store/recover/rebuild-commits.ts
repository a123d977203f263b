/**
 * Rebuilds a lost commit file from the command records that belong to it: its bytes follow from them, from the previous commit and from the
 * marker.
 * Invariant: a rebuilt commit is used only if its hash is the expected one.
 */
import { join } from 'node:path'
import { instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import {
  type AggregateId,
  formatAggregateId,
  type StoredCommand,
  type StoredCommit,
} from '../../eventsourcing/types.js'
import { type ArchivedNames, archivingCommit, packingCommit } from '../commit/archiving-commit.js'
import { sortMembers } from '../commit/commit-layout.js'
import type { CommitFile } from '../commit/commit-log.js'
import { KEPT_RECORDS, keptLines } from '../commit/kept-records.js'
import type { Marker } from '../directory/data-dir.js'
import { bindingCommit, markerDigest } from '../directory/marker-binding.js'
import { isCorrupt, isNewer } from '../disk/damage.js'
import { listDir, readIfExists } from '../disk/fs.js'
import { KIND_FOLDERS, parseFileName } from '../disk/paths.js'
import { encodeRecord, parseCommand, parseCommit, parseObject } from '../disk/records.js'
import type { RecoverySources } from './evidence.js'

/** A commit file to restore. */
export interface RepairedCommit {
  readonly n: number
  readonly bytes: Uint8Array
  /** Path of the copy; undefined: rebuilt from the command records. */
  readonly from: string | undefined
}

/** Number of consecutive commits that may be damaged although their files exist. */
const MAX_DAMAGED_RUN = 8

type Entry = StoredCommit['aggregates'][number] & Pick<StoredCommit, 'at'>

interface Index {
  /** Entries of each commit, according to the command records. */
  readonly entries: ReadonlyMap<number, readonly Entry[]>
  /** Copies of commits that name archived commands, by number. */
  readonly archiving: ReadonlyMap<number, readonly Uint8Array[]>
}

const NOTHING: ArchivedNames = { at: instantOf(0), archived: [], claimed: [] }

const indexes = new WeakMap<RecoverySources, Index>()

/** Rebuilds commit `n` of this hash and the missing ones before it, oldest first; undefined if the records do not suffice. Throws `io`. */
export function rebuildCommits(
  sources: RecoverySources,
  files: ReadonlyMap<number, CommitFile>,
  n: number,
  expected: Sha256,
  marker: Marker,
): readonly RepairedCommit[] | undefined {
  const index = indexOf(sources)
  const bound = { generation: marker.generation, marker: markerDigest(marker) }
  let damagedRun = 0
  // three commits at most have neither a command record nor a copy: one binds the marker, and one begins each of the formats 3 and 4
  let withoutRecord = 0
  for (let first = n; first >= 1 && damagedRun < MAX_DAMAGED_RUN; first--) {
    if (!index.entries.has(first) && !index.archiving.has(first)) withoutRecord += 1
    if (withoutRecord > 3) break
    const before = first === 1 ? undefined : files.get(first - 1)
    if (first > 1 && before === undefined) continue
    const built = buildRun(index, { first, last: n, expected, before, files, ...bound })
    if (built !== undefined) return built
    // the previous one exists and may itself be damaged: then it is rebuilt too
    damagedRun += 1
  }
  return undefined
}

interface Run {
  readonly first: number
  readonly last: number
  readonly expected: Sha256
  readonly before: CommitFile | undefined
  readonly files: ReadonlyMap<number, CommitFile>
  readonly generation: number
  readonly marker: Sha256
}

/** Rebuilds a run of commits: generations and formats only rise, so every commit at which the next one may have begun is tried. */
function buildRun(index: Index, run: Run): readonly RepairedCommit[] | undefined {
  const low = run.before?.record.generation ?? 1
  for (let high = low; high <= run.generation; high++)
    for (let from = run.first; from <= run.last; from++) {
      for (const second of formatStarts(run)) {
        const built = buildWith(index, run, (n) => (n >= from ? high : low), second)
        if (built !== undefined) return built
      }
      if (high === low) break
    }
  return undefined
}

/** Returns the commits of a run that may be the first of format 2. One beyond its end means that none is, 0 that all are of format 3 or 4. */
function formatStarts({ before, first, last }: Run): readonly number[] {
  if (before !== undefined && before.record.format >= 3) return [0]
  if (before?.record.format === 2) return [first]
  const starts = Array.from({ length: last - first + 2 }, (_, i) => first + i)
  return before === undefined ? [0, ...starts] : starts
}

/** Returns the commit without command records that may follow `last`: a copy, one that binds the marker, one that begins format 3 or 4. */
function commitsWithoutRecord(
  index: Index,
  last: CommitFile,
  { n, second, marker, generation }: { n: number; second: number; marker: Sha256; generation: number },
): StoredCommit | undefined {
  const copies = (index.archiving.get(n) ?? []).flatMap((bytes) => {
    const record = unlessDamaged(() => parseCommit(bytes, `commits/${n}.json`, n))
    return record?.previous === last.sha256 ? [record] : []
  })
  if (copies[0] !== undefined) return copies[0]
  if (last.record.format === 1) return n === second ? bindingCommit(last, marker, generation) : undefined
  if (last.record.format === 2) return archivingCommit(last, NOTHING, generation)
  return last.record.format === 3 ? packingCommit(last, generation) : undefined
}

/** `second` is the first commit of format 2, 0 if all are of format 3 or 4. */
function buildWith(
  index: Index,
  run: Run,
  generationOf: (n: number) => number,
  second: number,
): readonly RepairedCommit[] | undefined {
  const out: RepairedCommit[] = []
  let { previous, roster, members } = baseOf(run)
  let last = run.before
  for (let n = run.first; n <= run.last; n++) {
    const entries = index.entries.get(n)
    if (entries === undefined) {
      const at = { n, second, marker: run.marker, generation: generationOf(n) }
      const alone: StoredCommit | undefined = last && commitsWithoutRecord(index, last, at)
      if (alone === undefined) return undefined
      last = append(out, alone)
      previous = last.sha256
      continue
    }
    const format: StoredCommit['format'] = formatOf(last, n, second)
    const at = entries[0]?.at
    if (at === undefined) return undefined
    const made = entries.filter((e) => e.sequence === 1)
    if (made.length > 0) {
      if (members === undefined) return undefined
      members = sortMembers([...members, ...made])
      roster = n
    }
    const aggregates = entries.map(({ at: _at, ...entry }) => entry)
    const record: StoredCommit = {
      format,
      commit: n,
      at,
      generation: generationOf(n),
      aggregates,
      roster,
      ...(made.length === 0 || members === undefined ? {} : { members }),
      ...(format > 1 ? { marker: run.marker } : {}),
      previous,
    }
    last = append(out, record)
    previous = last.sha256
  }
  return previous === run.expected ? out : undefined
}

/** Returns the format of the commit after `last` that has command records. */
function formatOf(last: CommitFile | undefined, n: number, second: number): StoredCommit['format'] {
  if (last !== undefined && last.record.format >= 3) return last.record.format
  return second === 0 ? 3 : n >= second ? 2 : 1
}

function append(out: RepairedCommit[], record: StoredCommit): CommitFile {
  const bytes = encodeRecord(record)
  out.push({ n: record.commit, bytes, from: undefined })
  return { record, sha256: sha256Hex(bytes) }
}

function baseOf({ before, files }: Run): {
  previous: Sha256 | null
  roster: number
  members: readonly AggregateId[] | undefined
} {
  if (before === undefined) return { previous: null, roster: 1, members: [] }
  const { roster } = before.record
  return { previous: before.sha256, roster, members: files.get(roster)?.record.members }
}

function indexOf(sources: RecoverySources): Index {
  const known = indexes.get(sources)
  if (known !== undefined) return known
  const found = new Map<number, Map<string, Entry>>()
  const archiving = new Map<number, Uint8Array[]>()
  for (const dir of [sources.layout.dir, ...sources.backups.map((g) => g.dir)])
    for (const kind of Object.values(KIND_FOLDERS))
      for (const name of listDir(join(dir, kind))) {
        for (const below of ['', 'archived', 'surplus']) addRecords(found, join(dir, kind, name, below))
        addKept(found, archiving, join(dir, kind, name, KEPT_RECORDS))
      }
  const entries = new Map(
    [...found].map(([n, of]) => [n, sortMembers([...of.values()]).map((e) => withEntry(of, e))] as const),
  )
  const index = { entries, archiving }
  indexes.set(sources, index)
  return index
}

function withEntry(entries: ReadonlyMap<string, Entry>, id: AggregateId): Entry {
  const entry = entries.get(formatAggregateId(id))
  if (entry === undefined) throw new TypeError('missing entry in its own table')
  return entry
}

/** Adds the records in a folder; of two for the same commit the first one found counts, so those in place win over moved ones. */
function addRecords(found: Map<number, Map<string, Entry>>, folder: string): void {
  for (const name of listDir(folder)) {
    const parsed = parseFileName(name.replace(/(\.json)\.[0-9a-f]+$/, '$1'))
    if (parsed?.type !== 'command') continue
    const path = join(folder, name)
    addEntry(
      found,
      unlessDamaged(() => entryOf(readIfExists(path), path, parsed.n)),
    )
  }
}

/** Adds the lines of kept records. */
function addKept(found: Map<number, Map<string, Entry>>, archiving: Map<number, Uint8Array[]>, path: string): void {
  for (const bytes of keptLines(path))
    unlessDamaged(() => {
      const { aggregates, commit, sequence } = parseObject(bytes, path)
      if (aggregates === undefined) addEntry(found, entryOf(bytes, path, Number(sequence)))
      else archiving.set(Number(commit), [...(archiving.get(Number(commit)) ?? []), bytes])
    })
}

function addEntry(found: Map<number, Map<string, Entry>>, entry: readonly [number, Entry] | undefined): void {
  if (entry === undefined) return
  const [n, value] = entry
  const entries = found.get(n) ?? new Map<string, Entry>()
  const key = formatAggregateId(value)
  if (!entries.has(key)) entries.set(key, value)
  found.set(n, entries)
}

function entryOf(bytes: Uint8Array | undefined, path: string, n: number): readonly [number, Entry] | undefined {
  if (bytes === undefined) return undefined
  const id = parseObject(bytes, path) as unknown as AggregateId
  const record = parseCommand(bytes, path, id, n)
  const { kind, handle, sequence, commit, at } = record
  return [commit, { kind, handle, version: versionAfter(record), sequence, command: sha256Hex(bytes), at }]
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isCorrupt(error) || isNewer(error)) return undefined
    throw error
  }
}

/** Returns the version after a command. */
export function versionAfter({ version, effect }: StoredCommand): number {
  if (effect.result === 'accepted') return version + effect.events.length
  return effect.result === 'recovered' ? version + 1 : version
}
