/**
 * How a standing tree was left: the time of change of each of its folders, which moves when somebody adds, removes or replaces a file there.
 * Invariant: a tree is brought forward only when nobody has touched it since; one of which that is not known is built anew.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { type PathChange, publishedObjects } from '../pubd/content.js'
import type { ObjectRef } from '../pubd/state.js'
import { statOf, unlessAbsent } from './served-files.js'
import type { OpenTarget } from './target.js'
import { readFingerprints, type Tree, type TreeFingerprint, writeFingerprints } from './writer-records.js'

/**
 * The record of a tree that is as it was left; undefined when somebody has been there, or nobody knows. Costs a stat a folder, and where the
 * tree holds copies, which can be written to without harm to the object, two a file. What is written into a link changes the object itself.
 */
export function isUnmodified(
  site: OpenTarget,
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

/** Remembers a tree that now holds the present state, in those of `folders` that are there. Returns the bytes written. */
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

/** Nanoseconds, as text; undefined for what is no folder. */
function changeOf(path: string): string | undefined {
  const stat = unlessAbsent(() => fs.lstatSync(path, { bigint: true }))
  return stat?.isDirectory() === true ? String(stat.ctimeNs) : undefined
}

/** Has each file of the tree the size of the object that belongs there, and its time? */
function holdsCopies(site: OpenTarget, root: string, changes: ReadonlyMap<string, PathChange>): boolean {
  for (const object of publishedObjects(site.state))
    if (!changes.has(object.path) && !isCopy(site, join(root, object.path), object)) return false
  for (const [path, { before }] of changes)
    if (before !== undefined && !isCopy(site, join(root, path), before)) return false
  return true
}

/** Looks like this object: its size, and its time where the object is there to tell. */
export function isCopy(site: Pick<OpenTarget, 'objectPath'>, path: string, object: ObjectRef): boolean {
  const stat = statOf(path)
  if (stat?.isFile() !== true || stat.size !== object.size) return false
  const own = statOf(site.objectPath(object.sha256))
  return own === undefined || own.mtimeMs === stat.mtimeMs
}
