/**
 * `repo/rsync/`: trees of hard links to the signed objects, and `current`, a symbolic link that is replaced by one rename.
 * Invariant: the tree that `current` points to is complete, durable and unchanged; a tree is updated only while no reader uses it.
 */
import { join } from 'node:path'
import { earlier, type Instant } from '../base/time.js'
import type { PubdState } from '../pubd/state.js'
import { ensureFolder, linkTarget, namesIn, removeFile, statOf } from './served-files.js'
import type { OpenTarget } from './target.js'
import { chooseTree, DEFAULT_TREES, readyTrees, surplusTrees } from './tree-choice.js'
import { baseOf, fillTree, type Tally } from './tree-content.js'
import { isIntact } from './tree-fingerprint.js'
import { readTrees, removeFingerprints, type Tree, writeTrees } from './writer-records.js'

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
  const copies = fillTree(site, choice.name, base, sibling, tally)
  const next: Tree[] = trees
    .filter((t) => t.name !== choice.name)
    .map((t) => (t.name === current ? { ...t, retiredAt: now } : t))
  next.push({ name: choice.name, session: state.sessionId, serial: state.serial, retiredAt: null })
  const standing = copies ? policy.standing : readyTrees(state, policy)
  const surplus = surplusTrees(next, choice.name, now, { ...policy, standing })
  const kept = next.filter((t) => !surplus.includes(t)).sort((a, b) => (a.name < b.name ? -1 : 1))
  tally.bytes += writeTrees(disk, repoDir, scratch, kept, standing)
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
export function knownTrees(site: OpenTarget): readonly Tree[] {
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

export function holds(tree: Tree, state: PubdState): boolean {
  return tree.session === state.sessionId && tree.serial === state.serial
}

function switchTo(site: OpenTarget, name: string): void {
  const fresh = join(site.scratch, 'new-current')
  removeFile(site.disk, fresh)
  site.disk.symlink(name, fresh)
  site.disk.rename(fresh, join(site.repoDir, 'rsync', 'current'))
  site.disk.sync(join(site.repoDir, 'rsync'))
}
