/**
 * Modes of the published tree: every file and folder can be read by the server's user and written by the owner only, old sessions and trees
 * that readers may be in included. Invariant: nothing outside of `rsync/`, `rrdp/` and `ta/` is looked at or changed, and no link is followed.
 */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { canPass, formatMode } from './other-users.js'
import { type Disk, errnoOf, linkTarget, namesIn, statOf, unlessAbsent, writeFresh } from './served-files.js'
import { readTrees } from './writer-records.js'

export const UNREADABLE = 'cannot be read by other users'

export interface WrongMode {
  /** Relative to `repo/`; empty for `repo/` itself. */
  readonly path: string
  readonly isFolder: boolean
  readonly mode: number
  readonly problem: typeof UNREADABLE | 'can be written by other users'
}

const PARTS = ['rsync', 'rrdp', 'ta']

/**
 * Yields what the server's user cannot read, and what another user can write. Takes one lstat for each file. Of the folders of publishers with the
 * names `unlooked` only the folder itself is looked at.
 */
export function* wrongModes(repoDir: string, unlooked: ReadonlySet<string> = new Set()): Generator<WrongMode> {
  const top = unlessAbsent(() => fs.statSync(repoDir))
  if (top === undefined) return
  const problem = problemOf('', top)
  if (problem !== undefined) yield problem
  for (const part of PARTS) {
    // an operator may have put a link to another file system here
    const stat = unlessAbsent(() => fs.statSync(join(repoDir, part)))
    if (stat !== undefined)
      yield* below(repoDir, part, stat, { unlooked, rested: part === 'rsync' ? rested(repoDir) : NONE })
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Folders that are not entered. */
interface Left {
  /** Of publishers in an rsync tree. */
  readonly unlooked: ReadonlySet<string>
  /** Trees. */
  readonly rested: ReadonlySet<string>
}

/**
 * Returns the names of rsync trees that no reader is in or will find. Their files are those of the current tree, by links, and a change of a folder
 * is noticed before it is used (`isUnmodified`).
 */
function rested(repoDir: string): ReadonlySet<string> {
  const trees = readTrees(join(repoDir, '.state')) ?? []
  const current = linkTarget(join(repoDir, 'rsync', 'current'))
  return new Set(trees.filter((t) => t.retiredAt === null && t.name !== current).map((t) => t.name))
}

function* below(repoDir: string, path: string, stat: fs.Stats, left: Left): Generator<WrongMode> {
  const problem = problemOf(path, stat)
  if (problem !== undefined) yield problem
  if (!stat.isDirectory() || isLeft(path, left)) return
  for (const name of readableNames(`${repoDir}/${path}`)) {
    const inner = `${path}/${name}`
    const found = fs.lstatSync(`${repoDir}/${inner}`, { throwIfNoEntry: false })
    if (found?.isDirectory() === true) yield* below(repoDir, inner, found, left)
    else if (found?.isFile() === true) {
      // most entries are files without a problem
      const own = problemOf(inner, found)
      if (own !== undefined) yield own
    }
  }
}

function isLeft(path: string, { unlooked, rested }: Left): boolean {
  const [part, tree, publisher, ...deeper] = path.split('/')
  if (part !== 'rsync' || tree === undefined) return false
  return publisher === undefined ? rested.has(tree) : deeper.length === 0 && unlooked.has(publisher)
}

/** Returns the names in a folder; none in one that this user cannot read either. */
function readableNames(path: string): readonly string[] {
  try {
    return namesIn(path)
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return []
    throw error
  }
}

function problemOf(path: string, stat: fs.Stats): WrongMode | undefined {
  const isFolder = stat.isDirectory()
  const needed = isFolder ? 0o005 : 0o004
  const mode = stat.mode & 0o7777
  if ((mode & needed) !== needed) return { path, isFolder, mode, problem: UNREADABLE }
  return (mode & 0o022) === 0 ? undefined : { path, isFolder, mode, problem: 'can be written by other users' }
}

/** Returns true if the server's user can read the tree, and no other user can write it; `unlooked` as for `wrongModes`. */
export function areModesRight(repoDir: string, unlooked: ReadonlySet<string>): boolean {
  return wrongModes(repoDir, unlooked).next().done === true
}

/** Corrects the modes of the tree. Returns how many were wrong. Errors are those of the file system. */
export function repairModes(disk: Disk, repoDir: string, scratch: string): number {
  let repaired = 0
  // a folder that was closed is entered when it is open
  for (const { path, isFolder, mode } of wrongModes(repoDir)) {
    const full = join(repoDir, path)
    repaired += 1
    try {
      disk.chmod(full, isFolder ? (mode & 0o7000) | 0o755 : 0o644)
    } catch (error) {
      // a file of another user is replaced by an own copy
      if (isFolder || errnoOf(error) !== 'EPERM') throw error
      const bytes = fs.readFileSync(full)
      writeFresh(disk, join(scratch, 'new-file'), full, [bytes])
      disk.sync(dirname(full))
    }
  }
  return repaired
}

/** Returns true if the server's user can pass through a folder that is above the published tree. */
export function isOpen(folder: string): boolean {
  const stat = statOf(folder)
  return stat === undefined || canPass(stat)
}

/** Lets the server's user pass through a folder: mode 0711 for one of mode 0700. */
export function openFolder(folder: string): void {
  const stat = statOf(folder)
  if (stat !== undefined && !canPass(stat)) fs.chmodSync(folder, (stat.mode & 0o7777) | 0o011)
}

/** A folder on the way from `/` to the published tree that the server's user cannot pass through. */
export interface ClosedFolder {
  readonly path: string
  /** For example `700`. */
  readonly mode: string
}

/**
 * Returns the folders above the published tree that close it. A folder that is open to its group is accepted if that group has a member
 * besides the owner. Access control lists are not read.
 */
export function closedFolders(repoDir: string): readonly ClosedFolder[] {
  const real = unlessAbsent(() => fs.realpathSync(repoDir))
  if (real === undefined) return []
  const found: ClosedFolder[] = []
  for (let path = dirname(real); ; path = dirname(path)) {
    const stat = statOf(path)
    if (stat !== undefined && !canPass(stat)) found.unshift({ path, mode: formatMode(stat.mode) })
    if (dirname(path) === path) return found
  }
}
