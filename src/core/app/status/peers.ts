/**
 * Parents and repositories elsewhere and ID certificates for `status`: the last exchange with each, doubts that wait for the operator, and the ID
 * certificates, ours and those of peers, that run out. A pure read; imported only where there are ID keys.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant, secondsBetween } from '../../base/time.js'
import { PLACES, type Place, remoteAt, syncedAt } from '../../ca/places.js'
import type { KeyId } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import { peerDer } from '../../identity/contact.js'
import { idsOf, type WithIds } from '../../identity/id-keys.js'
import { expiryLevel, formatExpiry } from '../../pki/expiry.js'
import { readIdCertificate } from '../../protocols/cms/id-certificate.js'
import { ProtocolFault } from '../../protocols/fault.js'
import { soonest } from '../changes/outcome.js'
import { parentRowsOf, type RemoteParentRow } from '../exchange/client/due-parents.js'
import { type RemoteRepositoryRow, repositoryRowsOf } from '../exchange/client/due-repositories.js'
import { type ExchangeRow, exchangeRow } from '../exchange/client/list-parents.js'
import { replacementSteps } from '../exchange/id-keys.js'
import { caState, pubdState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { publisherFindings, type StatusChild, type StatusPublisher, servedPeers } from './served-peers.js'
import type { StatusFinding } from './verdict.js'

/** A parent elsewhere. */
export interface StatusParent {
  readonly ca: Handle
  readonly parent: Handle
  readonly serviceUri: string
  /** Null if it was never asked. */
  readonly exchange: ExchangeRow | null
  readonly openRequests: number
  /** Classes whose loss waits for a later list, or for the operator. */
  readonly doubts: { readonly waiting: number; readonly held: number }
  /** When `tick` asks it; null: at its next run. */
  readonly nextDue: Instant | null
}

/** A repository elsewhere. */
export interface StatusRepository {
  readonly ca: Handle
  readonly serviceUri: string
  readonly base: string
  /** True: the one that it leaves by a migration. */
  readonly leaving: boolean
  /** Null if it was never asked. */
  readonly exchange: ExchangeRow | null
  /** Objects that it lacks or has to drop; null: some, but it is not known which it has. */
  readonly unconfirmed: number | null
  /** When it confirmed its content last; null: never. */
  readonly confirmedAt: Instant | null
  /** Time at which the first manifest that it confirmed goes stale; null if that is not known. */
  readonly staleAt: Instant | null
  /** When `tick` asks it; null: at its next run. */
  readonly nextDue: Instant | null
}

export interface PeerFacts {
  readonly parents: readonly StatusParent[]
  readonly repositories: readonly StatusRepository[]
  readonly publishers: readonly StatusPublisher[]
  readonly children: readonly StatusChild[]
  readonly findings: readonly StatusFinding[]
  /** When `tick` exchanges messages; null without peers elsewhere, and on a stand-by. */
  readonly nextDue: Instant | null
}

const HOUR = 3600
const DAY = 86_400

/** Reads the parents and ID certificates of every CA that can be read, as of the revision of `work`. */
export async function peerFacts(session: Session, work: Work): Promise<PeerFacts> {
  const rows = parentRowsOf(session, work)
  const now = session.now()
  const isPrimary = session.store.role().role === 'primary'
  const ids = watchedIds(work)
  const served = await servedPeers(session, work)
  const parents = rows.map(parentOf)
  const repositories = repositoryRowsOf(session, work).map(repositoryOf)
  // a parent of a CA without a repository is not asked
  const due = [...rows, ...repositories].flatMap(({ nextDue }) => (nextDue === undefined ? [] : [nextDue ?? now]))
  return {
    ...{ parents, repositories, ...served, nextDue: isPrimary ? due.reduce(soonest, null) : null },
    findings: [
      ...(isPrimary ? parents.flatMap((row) => failingFindings(row, now)) : []),
      ...(isPrimary ? repositories.flatMap((row) => repositoryFindings(row, now)) : []),
      ...rows.flatMap(doubtFindings),
      ...ids.flatMap((id) => idFindings(id, now)),
      ...served.children.flatMap(suspendedFindings),
      ...(isPrimary ? served.publishers.flatMap((row) => publisherFindings(row, session.config, now)) : []),
    ],
  }
}

function parentOf({ ca, parent, contact, exchange, open, doubts, nextDue }: RemoteParentRow): StatusParent {
  const held = doubts.filter((doubt) => doubt.held).length
  return {
    ...{ ca, parent, serviceUri: contact.contact.serviceUri, exchange: exchangeRow(exchange), openRequests: open },
    ...{ doubts: { waiting: doubts.length - held, held }, nextDue: nextDue ?? null },
  }
}

/** Returns a finding for a parent with which no exchange has succeeded for a day. Pure. */
export function failingFindings(
  { ca, parent, exchange }: Pick<StatusParent, 'ca' | 'parent' | 'exchange'>,
  now: Instant,
): readonly StatusFinding[] {
  if (exchange === null || exchange.outcome === 'success') return []
  const { lastSuccess, since, message, code } = exchange
  if (addSeconds(lastSuccess ?? since, DAY) > now) return []
  const when =
    lastSuccess === null ? `no exchange has succeeded, first failure at ${since}` : `no success since ${lastSuccess}`
  return [
    {
      ...{ level: 'warning', code: 'parent-failing', hint: `brine parent refresh ${ca} ${parent}` },
      message: `parent ${parent} of ${ca}: ${when}: ${message ?? code ?? 'failed'}`,
    },
  ]
}

/** Returns the members of a repository that reports show. */
export function repositoryOf(row: RemoteRepositoryRow): StatusRepository {
  const { ca, place, contact, state, exchange, unconfirmed, confirmed, nextDue } = row
  return {
    ...{ ca, serviceUri: contact.contact.serviceUri, base: contact.base, leaving: place === 'leaving' },
    ...{ exchange: exchangeRow(exchange), unconfirmed, confirmedAt: syncedAt(state, place)?.at ?? null },
    ...{ staleAt: confirmed?.staleAt ?? null, nextDue },
  }
}

type FailingRepository = Pick<StatusRepository, 'ca' | 'exchange' | 'unconfirmed' | 'staleAt'> &
  Partial<Pick<StatusRepository, 'leaving'>>

/** Returns `the repository of acme`, `the repository that acme leaves`. */
function repositoryName(ca: Handle, place: Place): string {
  return place === 'leaving' ? `the repository that ${ca} leaves` : `the repository of ${ca}`
}

/**
 * Returns a finding for a repository that has failed for an hour while objects wait for it, or for a day; critical from an hour before the manifest that
 * it has goes stale. Registries revoke the certificate of a CA without a valid manifest, RIPE NCC after three months. Pure.
 */
export function repositoryFindings(
  { ca, exchange, unconfirmed, staleAt, leaving = false }: FailingRepository,
  now: Instant,
): readonly StatusFinding[] {
  if (exchange === null || exchange.outcome === 'success') return []
  const { lastSuccess, since, message, code } = exchange
  const isStale = staleAt !== null && staleAt <= addSeconds(now, HOUR)
  if (!isStale && addSeconds(since, unconfirmed === 0 ? DAY : HOUR) > now) return []
  const when = lastSuccess === null ? `no exchange has succeeded since ${since}` : `no success since ${lastSuccess}`
  const waits =
    unconfirmed === 0 ? '' : unconfirmed === null ? '; objects wait for it' : `; ${unconfirmed} objects wait for it`
  return [
    {
      ...{ level: isStale ? 'critical' : 'warning', code: 'repository-failing' },
      hint: leaving
        ? `brine repo sync ${ca}; if it is gone for ever: brine repo migrate ${ca} --abandon-old --reason TEXT`
        : `brine repo sync ${ca}`,
      message: `${repositoryName(ca, leaving ? 'leaving' : 'current')}: ${when}: ${message ?? code ?? 'failed'}${waits}${staleText(staleAt, now)}`,
    },
  ]
}

function staleText(staleAt: Instant | null, now: Instant): string {
  if (staleAt === null) return ''
  const hours = Math.floor(Math.abs(secondsBetween(now, staleAt)) / HOUR)
  if (staleAt > now) return `; what it has goes stale at ${staleAt}, in ${hours}h`
  const revoked = addSeconds(staleAt, 90 * DAY).slice(0, 10)
  return `; what it has is stale for ${hours}h: registries revoke a CA without a valid manifest (RIPE NCC after three months, about ${revoked})`
}

function doubtFindings({ ca, parent, state }: RemoteParentRow): readonly StatusFinding[] {
  return Object.values(state.classes).flatMap(({ parent: of, name, doubt }): readonly StatusFinding[] => {
    if (of !== parent || doubt === undefined || !doubt.held) return []
    const what = doubt.reason === 'missing' ? 'no longer lists' : 'lists less for'
    const message = `parent ${parent} of ${ca} ${what} class ${name} since ${doubt.since}: the loss is large and waits for you`
    const hint = `brine parent refresh ${ca} ${parent} --accept-loss --reason …`
    return [{ level: 'warning', code: 'parent-doubt', message, hint }]
  })
}

/** An ID certificate that messages are verified with. */
export interface WatchedId {
  readonly what: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly hint: string
}

/** Returns a finding for an ID certificate that is near its end: 90 days before as a warning, from 7 as critical. Pure. */
export function idFindings({ what, notBefore, notAfter, hint }: WatchedId, now: Instant): readonly StatusFinding[] {
  const level = expiryLevel({ notAfter }, true, now)
  if (level === 'ok') return []
  const message = `the ID certificate of ${what} ${formatExpiry({ notBefore, notAfter }, now)}`
  return [{ level, code: 'id-expiring', message, hint }]
}

function suspendedFindings({ ca, child, suspended: since }: StatusChild): readonly StatusFinding[] {
  if (since === null) return []
  const message = `child ${child} of ${ca} is suspended since ${since}: nothing is certified for it until its next message`
  return [{ level: 'warning', code: 'child-suspended', message, hint: `brine child show ${ca} ${child}` }]
}

function watchedIds(work: Work): readonly WatchedId[] {
  const cas = [...work.handles('ca')].sort().flatMap((ca) => readable(() => idsOfCa(work, ca)))
  return [...cas, ...readable(() => idsOfServer(work))]
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

function idsOfCa(work: Work, ca: Handle): readonly WatchedId[] {
  const whole = caState(work, ca)
  const { status, parents, children, ...state } = whole
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
  return [...ownIds(`${ca}`, state, (ski) => replacementSteps(work, ca, ski)), ...remote, ...below, ...server]
}

function idsOfServer(work: Work): readonly WatchedId[] {
  const state = pubdState(work)
  const publishers = Object.entries(state.publishers).flatMap(([name, { remote }]) =>
    remote === undefined
      ? []
      : peerId(`publisher ${name}`, remote.peer, `brine pubserver publisher update ${name} --request FILE`),
  )
  return [...ownIds('the publication server', state, (ski) => replacementSteps(work, null, ski)), ...publishers]
}

function ownIds(of: string, state: WithIds, hintFor: (ski: KeyId) => string): readonly WatchedId[] {
  return idsOf(state).flatMap(({ ski, certificate }) => peerId(`${of} (key ${ski})`, certificate, hintFor(ski)))
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
