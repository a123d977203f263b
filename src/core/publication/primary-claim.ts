/**
 * The primary that writes the published tree, recorded in `repo/.state/primary.json`: if two hosts share the tree, the one with the older
 * generation detects it. Invariant: the claim is durable before a publication starts, so a replaced primary never overwrites the tree.
 */
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { type OpenTarget, writeError } from './target.js'
import { type PublishedCommit, readPrimary, type WritingPrimary, writePrimary } from './writer-records.js'

export type { WritingPrimary } from './writer-records.js'

/** Returns the other primary that has claimed this tree since; undefined if none has. Throws `repository-write` (io). */
export function rivalOf(repoDir: string, mine: WritingPrimary): WritingPrimary | undefined {
  const theirs = claimOf(repoDir)
  return theirs !== undefined && isRival(theirs, mine) ? theirs : undefined
}

/** Compares claims: another history's tree is the operator's choice; in one history the higher generation wins, and of two promotes of it the first. */
function isRival(theirs: WritingPrimary, mine: WritingPrimary): boolean {
  if (theirs.id !== mine.id || theirs.generation < mine.generation) return false
  return theirs.generation > mine.generation || theirs.writer !== mine.writer
}

/** Returns the primary that wrote this tree last, if it is of this history and not `mine`; undefined if that is unknown or cannot be read. */
export function otherPrimary(
  repoDir: string,
  id: string,
  mine: Pick<WritingPrimary, 'writer'> | undefined,
): WritingPrimary | undefined {
  try {
    const there = claimOf(repoDir)
    return there?.id === id && there.writer !== mine?.writer ? there : undefined
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** Returns the highest generation of this history that wrote here; 0 if unknown. */
export function generationServed(repoDir: string, id: string): number {
  const there = claimOf(repoDir)
  return there?.id === id ? there.generation : 0
}

/** Returns true if the tree was written in an earlier generation of this history, or by another history. */
export function isOlderClaim(repoDir: string, mine: WritingPrimary): boolean {
  const there = claimOf(repoDir)
  return there !== undefined && (there.id !== mine.id || there.generation < mine.generation)
}

/** Returns the newest commit that this installation published, as recorded in the tree; undefined if unknown. Throws `repository-write` (io). */
export function commitServed(repoDir: string, mine: WritingPrimary): PublishedCommit | undefined {
  const there = claimOf(repoDir)
  return there !== undefined && isSame(there, mine) ? there.last : undefined
}

function claimOf(repoDir: string): WritingPrimary | undefined {
  try {
    return readPrimary(join(repoDir, '.state'))
  } catch (error) {
    throw writeError(error, repoDir)
  }
}

function isSame(a: WritingPrimary, b: WritingPrimary): boolean {
  return a.id === b.id && a.generation === b.generation && a.writer === b.writer
}

/** Claims the tree for this installation. Throws `standby-superseded` (standby) if another primary has claimed it. */
export function claimTree(site: Pick<OpenTarget, 'disk' | 'repoDir' | 'scratch'>, mine: WritingPrimary): void {
  const rival = rivalOf(site.repoDir, mine)
  if (rival !== undefined) throw superseded(site.repoDir, rival, mine)
  const there = readPrimary(site.scratch)
  const isOurs = there !== undefined && isSame(there, mine) && there.last?.commit === mine.last?.commit
  if (!isOurs) writePrimary(site.disk, site.repoDir, site.scratch, mine)
}

export function superseded(repoDir: string, rival: WritingPrimary, mine: WritingPrimary): AppError {
  return new AppError(
    'standby',
    'standby-superseded',
    `${repoDir} is written by another primary: ${rival.host}, generation ${rival.generation}, since ${rival.at}; this one is generation ${mine.generation}`,
    {
      hint: 'brine demote --reason … here, then copy the other directory over; if that host is lost permanently, brine promote after the demote',
      details: { host: rival.host, generation: rival.generation, at: rival.at, own: mine.generation },
    },
  )
}
