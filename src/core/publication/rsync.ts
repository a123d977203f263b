/**
 * `repo/rsync/`: trees of hard links to the signed objects, and `current`, a symbolic link that is replaced by one rename.
 * Invariant: the tree that `current` points to is complete, durable and unchanged; a tree is updated only while no reader uses it.
 */
import fs from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { earlier, type Instant } from '../base/time.js'
import type { PathChange } from '../pubd/content.js'
import { changesSince, publishedObjects } from '../pubd/content.js'
import type { ObjectRef, PubdState } from '../pubd/state.js'
import {
  ensureFolder,
  errnoOf,
  linkTarget,
  namesIn,
  removeFile,
  statOf,
  unlessAbsent,
  writeNew,
} from './served-files.js'
import { type OpenTarget, objectMissing, readObject } from './target.js'
import { chooseTree, DEFAULT_TREES, surplusTrees } from './tree-choice.js'
import { isCopy, isIntact, recordFingerprint, unmodified } from './tree-fingerprint.js'
import { type KnownFolders, readTrees, removeFingerprints, type Tree, writeTrees } from './writer-records.js'

export interface RsyncReport {
  readonly changed: boolean
  /** The tree that `current` points to. */
  readonly tree: string
  /** True if the tree was built from scratch, false if only changes were applied. */
  readonly whole: boolean
  readonly files: number
  readonly bytes: number
  readonly ms: number
}

interface Tally {
  files: number
  bytes: number
  /** Number of files that are copies instead of links. */
  copies: number
}

/** Returns the tree that `current` points to, if any. */
export function currentTree(repoDir: string): string | undefined {
  const name = linkTarget(join(repoDir, 'rsync', 'current'))
  return name !== undefined && /^[a-z]{1,2}$/.test(name) ? name : undefined
}

/** Returns the current tree if it contains the current state and was not modified from outside. Takes one stat call per folder, as a rule. */
export function servedRsync(site: Pick<OpenTarget, 'repoDir' | 'scratch' | 'state' | 'objectPath'>): Tree | undefined {
  const { repoDir, state, scratch } = site
  const name = currentTree(repoDir)
  const tree = readTrees(scratch)?.find((t) => t.name === name)
  if (tree === undefined || !holds(tree, state)) return undefined
  if (statOf(join(repoDir, 'rsync', tree.name))?.isDirectory() !== true) return undefined
  return isIntact(site, tree) ? tree : undefined
}

/** Updates an idle tree to the current state and makes it current; writes nothing if the current tree already contains it. */
export function writeRsync(site: OpenTarget): RsyncReport {
  const started = performance.now()
  const { repoDir, state, disk, now, scratch } = site
  const served = site.rebuild ? undefined : servedRsync(site)
  if (served !== undefined)
    return { changed: false, tree: served.name, whole: false, files: 0, bytes: 0, ms: performance.now() - started }
  const root = join(repoDir, 'rsync')
  ensureFolder(disk, scratch, repoDir)
  ensureFolder(disk, root, repoDir)
  const trees = knownTrees(site)
  const current = currentTree(repoDir)
  const policy = { ...DEFAULT_TREES, ...site.trees }
  const ready = trees.find((t) => t.name !== current && holds(t, state))
  const choice =
    ready === undefined ? chooseTree(trees, current, state.sessionId, now, policy) : { name: ready.name, tree: ready }
  const base = choice.tree === undefined ? undefined : baseOf(site, choice.tree)
  const tally: Tally = { files: 0, bytes: 0, copies: 0 }
  const sibling = trees.find((t) => t.name === current && t.serial > 0)
  // a build that is interrupted by a crash must not leave a record that describes it as complete
  if (choice.tree !== undefined && base === undefined)
    tally.bytes += writeTrees(
      disk,
      repoDir,
      scratch,
      trees.filter((t) => t.name !== choice.name),
    )
  fill(site, choice.name, base, sibling, tally)
  const next: Tree[] = trees
    .filter((t) => t.name !== choice.name)
    .map((t) => (t.name === current ? { ...t, retiredAt: now } : t))
  next.push({ name: choice.name, session: state.sessionId, serial: state.serial, retiredAt: null })
  const surplus = surplusTrees(next, choice.name, now, policy)
  const kept = next.filter((t) => !surplus.includes(t)).sort((a, b) => (a.name < b.name ? -1 : 1))
  tally.bytes += writeTrees(disk, repoDir, scratch, kept)
  if (current !== choice.name) switchTo(site, choice.name)
  for (const name of namesIn(root))
    if (/^[a-z]{1,2}$/.test(name) && !kept.some((t) => t.name === name)) {
      disk.remove(join(root, name))
      removeFingerprints(disk, scratch, name)
    }
  const { files, bytes } = tally
  return { changed: true, tree: choice.name, whole: base === undefined, files, bytes, ms: performance.now() - started }
}

/** Returns the records of the existing trees. Without a record, or if records are not to be trusted, their content and readers are unknown. */
function knownTrees(site: OpenTarget): readonly Tree[] {
  const remembered = readTrees(site.scratch)
  const current = currentTree(site.repoDir)
  const root = join(site.repoDir, 'rsync')
  const there = namesIn(root).filter((n) => /^[a-z]{1,2}$/.test(n) && statOf(join(root, n))?.isDirectory() === true)
  return there.flatMap((name) => {
    const known = remembered?.find((t) => t.name === name)
    if (remembered !== undefined && known === undefined && name !== current) return []
    // a time after the present was written by a clock that was ahead: such a tree would never be idle
    const retiredAt = name === current ? null : known === undefined ? site.now : notAfter(known.retiredAt, site.now)
    return known === undefined || site.rebuild
      ? [{ name, session: '', serial: 0, retiredAt }]
      : [{ ...known, retiredAt }]
  })
}

function notAfter(at: Instant | null, now: Instant): Instant | null {
  return at === null ? null : earlier(at, now)
}

function holds(tree: Tree, state: PubdState): boolean {
  return tree.session === state.sessionId && tree.serial === state.serial
}

/** A tree that can be updated: the changes and its fingerprint. */
interface Base {
  readonly changes: ReadonlyMap<string, PathChange>
  readonly left: KnownFolders
}

/** Returns undefined if the tree must be built from scratch. */
function baseOf(site: OpenTarget, tree: Tree): Base | undefined {
  const changes = tree.serial === 0 ? undefined : changesSince(site.state, tree.session, tree.serial)
  const left = changes === undefined ? undefined : unmodified(site, tree, changes)
  return changes === undefined || left === undefined ? undefined : { changes, left }
}

/** Updates the tree to the current state, durably. */
function fill(site: OpenTarget, name: string, base: Base | undefined, sibling: Tree | undefined, tally: Tally): void {
  const root = join(site.repoDir, 'rsync', name)
  const place = placer(site, root, sibling, tally)
  const touched = base === undefined ? build(site, root, place) : forward(site, root, base.changes, place)
  const folders = [...touched].map((folder) => relative(root, folder))
  const copies = tally.copies > 0 || base?.left.copies === true
  tally.bytes += recordFingerprint(site, name, base?.left, folders, copies)
}

/** Builds the complete tree from scratch. Returns its folders. */
function build(site: OpenTarget, root: string, place: Place): ReadonlySet<string> {
  site.disk.remove(root)
  ensureFolder(site.disk, root, site.repoDir)
  const folders = new Set<string>([root])
  for (const object of publishedObjects(site.state)) {
    const folder = dirname(join(root, object.path))
    if (!folders.has(folder)) ensureFolder(site.disk, folder, root)
    for (let f = folder; !folders.has(f); f = dirname(f)) folders.add(f)
    place(object.path, object)
  }
  for (const folder of folders) settle(site, folder)
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
  for (const folder of touched) if (statOf(folder)?.isDirectory() === true) settle(site, folder)
  for (const folder of [...touched]) for (let f = folder; f !== root; f = dirname(f)) touched.add(f)
  return touched
}

/** Gives a folder its constant time, once its content is complete, and syncs it. */
function settle({ disk }: OpenTarget, folder: string): void {
  disk.date(folder)
  disk.sync(folder)
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

function switchTo(site: OpenTarget, name: string): void {
  const fresh = join(site.scratch, 'new-current')
  removeFile(site.disk, fresh)
  site.disk.symlink(name, fresh)
  site.disk.rename(fresh, join(site.repoDir, 'rsync', 'current'))
  site.disk.sync(join(site.repoDir, 'rsync'))
}
