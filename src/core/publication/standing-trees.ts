/**
 * rsync trees that are ready before they are needed. Building one takes a link for each object, so `tick` does it for a large repository, one a
 * run, and brings those forward that no reader can be in: a change then finds a tree that lacks a few changes.
 * Invariant: the current tree, and trees that may have readers, are left alone.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { type Instant, secondsBetween } from '../base/time.js'
import { claimTree } from './primary-claim.js'
import { currentTree, knownTrees, servedRsync } from './rsync.js'
import { unlessAbsent } from './served-files.js'
import { type OpenTarget, openTarget, type WriteOptions, writeError } from './target.js'
import { DEFAULT_TREES, freeName, isRested } from './tree-choice.js'
import { baseOf, fillTree } from './tree-content.js'
import { isUnmodified } from './tree-fingerprint.js'
import { readTreeRecord, type Tree, writeTrees } from './writer-records.js'

export interface PreparedTrees {
  /** Number of trees that were built. */
  readonly built: number
  /** Number of trees that were brought forward. */
  readonly updated: number
}

/** Serials that a tree may lack. */
const MAX_LAG = 20
/** Changed files after which a run leaves the other trees to the next one. */
const MAX_CHANGES = 2000
/** Bytes that stay free: publications come first. */
const SPARE_BYTES = 256 * 1024 * 1024
/** Bytes of a folder and of its records, and inodes, for the space of a tree. */
const FOLDER_BYTES = 8192
const EPOCH = '1970-01-01T00:00:00Z' as Instant
/** Seconds after which another tree has its turn to be checked: the usual period of `tick`. */
const TURN_SECONDS = 300

/**
 * Returns true if there is nothing to prepare, as far as the records say, and the tree whose turn it is was not modified: one stat for each of its
 * folders. Reads no state, since `tick` asks each time.
 */
export function areTreesReady(repoDir: string, now: Instant): boolean {
  const scratch = join(repoDir, '.state')
  const { trees, ready = 0 } = readTreeRecord(scratch) ?? { trees: [] }
  const name = currentTree(repoDir)
  const current = trees.find((t) => t.name === name)
  if (ready <= DEFAULT_TREES.standing || current === undefined) return true
  const rested = trees.filter((t) => t !== current && isRested(t, now, DEFAULT_TREES))
  if (trees.length < ready || rested.some((t) => t.retiredAt !== null || lag(t, current) > MAX_LAG)) return false
  const turn = turnOf(rested, now)
  return turn === undefined || isUnmodified({ repoDir, scratch }, turn)
}

/** Brings rested trees forward and builds one that is missing or was modified. Called by the lock holder. Throws as `writeTree` does. */
export function prepareTrees(options: WriteOptions): PreparedTrees {
  const site = openTarget(options)
  try {
    if (site.primary !== undefined) claimTree(site, site.primary)
    const { ready = 0 } = readTreeRecord(site.scratch) ?? {}
    const current = site.state.serial === 0 ? undefined : servedRsync(site)
    return current === undefined || ready <= DEFAULT_TREES.standing || !hasRoom(site)
      ? { built: 0, updated: 0 }
      : prepare(site, current, ready)
  } catch (error) {
    throw writeError(error, options.repoDir)
  }
}

function prepare(site: OpenTarget, current: Tree, ready: number): PreparedTrees {
  const { disk, repoDir, scratch, now, state } = site
  const tally = { files: 0, bytes: 0, copies: 0 }
  let trees = knownTrees(site)
  const keep = (tree: Tree | undefined, name: string): void => {
    const others = trees.filter((t) => t.name !== name)
    trees = tree === undefined ? others : [...others, tree].sort((a, b) => (a.name < b.name ? -1 : 1))
    writeTrees(disk, repoDir, scratch, trees, ready)
  }
  const whole = (name: string): Tree => ({ name, session: state.sessionId, serial: state.serial, retiredAt: null })
  const rested = trees.filter((t) => t.name !== current.name && isRested(t, now, DEFAULT_TREES))
  const turn = turnOf(rested, now)
  let due = trees.length < ready ? freeName(trees, current.name) : undefined
  let updated = 0
  for (const tree of [...rested].sort((a, b) => lag(b, current) - lag(a, current))) {
    const isDamaged = tree === turn && !isUnmodified(site, tree)
    if (!isDamaged && lag(tree, current) <= MAX_LAG) {
      if (tree.retiredAt !== null) keep({ ...tree, retiredAt: null }, tree.name)
      continue
    }
    const base = isDamaged ? undefined : baseOf(site, tree)
    if (base === undefined) due = tree.name
    if (base === undefined || tally.files > MAX_CHANGES) continue
    fillTree(site, tree.name, base, current, tally)
    keep(whole(tree.name), tree.name)
    updated += 1
  }
  if (due === undefined) return { built: 0, updated }
  // a build that is interrupted must not leave a record that describes it as complete
  if (trees.some((t) => t.name === due)) keep(undefined, due)
  fillTree(site, due, undefined, current, tally)
  keep(whole(due), due)
  return { built: 1, updated }
}

/** Returns how many serials a tree lacks; all of them in another session. */
function lag(tree: Tree, current: Tree): number {
  return tree.session === current.session && tree.serial > 0 ? current.serial - tree.serial : Number.MAX_SAFE_INTEGER
}

/** Returns the tree that is checked now. Each has its turn. */
function turnOf(trees: readonly Tree[], now: Instant): Tree | undefined {
  return trees[Math.floor(secondsBetween(EPOCH, now) / TURN_SECONDS) % trees.length]
}

/** Returns true if another tree leaves enough of the disk. */
function hasRoom({ repoDir, state }: OpenTarget): boolean {
  const stat = unlessAbsent(() => fs.statfsSync(repoDir))
  if (stat === undefined) return false
  const folders = Object.keys(state.publishers).length
  if (stat.blocks > 0 && stat.bavail * stat.bsize < SPARE_BYTES + folders * FOLDER_BYTES) return false
  return stat.files === 0 || stat.ffree > 10 * folders
}
