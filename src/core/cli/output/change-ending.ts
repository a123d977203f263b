/** Formats the final line of a change from its outcome. */
import type { Outcome } from '../../app/changes/outcome.js'
import { type Ending, endingLine } from './endings.js'

/** Returns `acme seq 7: +10 ROAs; published, serial 812; next manifest 14:02Z`, or for a no-op that there was nothing to do. */
export function changeEnding(subject: string, outcome: Outcome, changes: readonly string[]): string {
  return endingLine({
    subject,
    sequence: outcome.sequence ?? undefined,
    changes: outcome.changed ? changes : [],
    publication: publicationOf(outcome),
    nextManifest: outcome.nextDue ?? undefined,
    dryRun: outcome.dryRun,
  })
}

/** Returns what is published here, and what a repository elsewhere has or has not confirmed. */
function publicationOf({ serial, unsynced = [], synced = [] }: Outcome): Ending['publication'] {
  const [ca] = unsynced
  if (ca !== undefined) return { pending: `the next tick sends it, or brine repo sync ${ca} at once` }
  if (serial === null) return synced.length === 0 ? undefined : { confirmed: true }
  return { serial }
}
