/** Findings about a stand-by: a copy or a restored directory. Pure. */
import { addSeconds, type Instant } from '../../base/time.js'
import { durationBetween, type StatusFinding, warning } from './finding.js'

const DAY = 86_400

/** Origin of a restored directory. */
export interface RestoredFacts {
  readonly from: string
  readonly cutAt: Instant | null
  /** Number of aggregates with commands after the backup was taken; null if unknown. */
  readonly behind: number | null
}

/** Facts about a directory that is not the primary. */
export interface StandbyFacts {
  readonly now: Instant
  /** Time of the newest commit. */
  readonly lastCommit: Instant | null
  /** Number of newer commits that are incomplete in this copy. */
  readonly behind: number
  /** Damage because of which they are not used; null if some of their files are only missing. */
  readonly copyDamage: string | null
  /** Origin of a restored directory that has not been promoted yet. */
  readonly restored: RestoredFacts | null
}

/** Returns the findings about a directory that is not the primary: restored, old, damaged or incomplete. */
export function standbyFindings({
  now,
  lastCommit,
  behind,
  copyDamage,
  restored,
}: StandbyFacts): readonly StatusFinding[] {
  const found: StatusFinding[] = []
  if (restored !== null)
    found.push(
      warning(
        'restored',
        restoredMessage(restored, now),
        'when no other primary is running: brine promote --reason …, then brine tick',
      ),
    )
  if (restored === null && lastCommit !== null && addSeconds(lastCommit, DAY) < now)
    found.push(
      warning(
        'copy-old',
        `this stand-by's newest commit is ${durationBetween(lastCommit, now)} old`,
        'make another copy',
      ),
    )
  if (copyDamage !== null)
    found.push(
      warning('copy-damaged', copyDamage, 'make another copy; what this one can keep: brine recover --dry-run'),
    )
  else if (behind > 0)
    found.push(
      warning(
        'copy-partial',
        `${behind} newer ${behind === 1 ? 'commit is' : 'commits are'} incomplete in this copy`,
        'make another copy',
      ),
    )
  return found
}

function restoredMessage({ from, cutAt, behind }: RestoredFacts, now: Instant): string {
  const age = cutAt === null ? '' : `, taken at ${cutAt} (${cutAt <= now ? durationBetween(cutAt, now) : '0s'} old)`
  const since =
    behind === null ? 'unknown' : behind === 0 ? 'nothing' : `${behind} ${behind === 1 ? 'aggregate' : 'aggregates'}`
  return `restored from ${from}${age}; published after this backup was taken: ${since}`
}
