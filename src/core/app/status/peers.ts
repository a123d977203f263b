/**
 * Parents and repositories elsewhere for `status`: the last exchange with each, and doubts that wait for the operator. A pure read; imported only
 * where there are ID keys.
 */
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Instant, secondsBetween } from '../../base/time.js'
import { dueTimes } from '../../ca/publishing.js'
import { syncedAt } from '../../ca/state/places.js'
import type { Work } from '../../eventsourcing/work.js'
import { type IdEnds, idEnds } from '../../identity/id-ends.js'
import { soonest } from '../changes/outcome.js'
import { parentRowsOf, type RemoteParentRow } from '../exchange/client/due-parents.js'
import { type RemoteRepositoryRow, repositoryRowsOf } from '../exchange/client/due-repositories.js'
import { type ExchangeRow, exchangeRow } from '../exchange/client/list-parents.js'
import { isFinding } from '../exchange/parent/parent-findings.js'
import type { Session } from '../session/session.js'
import type { StatusFinding } from './finding.js'
import { idFindings, repositoryName, type WatchedId, watchedIds } from './id-certificates.js'
import { parentFindings } from './parents.js'
import { revocationFindings, revocationFrom } from './revocation.js'
import { publisherFindings, type StatusChild, type StatusPublisher, servedPeers } from './served-peers.js'

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
  /** Time from which a registry revokes the CA if nothing is published; null without a manifest in the repository. */
  readonly revocationFrom: Instant | null
  /** Ends of the ID certificates. */
  readonly idUntil: IdEnds | null
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
  /** Ends of the ID certificates. */
  readonly idUntil: IdEnds | null
}

export interface PeerFacts {
  readonly parents: readonly StatusParent[]
  readonly repositories: readonly StatusRepository[]
  readonly publishers: readonly StatusPublisher[]
  readonly children: readonly StatusChild[]
  /** ID certificates of ours, as each peer holds them, and those of the peers. */
  readonly idCertificates: readonly Pick<WatchedId, 'what' | 'notAfter'>[]
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
  const served = await servedPeers(session, work)
  const ids = watchedIds(work, now)
  const repositories = repositoryRowsOf(session, work).map(repositoryOf)
  const parents = rows.map((row) => parentOf(row, publishedUntil(session, row, repositories)))
  // a parent of a CA without a repository is not asked
  const due = [...rows, ...repositories].flatMap(({ nextDue }) => (nextDue === undefined ? [] : [nextDue ?? now]))
  return {
    idCertificates: ids.map(({ what, notAfter }) => ({ what, notAfter })),
    ...{ parents, repositories, ...served, nextDue: isPrimary ? due.reduce(soonest, null) : null },
    findings: [
      ...(isPrimary ? parents.flatMap((row) => failingFindings(row, now)) : []),
      ...(isPrimary ? parents.flatMap((row) => revocationFindings(row, now)) : []),
      ...(isPrimary ? repositories.flatMap((row) => repositoryFindings(row, now)) : []),
      ...parentFindings(rows, { object: (sha256) => work.object(sha256) }),
      ...rows.flatMap(doubtFindings),
      ...ids.flatMap((id) => idFindings(id, now)),
      ...served.children.flatMap(suspendedFindings),
      ...(isPrimary ? served.publishers.flatMap((row) => publisherFindings(row, session.config, now)) : []),
    ],
  }
}

/** Returns when the first manifest of a CA goes stale where relying parties read it; null without one. */
function publishedUntil(
  { timing }: Session,
  { ca, state }: RemoteParentRow,
  repositories: readonly StatusRepository[],
): Instant | null {
  const elsewhere = repositories.find((row) => row.ca === ca && !row.leaving)
  return elsewhere === undefined ? (dueTimes(state, timing)?.staleAt ?? null) : elsewhere.staleAt
}

function parentOf(
  { ca, parent, state, contact, exchange, open, doubts, nextDue }: RemoteParentRow,
  staleAt: Instant | null,
): StatusParent {
  const held = doubts.filter((doubt) => doubt.held).length
  return {
    ...{ ca, parent, serviceUri: contact.contact.serviceUri, exchange: exchangeRow(exchange), openRequests: open },
    ...{ doubts: { waiting: doubts.length - held, held }, nextDue: nextDue ?? null },
    revocationFrom: revocationFrom(staleAt),
    idUntil: idEnds(state, contact.contact),
  }
}

/** Returns a finding for a parent with which no exchange has succeeded for a day. Pure. */
export function failingFindings(
  { ca, parent, exchange }: Pick<StatusParent, 'ca' | 'parent' | 'exchange'>,
  now: Instant,
): readonly StatusFinding[] {
  if (exchange === null || exchange.outcome === 'success') return []
  const { lastSuccess, since, message, code } = exchange
  if (isFinding({ outcome: 'failure', ...(code === null ? {} : { code }) })) return []
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
    ...{ staleAt: confirmed?.staleAt ?? null, nextDue, idUntil: idEnds(state, contact.contact) },
  }
}

type FailingRepository = Pick<StatusRepository, 'ca' | 'exchange' | 'unconfirmed' | 'staleAt'> &
  Partial<Pick<StatusRepository, 'leaving'>>

/**
 * Returns a finding for a repository that has failed for an hour while objects wait for it, or for a day; critical from an hour before the manifest that
 * it has goes stale. Pure.
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
  return `; what it has is stale for ${hours}h`
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

function suspendedFindings({ ca, child, suspended: since }: StatusChild): readonly StatusFinding[] {
  if (since === null) return []
  const message = `child ${child} of ${ca} is suspended since ${since}: nothing is certified for it until its next message`
  return [{ level: 'warning', code: 'child-suspended', message, hint: `brine child show ${ca} ${child}` }]
}
