/**
 * Detects outside modification of an rsync tree by the ctime of its folders, which changes when a file is added, removed or replaced.
 * Invariant: a tree is updated only if it is unmodified since the last run; a tree of unknown state is rebuilt.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { type PathChange, publishedObjects } from '../pubd/content.js'
import type { ObjectRef } from '../pubd/state.js'
import { filesBelow, statOf, unlessAbsent } from './served-files.js'
import type { OpenTarget } from './target.js'
import { readFingerprints, type Tree, type TreeFingerprint, writeFingerprints } from './writer-records.js'

type TreeSite = Pick<OpenTarget, 'repoDir' | 'scratch' | 'state' | 'objectPath'>

/**
 * Returns true if a tree that contains the current state according to its record really does: its folders are unmodified, or it has exactly the
 * published files, with the size and time of their objects. Takes one stat per folder, and two per file if the folders were modified.
 */
export function isIntact(site: TreeSite, tree: Tree): boolean {
  if (isUnmodified(site, tree, new Map()) !== undefined) return true
  const root = join(site.repoDir, 'rsync', tree.name)
  return filesBelow(root).length === publishedObjects(site.state).length && holdsCopies(site, root, new Map())
}

/**
 * Returns the record of an unmodified tree; undefined if it was modified or is unknown. Takes one stat per folder, and two per file in a tree
 * of copies, whose files can be changed without changing the object. A write to a hard link changes the object itself.
 */
export function isUnmodified(
  site: TreeSite,
  tree: Tree,
  changes: ReadonlyMap<string, PathChange>,
): TreeFingerprint | undefined {
  const left = readFingerprints(site.scratch, tree.name)
  if (left === undefined || left.session !== tree.session || left.serial !== tree.serial) return undefined
  const root = join(site.repoDir, 'rsync', tree.name)
  for (const [path, changed] of Object.entries(left.folders))
    if (changeOf(join(root, path)) !== changed) return undefined
  return left.copies && !holdsCopies(site, root, changes) ? undefined : left
}

/** Records the fingerprint of a tree that now contains the current state, for those of `folders` that exist. Returns the bytes written. */
export function recordFingerprint(site: OpenTarget, name: string, folders: Iterable<string>, copies: boolean): number {
  const root = join(site.repoDir, 'rsync', name)
  const found: Record<string, string> = {}
  for (const path of ['', ...folders]) {
    const changed = changeOf(join(root, path))
    if (changed !== undefined) found[path] = changed
  }
  const { sessionId: session, serial } = site.state
  return writeFingerprints(site.disk, site.repoDir, site.scratch, name, { session, serial, folders: found, copies })
}

/** Returns the ctime in nanoseconds as text; undefined unless the path is a folder. */
function changeOf(path: string): string | undefined {
  const stat = unlessAbsent(() => fs.lstatSync(path, { bigint: true }))
  return stat?.isDirectory() === true ? String(stat.ctimeNs) : undefined
}

/** Returns true if each file of the tree has the size and time of its object. */
function holdsCopies(site: TreeSite, root: string, changes: ReadonlyMap<string, PathChange>): boolean {
  for (const object of publishedObjects(site.state))
    if (!changes.has(object.path) && !isCopy(site, join(root, object.path), object)) return false
  for (const [path, { before }] of changes)
    if (before !== undefined && !isCopy(site, join(root, path), before)) return false
  return true
}

/** Returns true if the file has the size of the object, and its time if the object exists. */
export function isCopy(site: Pick<OpenTarget, 'objectPath'>, path: string, object: ObjectRef): boolean {
  const stat = statOf(path)
  if (stat?.isFile() !== true || stat.size !== object.size) return false
  const own = statOf(site.objectPath(object.sha256))
  return own === undefined || own.mtimeMs === stat.mtimeMs
}
