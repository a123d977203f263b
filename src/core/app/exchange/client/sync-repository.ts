/**
 * Use case of `brine repo sync` for a repository elsewhere (RFC 8181): what the server lists is compared with what the CA wants published, and
 * the difference is sent as one delta, or as several in a safe order where the server does not accept it in one message.
 * Invariants: no message is sent under the lock; what the CA wants is read after each list, so that an older content never replaces a newer
 * one of another process; a stand-by publishes nothing; an error of the transport and a refusal change nothing.
 */
import { AppError, rewrap } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import type { RemoteRepository } from '../../../ca/contacts.js'
import {
  contentOf,
  filesAt,
  isAt,
  isHeldBack,
  isUnconfirmedAt,
  PLACES,
  type Place,
  remoteAt,
} from '../../../ca/places.js'
import { dueTimes } from '../../../ca/publishing.js'
import type { CaState } from '../../../ca/state.js'
import type { Sha256 } from '../../../crypto/ports.js'
import { systemRandom } from '../../../crypto/random.js'
import { Work } from '../../../eventsourcing/work.js'
import type { PeerContact } from '../../../identity/contact.js'
import { idKey } from '../../../identity/id-keys.js'
import { keepLeft, readConfirmed, recordConfirmed } from '../../../peers/confirmed-content.js'
import { readDeltaLimit, recordDeltaLimit } from '../../../peers/delta-limits.js'
import { describeFault, ProtocolFault } from '../../../protocols/fault.js'
import { MESSAGE_LIMITS } from '../../../protocols/message-request.js'
import { decodePublicationReply } from '../../../protocols/publication/decode.js'
import { encodePublicationQuery, pduSize } from '../../../protocols/publication/encode.js'
import type { Pdu, PublicationQuery, PublicationReply } from '../../../protocols/publication/types.js'
import { type RepoSyncReport, syncRepository as syncLocalRepository } from '../../authority/repo-sync.js'
import { confirmPublication } from '../../authority/resource-sync.js'
import { outcomeOf } from '../../changes/outcome.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { afterChange } from '../../transaction/errors.js'
import { readyToSend, transact } from '../../transaction/transact.js'
import { openMessage, sealMessage } from '../messages.js'
import { type Deliver, deliverAnswer } from './deliver.js'
import { repositoryHost, repositoryPeer } from './due-repositories.js'
import { invalidAnswer } from './parent-messages.js'
import { deltaPdus, refusalText } from './publication-delta.js'
import { type DeltaPart, folderOf, splitDelta } from './split-delta.js'

export interface SyncOptions {
  readonly deliver: Deliver
  /** True: compare only. */
  readonly dryRun?: boolean
}

interface Exchange extends SyncOptions {
  readonly session: Session
  readonly ca: Handle
  readonly place: Place
}

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
    const ended = await sendDelta(exchange, difference, sending)
    if (ended === undefined) return difference
    // after a closed connection, whose message the server may have carried out, with a list and shorter messages
    if (ended === 'closed') continue
    refusals += 1
    // another process or the operator of the server may have changed what it has
    if (refusals > 1) throw refused('the changes', ended.refusal)
  }
}

function beginSending({ options, now }: Session, contact: PeerContact): Sending {
  const learned = readDeltaLimit(options.dataDir, repositoryHost(contact), now())
  return {
    ...{ limit: Math.min(LARGEST_DELTA, learned ?? LARGEST_DELTA), ceiling: Number.POSITIVE_INFINITY },
    ...{ closed: undefined, isLearned: false, done: [] },
  }
}

/** Keeps the length that the server accepts, if it was found now. */
function keepLimit({ options, now }: Session, contact: PeerContact, { limit, isLearned }: Sending): void {
  if (!isLearned) return
  recordDeltaLimit(options.dataDir, { host: repositoryHost(contact), limit, at: now() }, options.onNotice)
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

/** Octets of the PDUs of a message: the limit of the servers of Krill and Brine, less 64 KiB for the signature with its certificate and CRL. */
const LARGEST_DELTA = MESSAGE_LIMITS.rfc8181 - 64 * 1024

/** Progress of one synchronisation. */
interface Sending {
  /** Octets up to which PDUs are joined in one message; halved when the server does not accept that much. */
  limit: number
  /** Octets that the server may accept: each message that it refused was longer. What cannot be divided is tried whatever its length. */
  ceiling: number
  /** Error of the last connection that the server closed during a long message; undefined after another refusal. */
  closed: AppError | undefined
  /** True if the limit was found by this synchronisation. */
  isLearned: boolean
  /** PDUs that the server has carried out. */
  readonly done: Pdu[]
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

/**
 * Sends a delta, in parts where it is too long; an empty one is not sent. Returns what the server says against a part, `closed` if it closed the
 * connection during a long one; undefined if all is done.
 */
async function sendDelta(
  exchange: Exchange,
  { pdus }: Difference,
  sending: Sending,
): Promise<{ readonly refusal: string } | 'closed' | undefined> {
  const sizes = new Map(pdus.map((pdu) => [pdu, pduSize(pdu)]))
  let left = pdus
  while (left.length > 0) {
    const parts = splitDelta(left, sending.limit, (pdu) => sizes.get(pdu) ?? 0)
    const tooLong = parts.find(({ size }) => size > sending.ceiling)
    if (tooLong !== undefined) throw sending.closed ?? indivisible(exchange.ca, tooLong)
    const part = parts[0] as DeltaPart
    const reply = await sendPart(exchange, part, sending)
    if (reply === undefined && sending.closed !== undefined) return 'closed'
    if (reply === undefined) continue
    if (reply.type === 'error') return { refusal: refusalText(part.pdus, reply.errors) }
    if (reply.type !== 'success') throw invalid(`${reply.type} to publish and withdraw (RFC 8181 section 2.4)`)
    sending.done.push(...part.pdus)
    const done = new Set(part.pdus)
    left = left.filter((pdu) => !done.has(pdu))
  }
  return undefined
}

/** Sends a part. Returns undefined, and halves the limit, if the server answers with status 413, or closes the connection during a long message. */
async function sendPart(
  exchange: Exchange,
  { pdus, size }: DeltaPart,
  sending: Sending,
): Promise<PublicationReply | undefined> {
  try {
    return await ask(exchange, { type: 'delta', pdus })
  } catch (error) {
    const closed = isClosedDuring(error, size) ? error : undefined
    if (closed === undefined && !isTooLong(error)) throw error
    sending.closed = closed
    sending.isLearned = true
    sending.ceiling = Math.min(sending.ceiling, size - 1)
    sending.limit = Math.floor(Math.min(sending.limit, size) / 2)
    return undefined
  }
}

/** Octets up to which servers accept messages as they come (nginx: 1 MiB): a connection that ends during a shorter one has another reason. */
const SURELY_ACCEPTED = 1024 * 1024

/** Returns true if the server closed the connection during a message that may be too long for it, in place of status 413. */
function isClosedDuring(error: unknown, size: number): error is AppError {
  if (!(error instanceof AppError) || error.code !== 'peer-closed' || size <= SURELY_ACCEPTED) return false
  return (error.details as { readonly phase?: string } | null)?.phase !== 'body'
}

const isTooLong = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'peer-status' &&
  (error.details as { readonly status?: number }).status === 413

/** Sends one message and returns the verified reply. Throws `answer-invalid` (remote), and what `deliver` throws. */
async function ask({ session, ca, place, deliver }: Exchange, query: PublicationQuery): Promise<PublicationReply> {
  const state = await stateOf(session, ca)
  const { contact } = remoteOf(state, place)
  const id = idKey(state, contact.id)
  if (id === undefined) throw new AppError('corrupt', 'id-unknown', `${ca} has no ID key ${contact.id}`)
  const xml = encodePublicationQuery(query)
  return withMessageSigner(session, (signer) =>
    deliverAnswer(
      deliver,
      {
        ...{ kind: 'repository', ca, peer: repositoryPeer(state, place), to: contact },
        seal: (at) => sealMessage({ signer, random: systemRandom }, id, xml, at),
        open: (answer) => readReply(answer, contact, session.now()),
      },
      (reply) => (reply.type === 'error' ? refusalText([], reply.errors) : undefined),
    ),
  )
}

async function readReply(answer: Uint8Array, contact: PeerContact, at: Instant): Promise<PublicationReply> {
  try {
    return decodePublicationReply((await openMessage(answer, contact, at)).content)
  } catch (error) {
    throw error instanceof ProtocolFault ? invalid(describeFault(error)) : error
  }
}

const stateOf = (session: Session, ca: Handle): Promise<CaState> =>
  session.store.read(async (reader) => knownCa(new Work(reader), ca))

/** Returns the repository elsewhere. Throws `repo-none` if another command has replaced it. */
function remoteOf(state: CaState, place: Place): RemoteRepository {
  const repository = remoteAt(state, place)
  if (repository !== undefined) return repository
  throw new AppError('rejected', 'repo-none', `${state.handle} does not publish in a repository elsewhere`)
}

const invalid = (why: string): AppError => invalidAnswer(why, 'repository')

function refused(what: string, why: string): AppError {
  return new AppError('remote', 'repository-refused', `the repository refused ${what}: ${why}`, {
    ...{ retry: true, retryAfter: 600 },
  })
}

/** Returns the error of a part that cannot be divided and is longer than the server accepts. */
function indivisible(ca: Handle, { pdus, size }: DeltaPart): AppError {
  const uri = pdus[0]?.uri ?? ''
  const what = pdus.length === 1 ? uri : `${pdus.length} objects of ${folderOf(uri)}, which are replaced together,`
  const why = 'the repository does not accept a message of that length (status 413)'
  return new AppError('remote', 'repository-delta-too-long', `${what} need ${size} octets in one message: ${why}`, {
    hint: `ask the operator of the repository to accept messages of ${size + 64 * 1024} octets, then brine repo sync ${ca}`,
    details: { size, objects: pdus.length, folder: folderOf(uri) },
  })
}
