/**
 * Times at which repositories elsewhere are synchronised, from the last exchange with each and what it has not confirmed.
 * Invariant: pure given the state and the exchange; the jitter is derived from the names, so that a time does not move between two looks.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { addSeconds, type Instant } from '../../../base/time.js'
import type { RemoteRepository } from '../../../ca/state/contacts.js'
import {
  filesAt,
  isHeldBack,
  isUnconfirmedAt,
  PLACES,
  type Place,
  remoteAt,
  syncedAt,
} from '../../../ca/state/places.js'
import type { CaState } from '../../../ca/state/state.js'
import { Work } from '../../../eventsourcing/work.js'
import type { PeerContact } from '../../../identity/contact.js'
import { type ConfirmedContent, readConfirmed } from '../../../peers/confirmed-content.js'
import { type LastExchange, readExchange } from '../../../peers/last-exchange.js'
import { caState } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { jitterOf, PERIOD_SECONDS, RETRY_SECONDS } from './due-parents.js'

/** After a refusal, which another list a moment later does not change. */
const REFUSED_SECONDS = 600

/** Returns the name of a repository in `status/exchanges`: its host, and its place where that host has the repository of the CA as well. */
export function repositoryPeer(state: CaState, place: Place): string {
  const host = hostAt(state, place) ?? ''
  return place === 'leaving' && hostAt(state, 'current') === host ? `${host} (left)` : host
}

function hostAt(state: CaState, place: Place): string | undefined {
  const repository = remoteAt(state, place)
  return repository === undefined ? undefined : repositoryHost(repository.contact)
}

export function repositoryHost({ serviceUri }: Pick<PeerContact, 'serviceUri'>): string {
  return new URL(serviceUri).host
}

/** Facts that the next time to synchronise follows from. */
export interface RepositoryFacts {
  readonly ca: Handle
  readonly peer: string
  /** Undefined: it was never asked. */
  readonly exchange: Pick<LastExchange, 'at' | 'outcome' | 'lastSuccess' | 'code'> | undefined
  /** True if it has not confirmed what the CA wants published. */
  readonly isUnconfirmed: boolean
}

/**
 * Returns when a repository is to be asked: at once (null) after a change, 5 minutes after a failure, 10 after a refusal, and once a day without
 * a change, as one that was restored from a backup does not say so.
 */
export function repositoryDue(facts: RepositoryFacts, now: Instant): Instant | null {
  const { ca, peer, exchange } = facts
  if (exchange === undefined || exchange.at > now) return null
  const isRefusal = exchange.code === 'repository-refused'
  if (exchange.outcome === 'failure') return addSeconds(exchange.at, isRefusal ? REFUSED_SECONDS : RETRY_SECONDS)
  return facts.isUnconfirmed ? null : addSeconds(exchange.at, PERIOD_SECONDS + jitterOf(ca, peer))
}

/** A repository elsewhere with what is due at it. */
export interface RemoteRepositoryRow {
  readonly ca: Handle
  readonly peer: string
  readonly place: Place
  readonly contact: RemoteRepository
  readonly state: CaState
  readonly exchange: LastExchange | undefined
  /** Last confirmed content; undefined if its objects are not known. */
  readonly confirmed: ConfirmedContent | undefined
  readonly isUnconfirmed: boolean
  /** Minimum of objects that it lacks or has to drop, 0 where it has confirmed all; null if it is not known which it has. */
  readonly unconfirmed: number | null
  /** When `tick` asks it; null: now. */
  readonly nextDue: Instant | null
}

/** Lists the repositories elsewhere of each CA that can be read, by CA. */
export function remoteRepositoryRows(session: Session): Promise<readonly RemoteRepositoryRow[]> {
  return session.store.read(async (reader) => repositoryRowsOf(session, new Work(reader)))
}

/** Lists them as of the revision of `work`. */
export function repositoryRowsOf(
  session: Session,
  work: Work,
  cas: readonly Handle[] = work.handles('ca'),
): readonly RemoteRepositoryRow[] {
  return cas.flatMap((ca) => {
    try {
      const state = caState(work, ca)
      return PLACES.flatMap((place) => repositoryRowOf(session, state, place) ?? [])
    } catch (error) {
      // reported by what republishes the CA
      if (error instanceof AppError && error.kind === 'corrupt') return []
      throw error
    }
  })
}

/** Returns the repository elsewhere of a CA at this place; undefined if it has none there. */
export function repositoryRowOf(
  { options, now }: Pick<Session, 'options' | 'now'>,
  state: CaState,
  place: Place,
): RemoteRepositoryRow | undefined {
  const { handle: ca } = state
  const contact = remoteAt(state, place)
  if (state.status !== 'active' || contact === undefined) return undefined
  const peer = repositoryPeer(state, place)
  const exchange = readExchange(options.dataDir, { kind: 'repository', ca, peer })
  const confirmed = readConfirmed(options.dataDir, ca, syncedAt(state, place)?.content)
  const waits = isUnconfirmedAt(state, place)
  // what is held back is sent after the other repository has confirmed
  const isDue = waits && (place === 'current' || !isHeldBack(state))
  return {
    ...{ ca, peer, place, contact, state, exchange, confirmed, isUnconfirmed: waits },
    unconfirmed: waits ? unconfirmedOf(state, place, confirmed) : 0,
    nextDue: repositoryDue({ ca, peer, exchange, isUnconfirmed: isDue }, now()),
  }
}

/** Returns the minimum of changes that make what was confirmed equal to what is wanted: names, by which one replaces another, are not kept. */
function unconfirmedOf(state: CaState, place: Place, confirmed: ConfirmedContent | undefined): number | null {
  const wanted = filesAt(state, place)
  // what one has that is left without ever having confirmed anything is not known
  if (syncedAt(state, place) === undefined) return place === 'leaving' && wanted.length === 0 ? null : wanted.length
  if (confirmed === undefined) return null
  const kept = wanted.filter(({ sha256 }) => confirmed.objects.has(sha256)).length
  return Math.max(wanted.length, confirmed.objects.size) - kept
}
