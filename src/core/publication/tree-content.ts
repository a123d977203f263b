/**
 * Content of one rsync tree: built from the objects, or brought forward by the changes since its serial.
 * Invariant: only a tree without readers is filled, and what it holds is durable before its record is written.
 */
import fs from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { PathChange } from '../pubd/content.js'
import { changesSince, publishedObjects } from '../pubd/content.js'
import type { ObjectRef } from '../pubd/state.js'
import { ensureFolder, errnoOf, namesIn, removeFile, statOf, unlessAbsent, writeNew } from './served-files.js'
import { type OpenTarget, objectMissing, readObject } from './target.js'
import { isCopy, recordFingerprint, unmodified } from './tree-fingerprint.js'
import type { KnownFolders, Tree } from './writer-records.js'

/** Counts of what was written to a tree. */
export interface Tally {
  files: number
  bytes: number
  /** Number of files that are copies instead of links. */
  copies: number
}

/** A tree that can be updated: the changes and its fingerprint. */
export interface Base {
  readonly changes: ReadonlyMap<string, PathChange>
  readonly left: KnownFolders
}

/** Returns undefined if the tree must be built from scratch. */
export function baseOf(site: OpenTarget, tree: Tree): Base | undefined {
  const changes = tree.serial === 0 ? undefined : changesSince(site.state, tree.session, tree.serial)
  const left = changes === undefined ? undefined : unmodified(site, tree, changes)
  return changes === undefined || left === undefined ? undefined : { changes, left }
}

/** Updates the tree to the current state, durably. Returns true if some of its files are copies. */
export function fillTree(
  site: OpenTarget,
  name: string,
  base: Base | undefined,
  sibling: Tree | undefined,
  tally: Tally,
): boolean {
  const root = join(site.repoDir, 'rsync', name)
  const place = placer(site, root, sibling, tally)
  const touched = base === undefined ? build(site, root, place) : forward(site, root, base.changes, place)
  const folders = [...touched].map((folder) => relative(root, folder))
  const copies = tally.copies > 0 || base?.left.copies === true
  tally.bytes += recordFingerprint(site, name, base?.left, folders, copies)
  return copies
}

/** Builds the complete tree from scratch. Returns its folders. */
function build(site: OpenTarget, root: string, place: Place): ReadonlySet<string> {
  site.disk.remove(root)
  ensureFolder(site.disk, root, site.repoDir)
  const folders = new Set<string>([root])
  const open = (folder: string): void => {
    if (folders.has(folder)) return
    open(dirname(folder))
    // synced with the others in the end: nothing refers to this tree before
    site.disk.mkdir(folder)
    site.disk.chmod(folder, 0o755)
    folders.add(folder)
  }
  for (const object of publishedObjects(site.state)) {
    open(dirname(join(root, object.path)))
    place(object.path, object)
  }
  settle(site, root, [...folders])
  return folders
}

/** Applies changes to an idle tree. Returns the folders in which something changed. */
function forward(
  site: OpenTarget,
  root: string,
  changes: ReadonlyMap<string, PathChange>,
  place: Place,
): ReadonlySet<string> {
  const touched = new Set<string>()
  for (const path of changes.keys()) {
    const full = join(root, path)
    if (statOf(full)?.isDirectory() === false) removeFile(site.disk, full)
    touched.add(dirname(full))
  }
  for (const folder of [...touched]) {
    for (let f = folder; f !== root && namesIn(f).length === 0; f = dirname(f)) {
      unlessAbsent(() => site.disk.rmdir(f))
      touched.add(dirname(f))
    }
  }
  for (const [path, { after }] of changes) {
    if (after === undefined) continue
    ensureFolder(site.disk, dirname(join(root, path)), root)
    place(path, after)
  }
  const left = [...touched].filter((folder) => statOf(folder)?.isDirectory() === true)
  settle(site, root, left)
  for (const folder of [...touched]) for (let f = folder; f !== root; f = dirname(f)) touched.add(f)
  return touched
}

/** Gives folders their constant time, once their content is complete, and then syncs them, so that one sync may do for all. */
function settle({ disk }: OpenTarget, root: string, folders: readonly string[]): void {
  for (const folder of folders) disk.date(folder)
  disk.syncAll(root, folders)
}

type Place = (path: string, object: ObjectRef) => void

/** Creates an object at an unused path: a hard link, or a copy if the file system or the owner does not allow links. */
function placer(site: OpenTarget, root: string, sibling: Tree | undefined, tally: Tally): Place {
  let fresh: ReadonlyMap<string, PathChange> | undefined
  const fromSibling = (path: string): string | undefined => {
    if (sibling === undefined) return undefined
    fresh ??= changesSince(site.state, sibling.session, sibling.serial)
    return fresh === undefined || fresh.has(path) ? undefined : join(site.repoDir, 'rsync', sibling.name, path)
  }
  return (path, object) => {
    const to = join(root, path)
    tally.files += 1
    const from = site.objectPath(object.sha256)
    if (linked(site, from, to)) return
    // a missing object may still be linked in the tree that is being served
    const copied = fromSibling(path)
    if (copied !== undefined && isCopy(site, copied, object) && linked(site, copied, to)) {
      tally.copies += 1
      return
    }
    if (statOf(from) === undefined) throw objectMissing(from)
    tally.copies += 1
    writeNew(site.disk, to, [readObject(site.objectPath, object)], fs.statSync(from))
    tally.bytes += object.size
  }
}

/** Returns false if a copy is needed: another file system, another owner, too many links, or no file to link. */
function linked(site: OpenTarget, from: string, to: string): boolean {
  try {
    site.disk.link(from, to)
    // a copy of the data directory that was made under a umask has objects that only their owner can read
    const mode = fs.lstatSync(to).mode & 0o777
    if ((mode & 0o004) === 0 || (mode & 0o022) !== 0) site.disk.chmod(to, 0o644)
    return true
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOENT', 'ENOTSUP', 'ENOSYS'].includes(errnoOf(error) ?? ''))
      return false
    throw error
  }
}
