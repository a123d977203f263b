/** Views of `est enroll` and `est renew`: only the PEM text on stdout, or one line if the certificate went to a file. */

import type { EnrolledDocument } from '../../app/enrolment/documents.js'
import type { EnrolmentPlan } from '../../app/enrolment/enrolment-run.js'
import type { Theme } from '../output/theme.js'

export function enrolledView(document: EnrolledDocument | EnrolmentPlan, theme: Theme): string {
  if ('dryRun' in document) return planView(document)
  const { label, ca, serial, notAfter, failover, attempts, differences, pem, out, candidates = [] } = document
  const explained = candidates.map((one) => `# ${one.ca}: ${one.why ?? 'can serve'}`)
  const failed = attempts.flatMap((one) => (one.error === undefined ? [] : [`# ${one.ca} failed: ${one.error}`]))
  if (out === null) return [...explained, ...(candidates.length > 0 ? failed : []), pem.trimEnd()].join('\n')
  const by = failover ? theme.caution(`${ca}, after ${attempts.length - 1} failed`) : theme.good(ca)
  const accepted = differences.map((one) => `# accepted: ${one}`)
  return [
    ...explained,
    ...failed,
    ...accepted,
    `${label}: serial ${serial} by ${by}, until ${notAfter}; written to ${out}`,
  ].join('\n')
}

function planView({ label, ca, pending, candidates }: EnrolmentPlan): string {
  const step = pending === null ? `the request would go to ${ca}` : `pending request ${pending} would be polled`
  return [
    ...candidates.map((one) => `# ${one.ca}: ${one.why ?? 'can serve'}`),
    `${label}: ${step}; dry run, nothing changed`,
  ].join('\n')
}
