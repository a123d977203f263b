/**
 * Garbage collection: finds and removes files left by commands that died, by recoveries, upgrades and restores.
 * Invariant: never removes the only copy of a file that a commit references, nor one that the recovery of a damaged aggregate may need.
 */
import * as fs from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { epochOf, type Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import type { StoreReader } from '../commit/store-reader.js'
import { readAnyMarker, readMarker } from '../directory/data-dir.js'
import { isCorrupt } from '../disk/damage.js'
import { exists, listDir, readIfExists, removeFile, statIfExists, syncDir } from '../disk/fs.js'
import { ioError } from '../disk/io-error.js'
import { KIND_FOLDERS, type Layout } from '../disk/paths.js'
import { objectsBelow } from './archive-objects.js'
import { type References, referencesOf } from './references.js'

export type GarbageKind = 'surplus' | 'corrupt' | 'tree' | 'key' | 'object' | 'passing'

export interface Garbage {
  /** Path relative to the data directory; `../` for one beside it. */
  readonly path: string
  readonly kind: GarbageKind
  readonly bytes: number
}

export interface GarbageScan {
  readonly found: readonly Garbage[]
  /** Why a file is kept, one line each. */
  readonly kept: readonly string[]
}

/** Finds garbage last changed before `before`. Throws `corrupt`, `io`. */
export function findGarbage(layout: Layout, reader: StoreReader, before: Instant): GarbageScan {
  const references = referencesOf(layout, reader)
  const kept: string[] = []
  const limit = BigInt(epochOf(before)) * 1_000_000_000n
  const out: Garbage[] = [
    ...quarantined(layout, reader, references, kept),
    ...oldTrees(layout),
    ...orphans(layout, references, kept),
    ...temporaryFiles(layout),
  ]
  // ctime of the entry itself, since a rename does not change mtime
  return { found: out.filter(({ path }) => changedAt(join(layout.dir, path)) < limit), kept }
}

function changedAt(path: string): bigint {
  const stat = statIfExists(path)
  if (stat === undefined) return 2n ** 63n
  return stat.ctimeNs > stat.mtimeNs ? stat.ctimeNs : stat.mtimeNs
}

function garbageAt(layout: Layout, path: string, kind: GarbageKind): Garbage {
  return { path: relative(layout.dir, path), kind, bytes: sizeOf(path) }
}

function sizeOf(path: string): number {
  const stat = statIfExists(path)
  if (stat?.isDirectory() !== true) return Number(stat?.size ?? 0)
  return listDir(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

function* quarantined(layout: Layout, reader: StoreReader, references: References, kept: string[]): Generator<Garbage> {
  const owners = new Map(reader.roster().map((id) => [layout.folder(id), formatAggregateId(id)]))
  for (const folder of quarantineParents(layout)) {
    const owner = owners.get(folder)
    const names = (['surplus', 'corrupt'] as const).flatMap((below) =>
      listDir(join(folder, below)).map((name) => [below, name] as const),
    )
    if (names.length > 0 && owner !== undefined && references.damaged.has(owner)) {
      kept.push(`${owner} is damaged: recover it first, it may need its quarantined files`)
      continue
    }
    for (const [below, name] of names) {
      const path = join(folder, below, name)
      const why = owner === undefined ? undefined : reasonToKeep(path, owner, references)
      if (why === undefined) yield garbageAt(layout, path, below)
      else kept.push(`${relative(layout.dir, path)}: ${why}`)
    }
  }
}

/** Lists the folders that may have a `surplus` or `corrupt` subfolder. */
function quarantineParents(layout: Layout): readonly string[] {
  const below = (folder: string): readonly string[] => listDir(folder).map((name) => join(folder, name))
  const parts = [layout.objects, join(layout.objects, 'archived')].flatMap((folder) =>
    below(folder).filter((path) => /^[0-9a-f]{2}$/.test(basename(path))),
  )
  const aggregates = Object.values(KIND_FOLDERS).flatMap((kind) => below(join(layout.dir, kind)))
  return [layout.commits, layout.keys, ...aggregates, ...parts]
}

function reasonToKeep(path: string, owner: string, references: References): string | undefined {
  if (statIfExists(path)?.isFile() !== true) return undefined
  const bytes = readUnlessCorrupt(path)
  if (bytes === undefined) return undefined
  const name = /^((?:event|command|snapshot)-\d+\.json)\.[0-9a-f]{12}$/.exec(basename(path))?.[1]
  const sha256 = sha256Hex(bytes)
  const home = dirname(dirname(path))
  const elsewhere = (place: string): boolean => {
    const there = readUnlessCorrupt(place)
    return there !== undefined && sha256Hex(there) === sha256
  }
  if (name !== undefined && [join(home, name), join(home, 'archived', name)].some(elsewhere)) return undefined
  if (references.records.has(sha256)) return 'a commit references it, and there is no other copy'
  if (name?.startsWith('event-') === true && references.archivedElsewhere.has(owner))
    return 'commands archived elsewhere may reference it (--archive DIR)'
  return undefined
}

function readUnlessCorrupt(path: string): Uint8Array | undefined {
  try {
    return readIfExists(path)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return undefined
  }
}

/** Yields trees that an upgrade kept or did not finish, and those that a restore kept beside this one. Throws `io`. */
function* oldTrees(layout: Layout): Generator<Garbage> {
  const { dir } = layout
  for (const name of listDir(join(dir, 'old'))) yield garbageAt(layout, join(dir, 'old', name), 'tree')
  if (!exists(join(dir, 'upgrade.json')))
    for (const name of listDir(dir))
      if (/^upgrade-\d+-\d+$/.test(name)) yield garbageAt(layout, join(dir, name), 'tree')
  const stem = `${basename(dir)}.replaced-`
  const { id } = readMarker(dir)
  for (const name of listIfPermitted(dirname(dir))) {
    const path = join(dirname(dir), name)
    if (name === `.${basename(dir)}.restoring`) yield garbageAt(layout, path, 'tree')
    if (name.startsWith(stem) && /^\d{8}T\d{6}Z(?:-\d+)?$/.test(name.slice(stem.length)) && idOf(path) === id)
      yield garbageAt(layout, path, 'tree')
  }
}

function listIfPermitted(dir: string): readonly string[] {
  try {
    return listDir(dir)
  } catch {
    // the parent folder may belong to another user: then nothing in it may be removed
    return []
  }
}

function idOf(dir: string): string | undefined {
  try {
    return readAnyMarker(dir).id
  } catch {
    return undefined
  }
}

function* orphans(layout: Layout, references: References, kept: string[]): Generator<Garbage> {
  const keys = listDir(layout.keys).filter((name) => /^[0-9A-F]{40}$/.test(name) && !references.keys.has(name as KeyId))
  const folders = [layout.objects, join(layout.objects, 'archived')]
  const objects = folders.flatMap((folder) =>
    [...objectsBelow(folder)]
      .filter(({ sha256 }) => !references.objects.has(sha256 as Sha256))
      .map(({ sha256 }) => join(folder, sha256.slice(0, 2), sha256)),
  )
  if (references.damaged.size > 0) {
    if (keys.length + objects.length > 0)
      kept.push(`${[...references.damaged].join(' ')}: damaged, so it is unknown which keys and objects are referenced`)
    return
  }
  for (const name of keys) yield garbageAt(layout, join(layout.keys, name), 'key')
  if (references.archivedElsewhere.size === 0) for (const path of objects) yield garbageAt(layout, path, 'object')
  else if (objects.length > 0)
    kept.push(`${objects.length} objects: commands archived elsewhere may reference them (--archive DIR)`)
}

/** Yields temporary files of commands that died while writing them. */
function* temporaryFiles(layout: Layout): Generator<Garbage> {
  for (const folder of [layout.dir, layout.keys, layout.pool, layout.status, layout.commits])
    for (const name of listDir(folder)) {
      const path = join(folder, name)
      if (name.startsWith('.tmp-') && statIfExists(path)?.isFile() === true) yield garbageAt(layout, path, 'passing')
    }
}

/** Removes garbage and returns what was removed; one that disappeared meanwhile is left out. The caller holds the lock. Throws `io`. */
export function removeGarbage(layout: Layout, garbage: readonly Garbage[]): readonly Garbage[] {
  const folders = new Set<string>()
  const gone = garbage.filter(({ path, kind }) => {
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
