/** Use cases of `brine pubserver publisher list` and `show`: who publishes here, how much, and when each was heard. Pure reads. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { didYouMean } from '../../../base/nearest.js'
import { entry, sortedEntries } from '../../../base/record.js'
import { addSeconds, type Duration, type Instant, later } from '../../../base/time.js'
import type { KeyId, Sha256 } from '../../../crypto/ports.js'
import { Work } from '../../../eventsourcing/work.js'
import { peerDer } from '../../../identity/contact.js'
import type { IdEnds } from '../../../identity/id-ends.js'
import { type LastExchange, type PeerName, readExchange } from '../../../peers/last-exchange.js'
import type { ObjectRef, PubdState, Publisher } from '../../../pubd/state.js'
import { soonest } from '../../changes/outcome.js'
import { pubdState } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { type ExchangeRow, exchangeRow } from '../client/list-parents.js'

export interface PublisherRow {
  readonly publisher: Handle
  /** `local`: a CA or trust anchor of this data directory; `rfc8181`: elsewhere, by messages. */
  readonly transport: 'local' | 'rfc8181'
  readonly base: string
  readonly objects: number
  readonly bytes: number
  /** Number of changes that wait for the next RRDP delta (`rrdp_interval`). */
  readonly staged: number
  /** Null for a publisher of this data directory, and for one that never sent a message. */
  readonly lastMessage: Instant | null
  /** Time of the last change of its content. */
  readonly updatedAt: Instant
  /** Time at which the first of its manifests goes stale; null without one that can be read, and for a publisher of this data directory. */
  readonly staleAt: Instant | null
  /** Ends of the ID certificates; null for a publisher of this data directory. */
  readonly idUntil: IdEnds | null
}

export interface PublisherListReport {
  readonly publishers: readonly PublisherRow[]
}

export interface PublisherShowReport extends PublisherRow {
  readonly addedAt: Instant
  /** Null for a publisher of this data directory. */
  readonly id: {
    /** Our ID key that it was given, and the end of the certificate of that key which the publisher has. */
    readonly own: { readonly ski: KeyId; readonly notAfter: Instant | null }
    /** The ID certificate that verifies its messages. */
    readonly peer: { readonly ski: KeyId; readonly notAfter: Instant }
  } | null
  /** The last message; null if none is known. */
  readonly exchange: ExchangeRow | null
  readonly files: readonly { readonly uri: string; readonly sha256: Sha256; readonly size: number }[]
}

/** Lists the publishers by handle; with `stale` those elsewhere that were not heard for so many seconds. */
export async function listPublishers(session: Session, stale?: Duration): Promise<PublisherListReport> {
  const now = session.now()
  const { idEnds } = await import('../../../identity/id-ends.js')
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = pubdState(work)
    const rows = publisherRows(session, state)
    const wanted = rows.filter((row) => stale === undefined || isSilent(row, stale, now))
    const withEnds = async (one: ListedPublisher): Promise<PublisherRow> => {
      return { ...one.row, staleAt: await staleAtOf(work, one), idUntil: idEnds(state, one.known.remote ?? {}) }
    }
    return { publishers: await Promise.all(wanted.map(withEnds)) }
  })
}

/** Shows one publisher and its objects. Throws `publisher-unknown` (rejected). */
export async function showPublisher(session: Session, publisher: Handle): Promise<PublisherShowReport> {
  const [{ idEnds }, { readIdCertificate }] = await Promise.all([
    import('../../../identity/id-ends.js'),
    import('../../../protocols/cms/id-certificate.js'),
  ])
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = pubdState(work)
    const known = knownPublisher(state, publisher)
    const exchange = readExchange(session.options.dataDir, exchangeName(publisher))
    const { remote, addedAt, base, objects } = known
    const peer = remote === undefined ? undefined : readIdCertificate(peerDer(remote.peer))
    const idUntil = idEnds(state, remote ?? {})
    const row = rowOf(publisher, known, exchange)
    return {
      ...{ ...row, staleAt: await staleAtOf(work, { known, row }), idUntil },
      addedAt,
      id:
        remote === undefined || peer === undefined
          ? null
          : {
              own: { ski: remote.id, notAfter: idUntil?.own ?? null },
              peer: { ski: peer.ski, notAfter: peer.notAfter },
            },
      exchange: exchangeRow(exchange),
      files: sortedEntries(objects).map(([name, { sha256, size }]) => ({ uri: base + name, sha256, size })),
    }
  })
}

/** A row before the objects and the ID certificate of the publisher are read. */
type ListedRow = Omit<PublisherRow, 'staleAt' | 'idUntil'>

export interface ListedPublisher {
  readonly known: Publisher
  readonly row: ListedRow
}

/** Returns the publishers by handle, each with the last message that is known of it. */
export function publisherRows(session: Session, state: PubdState): readonly ListedPublisher[] {
  return sortedEntries(state.publishers).map(([name, known]) => {
    const publisher = name as Handle
    const exchange =
      known.remote === undefined ? undefined : readExchange(session.options.dataDir, exchangeName(publisher))
    return { known, row: rowOf(publisher, known, exchange) }
  })
}

async function staleAtOf(work: Work, { known, row }: ListedPublisher): Promise<Instant | null> {
  return row.transport === 'local' ? null : await manifestsStaleAt(work, known)
}

/** Returns the time at which the first manifest of a publisher goes stale; null without a manifest that can be read. */
export async function manifestsStaleAt(work: Pick<Work, 'object'>, { objects }: Publisher): Promise<Instant | null> {
  const names = Object.keys(objects).filter((name) => /\.mft$/i.test(name))
  if (names.length === 0) return null
  const [{ decodeManifest }, { decodeSignedObject }] = await Promise.all([
    import('../../../rpki/manifest.js'),
    import('../../../rpki/signed-object/decode-envelope.js'),
  ])
  const ends = names.flatMap((name) => {
    const bytes = readable(work, objects[name] as ObjectRef)
    const eContent = bytes === undefined ? undefined : decodeSignedObject(bytes).content?.eContent
    const manifest = eContent === undefined ? undefined : decodeManifest(eContent).content
    return manifest === undefined ? [] : [manifest.nextUpdate]
  })
  return ends.reduce(soonest, null)
}

/** Returns the bytes of an object; undefined for one that is missing, which other findings name. */
function readable(work: Pick<Work, 'object'>, { sha256 }: ObjectRef): Uint8Array | undefined {
  try {
    return work.object(sha256)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** Returns true for a publisher elsewhere that has not sent a message for so many seconds, since it was added at the latest. */
export function isSilent({ known, row }: ListedPublisher, seconds: Duration, now: Instant): boolean {
  return row.transport === 'rfc8181' && addSeconds(row.lastMessage ?? known.addedAt, seconds) <= now
}

/** Returns a publisher. Throws `publisher-unknown` (rejected). */
export function knownPublisher(state: PubdState, publisher: Handle): Publisher {
  const found = entry(state.publishers, publisher)
  if (found !== undefined) return found
  const near = didYouMean(publisher, Object.keys(state.publishers))
  throw new AppError('rejected', 'publisher-unknown', `there is no publisher ${publisher}${near}`, {
    hint: 'brine pubserver publisher list',
  })
}

/** Returns the name under which the last message of a publisher is kept. */
export function exchangeName(publisher: Handle): PeerName {
  return { kind: 'publisher', ca: null, peer: publisher }
}

function rowOf(
  publisher: Handle,
  { base, objects, staged = {}, remote, updatedAt }: Publisher,
  exchange: LastExchange | undefined,
): ListedRow {
  const all = Object.values(objects)
  const heard = [remote?.signedAt, exchange?.at].filter((at) => at !== undefined)
  return {
    ...{ publisher, transport: remote === undefined ? 'local' : 'rfc8181', base },
    ...{ objects: all.length, bytes: all.reduce((sum, { size }) => sum + size, 0), staged: Object.keys(staged).length },
    ...{ lastMessage: heard.length === 0 ? null : heard.reduce(later), updatedAt },
  }
}
