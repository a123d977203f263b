/** Formats the final line of a change from its outcome. */
import type { Outcome } from '../../app/changes/outcome.js'
import { endingLine } from './endings.js'

/** Returns `acme seq 7: +10 ROAs; published, serial 812; next manifest 14:02Z`, or for a no-op that there was nothing to do. */
export function changeEnding(subject: string, outcome: Outcome, changes: readonly string[]): string {
  return endingLine({
    subject,
    sequence: outcome.sequence ?? undefined,
    changes: outcome.changed ? changes : [],
    publication: outcome.serial === null ? undefined : { serial: outcome.serial },
    nextManifest: outcome.nextDue ?? undefined,
    dryRun: outcome.dryRun,
  })
}
