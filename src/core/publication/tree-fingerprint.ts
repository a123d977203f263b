/**
 * Detects outside modification of an rsync tree by the ctime of its folders, which changes when a file is added, removed or replaced.
 * Invariant: a tree is updated only if the folders that the changes touch are unmodified since the last run; a tree of unknown state is
 * rebuilt.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { entry, withEntries } from '../base/record.js'
import { type PathChange, publishedObjects } from '../pubd/content.js'
import type { ObjectRef } from '../pubd/state.js'
import { filesBelow, statOf, unlessAbsent } from './served-files.js'
import type { OpenTarget } from './target.js'
import { type KnownFolders, readFingerprints, type Tree, writeFingerprints, writeTouched } from './writer-records.js'

type TreeSite = Pick<OpenTarget, 'repoDir' | 'scratch' | 'state' | 'objectPath'>

/** Number of folders, and of copies, that a change looks at besides those that it touches: all of them in a small tree. */
const SAMPLE = 64

/**
 * Returns true if a tree that contains the current state according to its record really does: its folders are unmodified, or it has exactly the
 * published files, with the size and time of their objects. Takes one stat per folder, and two per file if the folders were modified.
 */
export function isIntact(site: TreeSite, tree: Tree): boolean {
  const left = knownFolders(site, tree)
  const root = join(site.repoDir, 'rsync', tree.name)
  const objects = publishedObjects(site.state)
  if (left !== undefined && areUnmodified(root, left, Object.keys(left.folders)))
    if (!left.copies || areCopies(site, root, objects)) return true
  return filesBelow(root).length === objects.length && areCopies(site, root, objects)
}

/** Returns true if no folder of a tree was modified since its record. Takes one stat for each. */
export function isUnmodified(site: Pick<TreeSite, 'repoDir' | 'scratch'>, tree: Tree): boolean {
  const left = knownFolders(site, tree)
  return left !== undefined && areUnmodified(join(site.repoDir, 'rsync', tree.name), left, Object.keys(left.folders))
}

/**
 * Returns the record of a tree that changes may be applied to; undefined if it was modified where they go or is unknown. Takes one stat for each
 * folder that they touch and for up to `SAMPLE` others, in turn by serial: a modification elsewhere remains in the record, and is found by
 * `isIntact`, which `tick` runs. In a tree of copies, whose files can be changed without changing the object, two stats for as many files.
 * A write to a hard link changes the object itself.
 */
export function unmodified(
  site: TreeSite,
  tree: Tree,
  changes: ReadonlyMap<string, PathChange>,
): KnownFolders | undefined {
  const left = knownFolders(site, tree)
  if (left === undefined) return undefined
  const root = join(site.repoDir, 'rsync', tree.name)
  const { serial } = site.state
  const folders = new Set(sample(Object.keys(left.folders), serial))
  for (const path of changes.keys()) for (const folder of foldersAbove(path)) folders.add(folder)
  if (!areUnmodified(root, left, folders)) return undefined
  if (!left.copies) return left
  const objects = publishedObjects(site.state).filter(({ path }) => !changes.has(path))
  const replaced = [...changes].flatMap(([path, { before }]) => (before === undefined ? [] : [{ path, ...before }]))
  return areCopies(site, root, [...sample(objects, serial), ...replaced]) ? left : undefined
}

/** Returns up to `SAMPLE` of them; calls with one serial after the other go through all. */
function sample<T>(all: readonly T[], serial: number): readonly T[] {
  if (all.length <= SAMPLE) return all
  const start = (serial * SAMPLE) % all.length
  return [...all.slice(start, start + SAMPLE), ...all.slice(0, Math.max(0, start + SAMPLE - all.length))]
}

/** Yields the folders above a path, up to the tree itself, which is ''. */
function* foldersAbove(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end)
  yield ''
}

function knownFolders(site: Pick<TreeSite, 'scratch'>, tree: Tree): KnownFolders | undefined {
  const left = readFingerprints(site.scratch, tree.name)
  return left?.session === tree.session && left.serial === tree.serial ? left : undefined
}

function areUnmodified(root: string, left: KnownFolders, folders: Iterable<string>): boolean {
  for (const path of folders) {
    const changed = entry(left.folders, path)
    if (changed !== undefined && changeOf(join(root, path)) !== changed) return false
  }
  return true
}

/**
 * Records the fingerprint of a tree that now contains the current state. `touched` are the folders that changed since `left`, all of them without
 * it; one that does not exist is removed from the record. Writes what changed since the last complete record, as long as that is a small
 * part of it. Returns the bytes written.
 */
export function recordFingerprint(
  site: OpenTarget,
  name: string,
  left: KnownFolders | undefined,
  touched: Iterable<string>,
  copies: boolean,
): number {
  const { disk, repoDir, scratch } = site
  const root = join(repoDir, 'rsync', name)
  const found = ['', ...touched].map((path) => [path, changeOf(join(root, path)) ?? null] as const)
  const there = found.flatMap(([path, at]) => (at === null ? [] : [[path, at] as const]))
  const gone = found.flatMap(([path, at]) => (at === null ? [path] : []))
  const { sessionId: session, serial } = site.state
  const later = withEntries(left?.touched ?? {}, found)
  const folders = withEntries(left?.folders ?? {}, there, gone)
  const count = Object.keys(folders).length
  return left === undefined || count <= SAMPLE || Object.keys(later).length > count / 4
    ? writeFingerprints(disk, repoDir, scratch, name, { session, serial, folders, copies })
    : writeTouched(disk, repoDir, scratch, name, { session, serial, base: left.base, folders: later, copies })
}

/** Returns the ctime in nanoseconds as text; undefined unless the path is a folder. */
function changeOf(path: string): string | undefined {
  const stat = unlessAbsent(() => fs.lstatSync(path, { bigint: true }))
  return stat?.isDirectory() === true ? String(stat.ctimeNs) : undefined
}

function areCopies(site: TreeSite, root: string, objects: Iterable<ObjectRef & { readonly path: string }>): boolean {
  for (const object of objects) if (!isCopy(site, join(root, object.path), object)) return false
  return true
}

/** Returns true if the file has the size of the object, and its time if the object exists. */
export function isCopy(site: Pick<OpenTarget, 'objectPath'>, path: string, object: ObjectRef): boolean {
  const stat = statOf(path)
  if (stat?.isFile() !== true || stat.size !== object.size) return false
  const own = statOf(site.objectPath(object.sha256))
  return own === undefined || own.mtimeMs === stat.mtimeMs
}
