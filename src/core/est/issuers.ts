/**
 * Facts about all certificates that are read without every book: the CAs that issued them, and the keys that were compromised.
 * Data directories of before have neither; `records.survey` finds both in the books, once.
 */
import { sortedEntries, withEntry } from '../base/record.js'
import { addSeconds, type Instant, later } from '../base/time.js'
import { type CompromisedKey, type IssuedBy, type IssuedCertificate, type Issuer, KEPT } from './state.js'

/** The revocation reason after which a key is refused. */
export const COMPROMISE = 'keyCompromise'

/** Returns the issuers after one more certificate; those whose certificates all expired a month before `now` are left out. */
export function withIssued(
  issuers: readonly Issuer[],
  { ca, chain, label, notAfter }: IssuedBy,
  now: Instant,
): readonly Issuer[] {
  const isSame = (one: Issuer): boolean => one.ca === ca && one.chain[0] === chain[0]
  const before = issuers.find(isSame)
  const labels = withEntry(before?.labels ?? {}, label, later(before?.labels[label] ?? notAfter, notAfter))
  const limit = addSeconds(now, -KEPT)
  const others = issuers.filter((one) => !isSame(one) && Object.values(one.labels).some((until) => until > limit))
  return [...others, { ca, chain, labels }]
}

/** Returns what `records.survey` records of these certificates. */
export function surveyOf(certificates: Iterable<IssuedCertificate>): {
  readonly issuers: readonly IssuedBy[]
  readonly compromised: readonly CompromisedKey[]
} {
  const ends = new Map<string, IssuedBy>()
  const compromised: Record<string, CompromisedKey> = {}
  for (const { ca, label, notAfter, key, revoked } of certificates) {
    const pair = `${ca} ${label}`
    ends.set(pair, { ca, chain: [], label, notAfter: later(ends.get(pair)?.notAfter ?? notAfter, notAfter) })
    if (revoked?.reason === COMPROMISE) compromised[key] = { key, at: revoked.at }
  }
  const issuers = [...ends].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
  return { issuers, compromised: sortedEntries(compromised).map(([, one]) => one) }
}
