/** ID certificates that run out, for `status`: ours, as each peer holds them, and those of the peers. Pure reads of states. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { PLACES, type Place, remoteAt } from '../../ca/state/places.js'
import type { Work } from '../../eventsourcing/work.js'
import { peerDer } from '../../identity/contact.js'
import { formatIdUser } from '../../identity/id-keys.js'
import { expiryLevel, formatExpiry } from '../../pki/expiry.js'
import { readIdCertificate } from '../../protocols/cms/id-certificate.js'
import { ProtocolFault } from '../../protocols/fault.js'
import { type HeldId, renewalSteps, unusedStep } from '../exchange/id-hand-over.js'
import { idRows } from '../exchange/id-keys.js'
import { caState, pubdState } from '../session/context.js'
import type { StatusFinding } from './finding.js'

/** Returns `the repository of acme`, `the repository that acme leaves`. */
export function repositoryName(ca: Handle, place: Place): string {
  return place === 'leaving' ? `the repository that ${ca} leaves` : `the repository of ${ca}`
}

/** An ID certificate that messages are verified with. */
export interface WatchedId {
  readonly what: string
  /** Left out for a certificate of ours: it has been in use. */
  readonly notBefore?: Instant
  readonly notAfter: Instant
  readonly hint: string
}

/** Returns a finding for an ID certificate that is near its end: 90 days before as a warning, from 7 as critical. Pure. */
export function idFindings({ what, notBefore, notAfter, hint }: WatchedId, now: Instant): readonly StatusFinding[] {
  const level = expiryLevel({ notAfter }, true, now)
  if (level === 'ok') return []
  const message = `the ID certificate of ${what} ${formatExpiry({ notBefore: notBefore ?? now, notAfter }, now)}`
  return [{ level, code: 'id-expiring', message, hint }]
}

/** Returns the ID certificates of every CA that can be read, and of the publication server. */
export function watchedIds(work: Work, now: Instant): readonly WatchedId[] {
  const cas = [...work.handles('ca')].sort().flatMap((ca) => readable(() => idsOfCa(work, ca, now)))
  return [...cas, ...readable(() => idsOfServer(work, now))]
}

/** Returns nothing of an aggregate that cannot be read: that is a finding of its own. */
function readable(read: () => readonly WatchedId[]): readonly WatchedId[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'corrupt' || error.kind === 'format')) return []
    throw error
  }
}

function idsOfCa(work: Work, ca: Handle, now: Instant): readonly WatchedId[] {
  const whole = caState(work, ca)
  const { status, parents, children } = whole
  if (status !== 'active') return []
  const remote = Object.entries(parents).flatMap(([name, parent]) =>
    parent.transport === 'rfc6492'
      ? peerId(`parent ${name} of ${ca}`, parent.contact.peer, `brine parent add ${ca} ${name} --response FILE`)
      : [],
  )
  const below = Object.entries(children).flatMap(([name, { peer }]) =>
    peer === undefined ? [] : peerId(`child ${name} of ${ca}`, peer, `brine child update ${ca} ${name} --request FILE`),
  )
  const server = PLACES.flatMap((place) => {
    const repository = remoteAt(whole, place)
    if (repository === undefined) return []
    return peerId(repositoryName(ca, place), repository.contact.peer, `brine repo configure ${ca} --response FILE`)
  })
  return [...ownIds(ca, idRows(work, ca), now), ...remote, ...below, ...server]
}

function idsOfServer(work: Work, now: Instant): readonly WatchedId[] {
  const state = pubdState(work)
  const publishers = Object.entries(state.publishers).flatMap(([name, { remote }]) =>
    remote === undefined
      ? []
      : peerId(`publisher ${name}`, remote.peer, `brine pubserver publisher update ${name} --request FILE`),
  )
  return [...ownIds(null, idRows(work, null), now), ...publishers]
}

/** Returns what each peer holds of our keys, and the keys that no peer uses. */
function ownIds(ca: Handle | null, ids: readonly HeldId[], now: Instant): readonly WatchedId[] {
  const of = ca ?? 'the publication server'
  return ids.flatMap((id): readonly WatchedId[] => {
    const what = `${of} (key ${id.ski})`
    if (id.users.length === 0) return [{ what, notAfter: id.notAfter, hint: unusedStep(ca, id) }]
    return id.users.map((holder) => ({
      what: `${what} that ${formatIdUser(holder)} holds`,
      notAfter: holder.until,
      hint: renewalSteps(ca, ids, holder, now),
    }))
  })
}

function peerId(what: string, base64: string, hint: string): readonly WatchedId[] {
  try {
    const { notBefore, notAfter } = readIdCertificate(peerDer(base64))
    return [{ what, notBefore, notAfter, hint }]
  } catch (error) {
    // each message to or from this peer reports it
    if (error instanceof ProtocolFault) return []
    throw error
  }
}
