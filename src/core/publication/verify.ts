/** Compares every byte of the published tree with the state: relying parties must read what history says was published. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { utf8 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { publishedObjects } from '../pubd/content.js'
import { batched, deltaPath, deltaText, notificationText, snapshotPath, snapshotText } from './rrdp.js'
import { currentTree } from './rsync.js'
import { filesBelow, namesIn, statOf, unlessAbsent } from './served-files.js'
import { wrongModes } from './served-modes.js'
import type { PublicationTarget } from './target.js'
import { trustAnchorNames } from './writer.js'

export interface TreeFinding {
  /** Relative to `repo/`. */
  readonly path: string
  readonly problem: string
}

/** Parts of the published tree that are switched one after the other. */
export const TREE_PARTS = ['ta', 'rsync', 'rrdp'] as const
export type TreePart = (typeof TREE_PARTS)[number]

/** Returns all findings in the published tree, sorted by path; empty if it is exactly the current state, readable by every user. Reads all of it. */
export function verifyTree(site: PublicationTarget): readonly TreeFinding[] {
  const problems = [...TREE_PARTS.flatMap((part) => verifyPart(site, part)), ...modeFindings(site.repoDir)]
  return problems.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Returns a finding for each file and folder of the published tree that other users cannot read, or can write. */
export function modeFindings(repoDir: string): readonly TreeFinding[] {
  return [...wrongModes(repoDir)].map(({ path, problem }) => ({ path, problem }))
}

/** Returns the findings in one part of the published tree. */
export function verifyPart(site: PublicationTarget, part: TreePart): readonly TreeFinding[] {
  const problems: TreeFinding[] = []
  if (part === 'ta')
    for (const [name, bytes] of trustAnchorNames(site.ta ?? [])) compare(site, `ta/${name}`, sha256Hex(bytes), problems)
  else if (site.state.serial > 0) (part === 'rrdp' ? verifyRrdp : verifyRsync)(site, problems)
  return problems
}

/** Returns true if nothing was ever written to a part of the published tree; what a first publication that was interrupted left does not count. */
export function isPartUnwritten({ repoDir, state }: PublicationTarget, part: TreePart): boolean {
  const folder = join(repoDir, part)
  if (part === 'ta') return filesBelow(folder).length === 0
  const last = join(folder, part === 'rrdp' ? 'notification.xml' : 'current')
  return statOf(last) === undefined && (state.serial === 1 || filesBelow(folder).length === 0)
}

function verifyRrdp(site: PublicationTarget, problems: TreeFinding[]): void {
  const { state } = site
  const snapshot = expected(() => snapshotText(site), `rrdp/${snapshotPath(state)}`, problems)
  const deltas = state.deltas.map((delta) => {
    const path = `rrdp/${deltaPath(state, delta)}`
    const hash = expected(() => deltaText(site, delta), path, problems)
    if (hash !== undefined) compare(site, path, hash, problems)
    return hash
  })
  if (snapshot === undefined) return
  compare(site, `rrdp/${snapshotPath(state)}`, snapshot, problems)
  const known = deltas.filter((hash) => hash !== undefined)
  if (known.length < deltas.length) return
  const path = 'rrdp/notification.xml'
  compare(site, path, sha256Hex(utf8(notificationText(state, snapshot, known))), problems)
}

/** Returns the expected hash of a file, from state and objects. */
function expected(text: () => Iterable<string>, path: string, problems: TreeFinding[]): Sha256 | undefined {
  const hash = createHash('sha256')
  try {
    for (const block of batched(text())) hash.update(block)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    problems.push({ path, problem: error.message })
    return undefined
  }
  return hash.digest('hex') as Sha256
}

function verifyRsync(site: PublicationTarget, problems: TreeFinding[]): void {
  const tree = currentTree(site.repoDir)
  if (tree === undefined) {
    const problem = namesIn(join(site.repoDir, 'rsync')).includes('current')
      ? 'is not a symbolic link to a tree'
      : 'is missing'
    problems.push({ path: 'rsync/current', problem })
    return
  }
  const wanted = new Map(publishedObjects(site.state).map((object) => [object.path, object.sha256]))
  for (const path of filesBelow(join(site.repoDir, 'rsync', tree)))
    if (!wanted.has(path)) problems.push({ path: `rsync/${tree}/${path}`, problem: 'is not published' })
  for (const [path, sha256] of wanted) compare(site, `rsync/${tree}/${path}`, sha256, problems)
}

function compare(site: PublicationTarget, path: string, sha256: Sha256, problems: TreeFinding[]): void {
  const full = join(site.repoDir, path)
  const stat = statOf(full)
  if (stat?.isFile() !== true)
    problems.push({ path, problem: stat === undefined ? 'is missing' : 'is not a regular file' })
  else if (fileHash(full) !== sha256) problems.push({ path, problem: 'has other content than published' })
}

function fileHash(path: string): string | undefined {
  return unlessAbsent(() => {
    const fd = fs.openSync(path, 'r')
    try {
      const hash = createHash('sha256')
      const block = Buffer.allocUnsafe(1 << 18)
      for (let n = fs.readSync(fd, block); n > 0; n = fs.readSync(fd, block)) hash.update(block.subarray(0, n))
      return hash.digest('hex')
    } finally {
      fs.closeSync(fd)
    }
  })
}
