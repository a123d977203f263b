/**
 * Times at which repositories elsewhere are synchronised, from the last exchange with each and what it has not confirmed.
 * Invariant: pure given the state and the exchange; the jitter is derived from the names, so that a time does not move between two looks.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { addSeconds, type Instant } from '../../../base/time.js'
import type { RemoteRepository } from '../../../ca/contacts.js'
import { isUnconfirmed } from '../../../ca/remote-repository.js'
import { type CaState, publishedFiles } from '../../../ca/state.js'
import { Work } from '../../../eventsourcing/work.js'
import type { PeerContact } from '../../../identity/contact.js'
import { type ConfirmedContent, readConfirmed } from '../../../peers/confirmed-content.js'
import { type LastExchange, readExchange } from '../../../peers/last-exchange.js'
import { caState } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { jitterOf, PERIOD_SECONDS, RETRY_SECONDS } from './due-parents.js'

/** After a refusal, which another list a moment later does not change. */
const REFUSED_SECONDS = 600

/** Returns the name of a repository in `status/exchanges`: its host. */
export function repositoryPeer({ serviceUri }: Pick<PeerContact, 'serviceUri'>): string {
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
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    return [...work.handles('ca')].sort().flatMap((ca) => {
      try {
        return repositoryRowOf(session, caState(work, ca)) ?? []
      } catch (error) {
        // reported by what republishes the CA
        if (error instanceof AppError && error.kind === 'corrupt') return []
        throw error
      }
    })
  })
}

/** Returns the repository elsewhere of a CA; undefined if it has none. */
export function repositoryRowOf(
  { options, now }: Pick<Session, 'options' | 'now'>,
  state: CaState,
): RemoteRepositoryRow | undefined {
  const { handle: ca, repository: contact } = state
  if (state.status !== 'active' || contact?.transport !== 'rfc8181') return undefined
  const peer = repositoryPeer(contact.contact)
  const exchange = readExchange(options.dataDir, { kind: 'repository', ca, peer })
  const confirmed = readConfirmed(options.dataDir, ca, state.synced?.content)
  const waits = isUnconfirmed(state)
  return {
    ...{ ca, peer, contact, state, exchange, confirmed, isUnconfirmed: waits },
    unconfirmed: waits ? unconfirmedOf(state, confirmed) : 0,
    nextDue: repositoryDue({ ca, peer, exchange, isUnconfirmed: waits }, now()),
  }
}

/** Returns the minimum of changes that make what was confirmed equal to what is wanted: names, by which one replaces another, are not kept. */
function unconfirmedOf(state: CaState, confirmed: ConfirmedContent | undefined): number | null {
  const wanted = publishedFiles(state)
  if (state.synced === undefined) return wanted.length
  if (confirmed === undefined) return null
  const kept = wanted.filter(({ sha256 }) => confirmed.objects.has(sha256)).length
  return Math.max(wanted.length, confirmed.objects.size) - kept
}
