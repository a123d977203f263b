/**
 * Finds the snapshots that a proof by replay needs: those of recoveries before which a file of history is lost.
 * Invariant: the audit replays by the same rule, so that what it reports as missing is restored or declared gone.
 */
import type { FileEvidence } from './evidence.js'
import { isArchived, type Scan, type Step } from './scan.js'

/** `demanded`: the audit fails without it; `useful`: only with archived files that are not here, which it then replays. */
export type ReplayBase = 'demanded' | 'useful'

/** Returns the recoveries of a branch from whose snapshot a replay continues, because no earlier state leads there. */
export function findReplayBases(scan: Scan, branch: readonly Step[]): ReadonlyMap<Step, ReplayBase> {
  const bases = new Map<Step, ReplayBase>()
  // without its archive a replay starts after the newest command that is elsewhere
  const start = branch.findLastIndex((step) => isElsewhere(scan, step))
  let known = true
  for (const [i, step] of branch.entries()) {
    if (step.record?.effect.result === 'recovered') {
      if (known) continue
      bases.set(step, i > start ? 'demanded' : 'useful')
      known = step.snapshot?.found !== undefined
    } else if (!isElsewhere(scan, step) && filesOf(step).some(isMissing)) known = false
  }
  return bases
}

function isElsewhere(scan: Scan, step: Step): boolean {
  return isArchived(scan, step) && filesOf(step).some((file) => isMissing(file) && file.damaged.length === 0)
}

function filesOf({ command, events }: Step): readonly FileEvidence[] {
  return [command, ...events]
}

function isMissing({ found }: FileEvidence): boolean {
  return found === undefined
}
