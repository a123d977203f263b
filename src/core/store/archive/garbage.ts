/**
 * What commands that died, recoveries, upgrades and restores left behind, and what of it may go.
 * Invariant: never what a commit names and that lies nowhere else, never what a recovery of a damaged aggregate may want.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { epochOf, type Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import type { StoreReader } from '../commit/store-reader.js'
import { readMarker } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, listDir, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { ioError } from '../disk/io-error.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { objectsBelow } from './archive-objects.js'
import { type References, referencesOf } from './references.js'

export type GarbageKind = 'surplus' | 'corrupt' | 'tree' | 'key' | 'object' | 'passing'

export interface Garbage {
  /** Below the data directory, or `../` beside it. */
  readonly path: string
  readonly kind: GarbageKind
  readonly bytes: number
}

export interface GarbageScan {
  readonly found: readonly Garbage[]
  /** Why something was left where it is, a line each. */
  readonly kept: readonly string[]
}

/** Everything left behind before `before`. Throws `io`. */
export function findGarbage(layout: Layout, reader: StoreReader, before: Instant): GarbageScan {
  const vouched = referencesOf(layout, reader)
  const kept: string[] = []
  const limit = BigInt(epochOf(before)) * 1_000_000_000n
  const out: Garbage[] = [
    ...movedAside(layout, reader, vouched, kept),
    ...oldTrees(layout),
    ...orphans(layout, vouched, kept),
    ...passing(layout),
  ]
  // the time of the last change of the entry itself: a rename does not touch the other one
  return { found: out.filter(({ path }) => changedAt(join(layout.dir, path)) < limit), kept }
}

function changedAt(path: string): bigint {
  const stat = statIfExists(path)
  if (stat === undefined) return 2n ** 63n
  return stat.ctimeNs > stat.mtimeNs ? stat.ctimeNs : stat.mtimeNs
}

function leftover(layout: Layout, path: string, kind: GarbageKind): Garbage {
  return { path: relative(layout.dir, path), kind, bytes: sizeOf(path) }
}

function sizeOf(path: string): number {
  const stat = statIfExists(path)
  if (stat?.isDirectory() !== true) return Number(stat?.size ?? 0)
  return listDir(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

function* movedAside(layout: Layout, reader: StoreReader, vouched: References, kept: string[]): Generator<Garbage> {
  const owners = new Map(reader.roster().map((id) => [layout.folder(id), formatAggregateId(id)]))
  for (const folder of foldersWithAsides(layout)) {
    const owner = owners.get(folder)
    const names = (['surplus', 'corrupt'] as const).flatMap((below) =>
      listDir(join(folder, below)).map((name) => [below, name] as const),
    )
    if (names.length > 0 && owner !== undefined && vouched.damaged.has(owner)) {
      kept.push(`${owner} is damaged: recover it first, it may want what was moved aside`)
      continue
    }
    for (const [below, name] of names) {
      const path = join(folder, below, name)
      const why = owner === undefined ? undefined : isNeeded(path, owner, vouched)
      if (why === undefined) yield leftover(layout, path, below)
      else kept.push(`${relative(layout.dir, path)}: ${why}`)
    }
  }
}

/** Where setting aside makes its folders. */
function foldersWithAsides(layout: Layout): readonly string[] {
  const below = (folder: string): readonly string[] => listDir(folder).map((name) => join(folder, name))
  const parts = [layout.objects, join(layout.objects, 'archived')].flatMap((folder) =>
    below(folder).filter((path) => /^[0-9a-f]{2}$/.test(basename(path))),
  )
  const aggregates = Object.values(KIND_FOLDERS).flatMap((kind) => below(join(layout.dir, kind)))
  return [layout.commits, layout.keys, ...aggregates, ...parts]
}

function isNeeded(path: string, owner: string, vouched: References): string | undefined {
  if (statIfExists(path)?.isFile() !== true) return undefined
  const bytes = readOrNothing(path)
  if (bytes === undefined) return undefined
  const name = /^((?:event|command|snapshot)-\d+\.json)\.[0-9a-f]{12}$/.exec(basename(path))?.[1]
  const sha256 = sha256Hex(bytes)
  const home = dirname(dirname(path))
  const elsewhere = (place: string): boolean => {
    const there = readOrNothing(place)
    return there !== undefined && sha256Hex(there) === sha256
  }
  if (name !== undefined && [join(home, name), join(home, 'archived', name)].some(elsewhere)) return undefined
  if (vouched.records.has(sha256)) return 'a commit names it, and it lies nowhere else'
  if (name?.startsWith('event-') === true && vouched.archivedElsewhere.has(owner))
    return 'what is archived elsewhere may name it (--archive DIR)'
  return undefined
}

function readOrNothing(path: string): Uint8Array | undefined {
  try {
    return readIfExists(path)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

/** Trees that an upgrade kept or did not finish, and those that a restore kept beside this one. */
function* oldTrees(layout: Layout): Generator<Garbage> {
  const { dir } = layout
  for (const name of listDir(join(dir, 'old'))) yield leftover(layout, join(dir, 'old', name), 'tree')
  if (!exists(join(dir, 'upgrade.json')))
    for (const name of listDir(dir)) if (/^upgrade-\d+-\d+$/.test(name)) yield leftover(layout, join(dir, name), 'tree')
  const stem = `${basename(dir)}.replaced-`
  const { id } = readMarker(dir)
  for (const name of listIfMay(dirname(dir))) {
    const path = join(dirname(dir), name)
    if (name === `.${basename(dir)}.restoring`) yield leftover(layout, path, 'tree')
    if (name.startsWith(stem) && /^\d{8}T\d{6}Z(?:-\d+)?$/.test(name.slice(stem.length)) && idOf(path) === id)
      yield leftover(layout, path, 'tree')
  }
}

function listIfMay(dir: string): readonly string[] {
  try {
    return listDir(dir)
  } catch {
    // the folder above may be somebody else's: then nothing there is ours to take away
    return []
  }
}

function idOf(dir: string): string | undefined {
  try {
    return readMarker(dir).id
  } catch {
    return undefined
  }
}

function* orphans(layout: Layout, vouched: References, kept: string[]): Generator<Garbage> {
  const keys = listDir(layout.keys).filter((name) => /^[0-9A-F]{40}$/.test(name) && !vouched.keys.has(name as KeyId))
  const folders = [layout.objects, join(layout.objects, 'archived')]
  const objects = folders.flatMap((folder) =>
    [...objectsBelow(folder)]
      .filter(({ sha256 }) => !vouched.objects.has(sha256 as Sha256))
      .map(({ sha256 }) => join(folder, sha256.slice(0, 2), sha256)),
  )
  if (vouched.damaged.size > 0) {
    if (keys.length + objects.length > 0)
      kept.push(`${[...vouched.damaged].join(' ')}: damaged, so nobody knows which keys and objects are named`)
    return
  }
  for (const name of keys) yield leftover(layout, join(layout.keys, name), 'key')
  if (vouched.archivedElsewhere.size === 0) for (const path of objects) yield leftover(layout, path, 'object')
  else if (objects.length > 0)
    kept.push(`${objects.length} objects: what is archived elsewhere may name them (--archive DIR)`)
}

/** Files that were growing when their command died. */
function* passing(layout: Layout): Generator<Garbage> {
  for (const folder of [layout.dir, layout.keys, layout.pool, layout.status, layout.commits])
    for (const name of listDir(folder)) {
      const path = join(folder, name)
      if (name.startsWith('.tmp-') && statIfExists(path)?.isFile() === true) yield leftover(layout, path, 'passing')
    }
}

/** Takes these away, the caller holds the lock. False for one that was gone. */
export function removeGarbage(layout: Layout, leftovers: readonly Garbage[]): readonly Garbage[] {
  const folders = new Set<string>()
  const gone = leftovers.filter(({ path, kind }) => {
    const full = join(layout.dir, path)
    folders.add(dirname(full))
    return kind === 'tree' ? removeTree(full) : removeFile(full)
  })
  for (const folder of folders) if (exists(folder)) syncDir(folder)
  return gone
}

function removeTree(path: string): boolean {
  if (!exists(path)) return false
  try {
    fs.rmSync(path, { recursive: true })
    return true
  } catch (error) {
    throw ioError('unlink', path, error)
  }
}
