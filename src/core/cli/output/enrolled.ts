/** A certificate that was issued, for people: the PEM text alone on stdout, or one line where it went to a file. */
import type { EnrolledDocument } from '../../app/est-files.js'
import type { Theme } from './theme.js'

export function enrolledView(document: EnrolledDocument, theme: Theme): string {
  const { label, ca, serial, notAfter, failover, attempts, pem, out, candidates = [] } = document
  const explained = candidates.map((one) => `# ${one.ca}: ${one.why ?? 'can serve'}`)
  const asked = attempts.flatMap((one) => (one.error === undefined ? [] : [`# ${one.ca} failed: ${one.error}`]))
  if (out === null) return [...explained, ...(candidates.length > 0 ? asked : []), pem.trimEnd()].join('\n')
  const by = failover ? theme.caution(`${ca}, after ${attempts.length - 1} failed`) : theme.good(ca)
  return [...explained, ...asked, `${label}: serial ${serial} by ${by}, until ${notAfter}; written to ${out}`].join(
    '\n',
  )
}
