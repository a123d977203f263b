/** Expiries for the bars of `status`: of manifests, certificates of CAs, of the configuration and of IDs. Pure. */
import { addSeconds, type Instant } from '../../base/time.js'
import { type ExpiryLevel, expiryLevel } from '../../pki/expiry.js'
import type { StatusReport } from './report.js'

export interface Expiry {
  readonly what: string
  readonly at: Instant
  readonly level: ExpiryLevel
}

type Report = Pick<StatusReport, 'now' | 'cas' | 'certificates' | 'publishers' | 'repositories' | 'idCertificates'>

const HOUR = 3600
/** Seconds before the end from which a manifest counts as late: a repository or publisher renews its own hours earlier. */
const LATE = 2 * HOUR

/** Returns everything that expires, the earliest first. */
export function expiriesOf(report: Report): readonly Expiry[] {
  const { now, cas, certificates, publishers, repositories, idCertificates } = report
  const some = (what: string, at: Instant | null, level: (end: Instant) => ExpiryLevel): readonly Expiry[] =>
    at === null ? [] : [{ what, at, level: level(at) }]
  const ca = (end: Instant): ExpiryLevel => expiryLevel({ notAfter: end }, true, now)
  const late = (end: Instant): ExpiryLevel => manifestLevel(end, now, end <= addSeconds(now, LATE))
  return [
    ...cas.flatMap(({ handle, staleAt, nextDue }) =>
      some(`manifest of ${handle}`, staleAt, (end) => manifestLevel(end, now, nextDue !== null && nextDue <= now)),
    ),
    ...cas.flatMap(({ handle, certificateEnd }) => some(`certificate of ${handle}`, certificateEnd, ca)),
    ...publishers.flatMap(({ publisher, staleAt }) => some(`manifest of publisher ${publisher}`, staleAt, late)),
    ...repositories.flatMap((row) => some(`manifest of ${row.ca} in its repository`, row.staleAt, late)),
    ...certificates.map(({ use, owner, notAfter: at, level }) => ({ what: `${use} ${owner}`.trim(), at, level })),
    ...idCertificates.flatMap(({ what, notAfter }) => some(`ID certificate of ${what}`, notAfter, ca)),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

/** Returns critical from an hour before the end, as the verdict does; a warning while `isDue`. */
function manifestLevel(end: Instant, now: Instant, isDue: boolean): ExpiryLevel {
  if (end <= addSeconds(now, HOUR)) return 'critical'
  return isDue ? 'warning' : 'ok'
}
