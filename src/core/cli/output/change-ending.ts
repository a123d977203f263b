/** The ending line of any change, from the outcome that every use case reports. */
import type { Outcome } from '../../app/transaction/outcome.js'
import { endingLine } from './endings.js'

/** `acme seq 7: +10 ROAs; published, serial 812; next manifest 14:02Z`; a no-op says that there was nothing to do. */
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
