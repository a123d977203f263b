/**
 * Requests to a parent elsewhere that are open at a time. Invariant: what a parent does not give, however often it is asked, is asked for again
 * an hour or a day after the last certificate and not at every list.
 */
import type { Handle } from '../../../base/handle.js'
import { addSeconds, type Instant } from '../../../base/time.js'
import { siaOf } from '../../../ca/classes.js'
import { isRenewalWorth } from '../../../ca/parent-lists.js'
import { isUnconfirmedAt } from '../../../ca/state/places.js'
import { type OpenRequest, openRequests, unexpectedRequests } from '../../../ca/state/requests.js'
import { type CaState, type ClassKey, type ResourceClass, repositoryOf } from '../../../ca/state/state.js'
import type { Work } from '../../../eventsourcing/work.js'
import { equalSets, fromResourceText } from '../../../resources/resource-set.js'
import { decodeCertificate } from '../../../rpki/x509/decode-certificate.js'
import { placeFault } from './parent-findings.js'

/** A certificate younger than this is not requested again for a later end alone, nor if the list leaves it out. */
const RENEWAL_PAUSE_SECONDS = 3600
/** A parent that certifies other places than it was asked for is asked again after a day. */
const SIA_PAUSE_SECONDS = 86_400

/** Returns the requests to a parent that are open at `now`. */
export function openAt(
  state: CaState,
  parent: Handle,
  now: Instant,
  work: Pick<Work, 'object'>,
): readonly OpenRequest[] {
  const open = openRequests(state, parent, (own, key) =>
    isOutdatedAt(state, own, key, now, (name) => work.object(name)),
  )
  // relying parties must not meet products of a revoked key where its successor is not published yet
  if (isUnconfirmedAt(state, 'current')) return open.filter(({ kind }) => kind === 'issue')
  return [...open, ...unexpectedRequests(state, parent, now, open)]
}

/**
 * Returns true if the certificate of a key has other resources than listed, would gain a worthwhile time, is not listed, or names other places than
 * those of the CA.
 */
function isOutdatedAt(
  state: CaState,
  { listed, name }: ResourceClass,
  key: ClassKey,
  now: Instant,
  object: Work['object'],
): boolean {
  const { certificate, ski } = key
  if (listed === undefined || certificate === null) return false
  if (!equalSets(fromResourceText(listed.resources), fromResourceText(certificate.resources))) return true
  const isAsked = isRenewalWorth(certificate, listed.notAfter, now) || listed.unlisted?.includes(ski) === true
  const { content } = decodeCertificate(object(certificate.sha256))
  if (content === undefined) return isAsked
  const isOlderThan = (seconds: number): boolean => addSeconds(content.notBefore, seconds) <= now
  if (isAsked && isOlderThan(RENEWAL_PAUSE_SECONDS)) return true
  const repository = repositoryOf(state, key)
  if (repository === null || !isOlderThan(SIA_PAUSE_SECONDS)) return false
  return placeFault(content.sia, siaOf(repository, name, ski)) !== undefined
}
