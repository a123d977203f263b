/**
 * Who writes the served tree, in `repo/.state/primary.json`: where two hosts share the tree, the one whose generation is behind finds out.
 * Invariant: the claim is durable before the first byte of a publication, so a primary that another one has replaced never writes over it.
 */
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { type OpenTarget, writeError } from './target.js'
import { readPrimary, type WritingPrimary, writePrimary } from './writer-records.js'

export type { WritingPrimary } from './writer-records.js'

/** The other primary that has taken this tree since; undefined where none has. Throws `repository-write` (io). */
export function rivalOf(repoDir: string, mine: WritingPrimary): WritingPrimary | undefined {
  try {
    const theirs = readPrimary(join(repoDir, '.state'))
    return theirs !== undefined && isRival(theirs, mine) ? theirs : undefined
  } catch (error) {
    throw writeError(error, repoDir)
  }
}

/** Another history's tree is the operator's choice; of one history the higher generation counts, and of two promotes of it the first. */
function isRival(theirs: WritingPrimary, mine: WritingPrimary): boolean {
  if (theirs.id !== mine.id || theirs.generation < mine.generation) return false
  return theirs.generation > mine.generation || theirs.writer !== mine.writer
}

/** Highest generation of this history that wrote here; 0 when nobody knows. */
export function generationServed(repoDir: string, id: string): number {
  try {
    const there = readPrimary(join(repoDir, '.state'))
    return there?.id === id ? there.generation : 0
  } catch (error) {
    throw writeError(error, repoDir)
  }
}

/** Says in the tree that it is ours. Throws `standby-superseded` (standby) when it is another's. */
export function claimTree(site: Pick<OpenTarget, 'disk' | 'repoDir' | 'scratch'>, mine: WritingPrimary): void {
  const rival = rivalOf(site.repoDir, mine)
  if (rival !== undefined) throw superseded(site.repoDir, rival, mine)
  const there = readPrimary(site.scratch)
  const isOurs = there?.id === mine.id && there.generation === mine.generation && there.writer === mine.writer
  if (!isOurs) writePrimary(site.disk, site.repoDir, site.scratch, mine)
}

export function superseded(repoDir: string, rival: WritingPrimary, mine: WritingPrimary): AppError {
  return new AppError(
    'standby',
    'standby-superseded',
    `${repoDir} is written by another primary: ${rival.host}, generation ${rival.generation}, since ${rival.at}; this one is generation ${mine.generation}`,
    {
      hint: 'brine demote --reason … here, then copy the other directory over; if that one is gone for good, brine promote after the demote',
      details: { host: rival.host, generation: rival.generation, at: rival.at, own: mine.generation },
    },
  )
}
