/** Probing more often than cron can: several rounds in one run, one per check interval. */

import type { Session } from '../session/session.js'
import type { OpenBackend, ProbeOptions, ProbeReport } from './probe.js'
import { probe } from './probe.js'

/** Probes in rounds until `seconds` have passed. Returns one report of all rounds. */
export async function probeFor(
  session: Session,
  options: ProbeOptions,
  seconds: number,
  open: OpenBackend,
): Promise<ProbeReport> {
  const ends = performance.now() + seconds * 1000
  const { checkInterval } = session.enrolment.breaker
  let report = await probe(session, options, open)
  for (;;) {
    const remaining = ends - performance.now()
    if (remaining < checkInterval * 1000) return report
    await new Promise((resolve) => setTimeout(resolve, checkInterval * 1000))
    const next = await probe(session, options, open)
    report = {
      probed: [...report.probed, ...next.probed],
      skipped: next.skipped,
      changes: [...report.changes, ...next.changes],
    }
  }
}
