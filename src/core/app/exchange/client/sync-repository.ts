/**
 * Use case of `brine repo sync` for a repository elsewhere (RFC 8181): what the server lists is compared with what the CA wants published, and
 * the difference is sent as one delta, or as several in a safe order where the server does not accept it in one message.
 * Invariants: no message is sent under the lock; what the CA wants is read after each list, so that an older content never replaces a newer
 * one of another process; a stand-by publishes nothing; an error of the transport and a refusal change nothing.
 */
import { AppError, rewrap } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import { dueTimes } from '../../../ca/publishing.js'
import {
  contentOf,
  filesAt,
  isAt,
  isHeldBack,
  isUnconfirmedAt,
  PLACES,
  type Place,
  remoteAt,
} from '../../../ca/state/places.js'
import type { Sha256 } from '../../../crypto/ports.js'
import { Work } from '../../../eventsourcing/work.js'
import { keepLeft, readConfirmed, recordConfirmed } from '../../../peers/confirmed-content.js'
import type { Pdu } from '../../../protocols/publication/types.js'
import { type RepoSyncReport, syncRepository as syncLocalRepository } from '../../authority/repo-sync.js'
import { confirmPublication } from '../../authority/resource-sync.js'
import { outcomeOf } from '../../changes/outcome.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { afterChange } from '../../transaction/errors.js'
import { readyToSend, transact } from '../../transaction/transact.js'
import { deltaPdus, refusalText } from './publication-delta.js'
import { ask, type Exchange, invalid, refused, remoteOf, type SyncOptions, stateOf } from './publication-messages.js'
import { beginSending, keepLimit, type Sending, sendDelta } from './send-delta.js'

/**
 * Synchronises a CA with its repository, and during a migration with the one that it leaves as well, here or elsewhere. A repetition is a no-op. Throws `ca-unknown`, `repo-none` (rejected), `standby`; of one
 * elsewhere `remote` errors, which are `pending` if it has not confirmed everything.
 */
export async function syncRepository(session: Session, ca: Handle, options: SyncOptions): Promise<RepoSyncReport> {
  const state = await stateOf(session, ca)
  const reports: RepoSyncReport[] = []
  let failure: unknown
  for (const place of PLACES) {
    const isElsewhere = remoteAt(state, place) !== undefined
    if (place === 'leaving' && !isElsewhere) continue
    try {
      if (isElsewhere) reports.push(await syncPlace(session, ca, place, options))
      else reports.push(await syncLocalRepository(session, ca, { dryRun: options.dryRun === true }))
    } catch (error) {
      // one that fails does not keep the other from its objects
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return reports.reduce(joined)
}

function joined(one: RepoSyncReport, other: RepoSyncReport): RepoSyncReport {
  const { put, withdrawn, changed, sequence, serial } = other
  return {
    ...{ ...one, put: one.put + put, withdrawn: one.withdrawn + withdrawn, changed: one.changed || changed },
    ...{ sequence: sequence ?? one.sequence, serial: serial ?? one.serial },
  }
}

/**
 * Synchronises a CA with the repository elsewhere at one place. Nothing is sent to one that is left as long as the new one has not confirmed what
 * replaces its objects, and to one that the CA has no more. Throws as `syncRepository` does.
 */
export async function syncPlace(
  session: Session,
  ca: Handle,
  place: Place,
  options: SyncOptions,
): Promise<RepoSyncReport> {
  const state = await stateOf(session, ca)
  if (remoteAt(state, place) === undefined || (place === 'leaving' && isHeldBack(state)))
    return nothingDone(ca, options)
  const exchange = { session, ca, place, ...options }
  const { dryRun = false } = options
  try {
    return dryRun ? await compare(exchange) : await synchronise(exchange)
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'remote' && error.code !== 'peer-host-busy')) throw error
    throw await unfinished(exchange, error)
  }
}

/** Returns the error of a failed exchange: `pending` if something of the CA is not confirmed. */
async function unfinished({ session, ca, place }: Exchange, error: AppError): Promise<AppError> {
  if (!isUnconfirmedAt(await stateOf(session, ca), place)) return error
  const which = place === 'leaving' ? 'repository that is left by' : 'repository of'
  return rewrap(error, {
    kind: 'pending',
    message: `the ${which} ${ca} has not confirmed its newest objects: ${error.message}`,
    hint: error.hint ?? `brine repo sync ${ca}`,
  })
}

async function compare(exchange: Exchange): Promise<RepoSyncReport> {
  const { pdus } = await differenceOf(exchange)
  const counts = countsOf(pdus)
  return { ...nothingDone(exchange.ca, { dryRun: true }), ...counts, changed: pdus.length > 0 }
}

function nothingDone(ca: Handle, { dryRun = false }: Pick<SyncOptions, 'dryRun'>): RepoSyncReport {
  const nothing = { sequence: null, serial: null, published: false, nextDue: null, keys: { lasting: 0, oneTime: 0 } }
  return { ca, put: 0, withdrawn: 0, changed: false, dryRun, ...nothing }
}

/** Sends the difference, once more after a fresh list where the server refuses it, and records what it has confirmed. */
async function synchronise(exchange: Exchange): Promise<RepoSyncReport> {
  const { session, ca, place } = exchange
  await readyToSend(session, { kind: 'ca', handle: ca })
  const { contact } = remoteOf(await stateOf(session, ca), place)
  const sending = beginSending(session, contact)
  const difference = await sendDifference(exchange, sending)
  keepLimit(session, contact, sending)
  const { content, base } = difference
  const confirmed = transact(session, (tx) => confirmPublication(tx, ca, { content, base }))
  const done = await confirmed.catch((error: unknown) => {
    throw sending.done.length > 0 ? afterChange(error) : error
  })
  keepConfirmed(exchange, difference)
  const outcome = outcomeOf(done, 'ca', ca, null)
  const changed = done.changed || sending.done.length > 0
  return { ca, ...countsOf(sending.done), ...outcome, changed, published: true }
}

/** Sends the difference until the server has all of it, and returns it. Throws `repository-refused` for the second refusal. */
async function sendDifference(exchange: Exchange, sending: Sending): Promise<Difference> {
  for (let refusals = 0; ; ) {
    const difference = await differenceOf(exchange)
    const ended = await sendDelta(exchange, difference.pdus, sending)
    if (ended === undefined) return difference
    // after a closed connection, whose message the server may have carried out, with a list and shorter messages
    if (ended === 'closed') continue
    refusals += 1
    // another process or the operator of the server may have changed what it has
    if (refusals > 1) throw refused('the changes', ended.refusal)
  }
}

/** Keeps which objects were confirmed, unless that is known already. */
function keepConfirmed({ session, ca, place }: Exchange, { content, staleAt, hashes, left }: Difference): void {
  const { dataDir, onNotice } = session.options
  if (readConfirmed(dataDir, ca, content) !== undefined) return
  if (left !== undefined && place === 'current') keepLeft(dataDir, ca, left, onNotice)
  recordConfirmed(dataDir, ca, { content, staleAt, hashes, isLeft: place === 'leaving' }, onNotice)
}

const countsOf = (pdus: readonly Pdu[]): Pick<RepoSyncReport, 'put' | 'withdrawn'> => {
  const put = pdus.filter(({ kind }) => kind === 'publish').length
  return { put, withdrawn: pdus.length - put }
}

interface Difference {
  readonly pdus: readonly Pdu[]
  /** Base of the repository. */
  readonly base: string
  /** Digest of what the CA wants published there. */
  readonly content: Sha256
  /** Hashes of its objects, and the time at which the first manifest goes stale. */
  readonly hashes: readonly Sha256[]
  readonly staleAt: Instant | null
  /** Digest of what the repository that the CA leaves confirmed last; undefined where no migration is open. */
  readonly left: Sha256 | undefined
}

/** Asks for the list and compares it with what the CA wants published at that time. */
async function differenceOf(exchange: Exchange): Promise<Difference> {
  const { session, ca, place } = exchange
  const reply = await ask(exchange, { type: 'list' })
  if (reply.type === 'error') throw refused('the list', refusalText([], reply.errors))
  if (reply.type !== 'list') throw invalid(`${reply.type} to a list (RFC 8181 section 2.3)`)
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, ca)
    const files = filesAt(state, place)
    const { base } = remoteOf(state, place)
    const pdus = deltaPdus(base, reply.objects, files, ({ sha256 }) => work.object(sha256 as Sha256))
    const staleAt = dueTimes(state, session.timing, (key) => isAt(place, key))?.staleAt ?? null
    return {
      pdus,
      base,
      content: contentOf(state, place),
      hashes: files.map(({ sha256 }) => sha256),
      staleAt,
      left: state.leaving?.synced?.content,
    }
  })
}
