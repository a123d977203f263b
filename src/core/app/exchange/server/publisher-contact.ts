/** Use cases of `brine pubserver publisher add` and `response`: publishers elsewhere, by the files of RFC 8183. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import { Work } from '../../../eventsourcing/work.js'
import { peerDer } from '../../../identity/contact.js'
import { heldUntil, type IdKey, idKey, newestId, untilToRecord } from '../../../identity/id-keys.js'
import { formatProtocolPath } from '../../../protocols/message-request.js'
import { PUBD_HANDLE } from '../../../pubd/aggregate.js'
import type { PubdState } from '../../../pubd/state.js'
import { publisherBase } from '../../../pubd/uri.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { pubdState, runPubd, TA_HANDLE, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { checkServiceBase, noticeOtherId, type RepeatedResponse, readSetupFile } from '../setup-files.js'

export interface PublisherContactReport extends Outcome {
  readonly publisher: Handle
  /** rsync URI below which it publishes. */
  readonly base: string
  /** XML of the repository_response for the publisher; null in a dry run, which makes no ID key. */
  readonly response: string | null
}

export interface NewPublisher {
  readonly publisher: Handle
  /** Octets of the publisher_request. */
  readonly request: Uint8Array
  /** URI of the server in front. */
  readonly serviceBase: string
}

/**
 * Adds a publisher that sends RFC 8181 messages; the publication server gets its first ID key with it. Throws `setup-invalid` (usage),
 * `publisher-local`, `publisher-exists`, `pubserver-not-initialised`.
 */
export async function addPublisher(
  session: Session,
  { publisher, request, serviceBase }: NewPublisher,
  options: { readonly dryRun?: boolean } = {},
): Promise<PublisherContactReport> {
  const { id: peer, tag } = await readSetupFile(request, 'publisher_request')
  checkServiceBase(serviceBase)
  const done = await transact(
    session,
    async (tx) => {
      refuseLocal(tx, publisher)
      const base = publisherBase(pubdState(tx.work).rsyncBase, publisher)
      await runPubd(tx, { type: 'publisher.add', publisher, base })
      await runPubd(tx, { type: 'id.add', ifNone: true })
      const id = newestId(pubdState(tx.work))
      if (id === undefined) throw new TypeError('id.add leaves an ID key')
      await runPubd(tx, { type: 'publisher.contact', publisher, peer, id: id.ski, ...untilToRecord(id) })
      return { base, id, state: pubdState(tx.work) }
    },
    options,
  )
  const { base, id, state } = done.result
  const response = options.dryRun === true ? null : await responseXml(state, { publisher, base, id }, serviceBase, tag)
  return { publisher, base, response, ...outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun) }
}

/**
 * Returns the repository_response of a publisher again, with the newest ID key of the server. Replies are signed with the key that the
 * publisher knows until `pubserver id use`, which a notice says where they differ. Throws `publisher-unknown`, `publisher-local`.
 */
export async function publisherResponse(
  session: Session,
  publisher: Handle,
  serviceBase: string,
): Promise<RepeatedResponse> {
  checkServiceBase(serviceBase)
  const state = await session.store.read(async (reader) => pubdState(new Work(reader)))
  const { base, known } = knownPublisher(state, publisher)
  const id = newestId(state) ?? known
  const response = await responseXml(state, { publisher, base, id }, serviceBase)
  const report = { response, id: id.ski, usedId: known.ski }
  noticeOtherId(session, report, `publisher ${publisher}`, `brine pubserver id use ${id.ski} --publisher ${publisher}`)
  return report
}

/** Refuses the handle of a CA or trust anchor here, also of a removed one: its publisher would be taken for theirs. */
function refuseLocal({ work }: Pick<TransactionContext, 'work'>, publisher: Handle): void {
  const isOwn = publisher === TA_HANDLE || work.exists('ta', publisher) || work.exists('ca', publisher)
  if (!isOwn) return
  throw new AppError(
    'rejected',
    'publisher-local',
    `${publisher} is the handle of a CA or trust anchor of this data directory: give the publisher another one`,
    { hint: 'a CA of this data directory publishes without messages: brine repo configure CA --local' },
  )
}

/**
 * Replaces the ID certificate of a publisher by the one of another request of it. Replies stay signed with the key that it knows. Throws
 * `setup-invalid` (usage), `publisher-unknown`, `publisher-local`.
 */
export async function updatePublisherId(
  session: Session,
  publisher: Handle,
  request: Uint8Array,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Omit<PublisherContactReport, 'response'>> {
  const { id: peer } = await readSetupFile(request, 'publisher_request')
  const done = await transact(
    session,
    async (tx) => {
      const state = pubdState(tx.work)
      const { base, known } = knownPublisher(state, publisher)
      const until = untilToRecord(known, heldUntil(known, entry(state.publishers, publisher)?.remote?.idUntil))
      await runPubd(tx, { type: 'publisher.contact', publisher, peer, id: known.ski, ...until })
      return base
    },
    { dryRun },
  )
  return { publisher, base: done.result, ...outcomeOf(done, 'pubd', PUBD_HANDLE, null, dryRun) }
}

function knownPublisher(state: PubdState, publisher: Handle): { readonly base: string; readonly known: IdKey } {
  const known = entry(state.publishers, publisher)
  if (known === undefined)
    throw new AppError('rejected', 'publisher-unknown', `there is no publisher ${publisher}`, {
      hint: 'brine pubserver show lists the publishers',
    })
  const id = known.remote === undefined ? undefined : idKey(state, known.remote.id)
  if (id !== undefined) return { base: known.base, known: id }
  throw new AppError(
    'rejected',
    'publisher-local',
    `publisher ${publisher} is a CA of this data directory: it needs no response`,
  )
}

async function responseXml(
  { rrdpBase }: PubdState,
  { publisher, base, id }: { readonly publisher: Handle; readonly base: string; readonly id: IdKey },
  serviceBase: string,
  tag?: string,
): Promise<string> {
  const { encodeSetup } = await import('../../../protocols/setup/encode.js')
  return encodeSetup({
    kind: 'repository_response',
    serviceUri: `${serviceBase.replace(/\/$/, '')}${formatProtocolPath({ service: 'rfc8181', handle: publisher })}`,
    publisherHandle: publisher,
    siaBase: base,
    rrdpNotificationUri: `${rrdpBase}notification.xml`,
    ...(tag === undefined ? {} : { tag }),
    id: peerDer(id.certificate),
  })
}
