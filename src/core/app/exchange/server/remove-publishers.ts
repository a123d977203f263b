/**
 * Use cases of `brine pubserver publisher remove` and `brine pubserver purge`: objects of publishers elsewhere are withdrawn by the operator.
 * Invariant: what a CA or trust anchor of this data directory publishes is left alone, since its next change would publish it again.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { sortedEntries } from '../../../base/record.js'
import { quoted } from '../../../base/text.js'
import type { Duration } from '../../../base/time.js'
import { removeExchange } from '../../../peers/last-exchange.js'
import { PUBD_HANDLE } from '../../../pubd/aggregate.js'
import type { PublisherChange } from '../../../pubd/content.js'
import { contentOf } from '../../../pubd/staged.js'
import type { PubdState } from '../../../pubd/state.js'
import { clockOf } from '../../authority/replay-clocks.js'
import type { ChangeRow } from '../../changes/change-row.js'
import { publicationRows } from '../../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { caState, pubdState, runPubd, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { exchangeName, isSilent, knownPublisher, publisherRows } from './publishers.js'

export interface PublisherRemoveReport extends Outcome {
  readonly publishers: readonly Handle[]
  /** Number of objects that are withdrawn. */
  readonly objects: number
  readonly changes: readonly ChangeRow[]
}

export interface PurgeReport extends Outcome {
  readonly uri: string
  /** Publishers that lose objects. */
  readonly publishers: readonly Handle[]
  readonly objects: number
  readonly changes: readonly ChangeRow[]
}

/** One publisher, or all elsewhere that were silent for so many seconds; `only` are those that were shown before. */
export type RemovedPublishers =
  | { readonly publisher: Handle }
  | { readonly stale: Duration; readonly only?: readonly Handle[] }

/** Removes publishers and withdraws their objects in one RRDP serial. Throws `publisher-unknown`, `publisher-local` (rejected). */
export async function removePublishers(
  session: Session,
  which: RemovedPublishers,
  options: { readonly dryRun?: boolean } = {},
): Promise<PublisherRemoveReport> {
  const done = await transact(
    session,
    async (tx) => {
      const before = pubdState(tx.work)
      const publishers = 'stale' in which ? silent(session, before, which) : [known(tx, before, which.publisher)]
      const changes = publishers.map((publisher) => withdrawal(before, publisher))
      // several removals are one serial
      if (publishers.length > 1 && changes.some(({ drop }) => drop.length > 0))
        await runPubd(tx, { type: 'publish', changes })
      for (const publisher of publishers)
        await runPubd(tx, { type: 'publisher.remove', publisher, ...(await clockOfPublisher(before, publisher)) })
      return { publishers, objects: countOf(changes), changes: publicationRows(before, pubdState(tx.work)) }
    },
    options,
  )
  if (done.changed && options.dryRun !== true)
    for (const publisher of done.result.publishers)
      removeExchange(session.options.dataDir, exchangeName(publisher), session.options.onNotice)
  return { ...done.result, ...outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun) }
}

/**
 * Withdraws the object with a URI, or with a final slash every object below it. Throws `object-unknown` and, if a CA or trust anchor of this
 * data directory publishes one of them, `publisher-local` (rejected).
 */
export async function purgeObjects(
  session: Session,
  uri: string,
  options: { readonly dryRun?: boolean } = {},
): Promise<PurgeReport> {
  const done = await transact(
    session,
    async (tx) => {
      const before = pubdState(tx.work)
      const changes = objectsAt(before, uri)
      if (changes.length === 0) throw noObject(before, uri)
      for (const { publisher } of changes) known(tx, before, publisher)
      await runPubd(tx, { type: 'objects.purge', uri, changes })
      const publishers = changes.map(({ publisher }) => publisher)
      return { uri, publishers, objects: countOf(changes), changes: publicationRows(before, pubdState(tx.work)) }
    },
    options,
  )
  return { ...done.result, ...outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun) }
}

function silent(
  session: Session,
  state: PubdState,
  { stale, only }: { readonly stale: Duration; readonly only?: readonly Handle[] },
): readonly Handle[] {
  const now = session.now()
  return publisherRows(session, state)
    .filter((row) => isSilent(row, stale, now))
    .map(({ row }) => row.publisher)
    .filter((publisher) => only?.includes(publisher) !== false)
}

/** Returns a publisher whose content is not made here. Throws `publisher-unknown`, `publisher-local` (rejected). */
function known(tx: Pick<TransactionContext, 'work'>, state: PubdState, publisher: Handle): Handle {
  const { remote } = knownPublisher(state, publisher)
  if (remote !== undefined) return publisher
  if (tx.work.exists('ta', publisher))
    throw local(`${publisher} is the trust anchor of this data directory: it publishes what it issues`)
  if (tx.work.exists('ca', publisher) && caState(tx.work, publisher).status === 'active')
    throw local(
      `${publisher} is a CA of this data directory: its next change would publish everything again`,
      `brine ca remove ${publisher} --dry-run`,
    )
  return publisher
}

function local(message: string, hint?: string): AppError {
  return new AppError('rejected', 'publisher-local', message, hint === undefined ? {} : { hint })
}

async function clockOfPublisher(state: PubdState, publisher: Handle) {
  const { remote } = knownPublisher(state, publisher)
  return remote === undefined ? {} : clockOf(remote.peer, remote.signedAt)
}

function withdrawal(state: PubdState, publisher: Handle): PublisherChange {
  return { publisher, put: [], drop: Object.keys(contentOf(knownPublisher(state, publisher))).sort() }
}

/** Returns the withdrawals of what is published or staged at a URI. What is staged to be withdrawn is published with them. */
function objectsAt({ publishers }: PubdState, uri: string): readonly PublisherChange[] {
  const isNamed = uri.endsWith('/') ? (object: string) => object.startsWith(uri) : (object: string) => object === uri
  return sortedEntries(publishers).flatMap(([publisher, known]) => {
    const named = (objects: object) => Object.keys(objects).filter((name) => isNamed(known.base + name))
    const drop = named(contentOf(known)).sort()
    const isThere = drop.length > 0 || named(known.objects).length > 0
    return isThere ? [{ publisher: publisher as Handle, put: [], drop }] : []
  })
}

function noObject(state: PubdState, uri: string): AppError {
  const [code, list] = ['object-unknown', 'brine pubserver publisher show PUBLISHER   # lists its objects']
  if (!uri.endsWith('/') && objectsAt(state, `${uri}/`).length > 0)
    return new AppError(
      'rejected',
      code,
      `${quoted(uri, 200)} is a folder: with a slash at its end, all below it goes`,
      {
        hint: `brine pubserver purge ${uri}/ --dry-run`,
      },
    )
  const below = uri.endsWith('/') ? 'below' : 'at'
  return new AppError('rejected', code, `no object is published ${below} ${quoted(uri, 200)}`, { hint: list })
}

function countOf(changes: readonly PublisherChange[]): number {
  return changes.reduce((sum, { drop }) => sum + drop.length, 0)
}
