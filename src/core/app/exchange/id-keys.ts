/**
 * Use cases of `brine ca id` and `brine pubserver id`: a planned change of ID keys, one peer after the other.
 * Invariant: a message to a peer is signed with the key that the peer was given; a key that a peer uses is not retired.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, sortedEntries } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { peersThatKnow } from '../../ca/ids.js'
import { remoteAt } from '../../ca/state/places.js'
import type { CaState, OfferedTo } from '../../ca/state/state.js'
import type { KeyId } from '../../crypto/ports.js'
import { Work } from '../../eventsourcing/work.js'
import { type PeerContact, peerDer } from '../../identity/contact.js'
import {
  type IdHolder,
  type IdKey,
  type IdUser,
  idKey,
  idsOf,
  newestId,
  untilToRecord,
  type WithIds,
} from '../../identity/id-keys.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import { publishersThatKnow } from '../../pubd/remote-publishers.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, knownCa, pubdState, runCa, runPubd, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { knownParent } from './client/list-parents.js'
import { handOver } from './id-hand-over.js'

export interface IdKeyRow {
  readonly ski: KeyId
  readonly notAfter: Instant
  /** True for the key of new exchanges. */
  readonly newest: boolean
  /** Peers toward which it is used, and the end of the certificate that each of them holds. */
  readonly users: readonly IdHolder[]
  /** Peers for which the newest request was written with it. */
  readonly offered: readonly OfferedTo[]
  /** Parents whose newest request, which names them, was written with it. */
  readonly offeredTo: readonly Handle[]
}

export interface IdKeysReport {
  /** Null: of the publication server. */
  readonly ca: Handle | null
  /** Oldest first. */
  readonly ids: readonly IdKeyRow[]
}

export interface IdChangeReport extends Outcome, IdKeysReport {
  /** The key that was made, is used or was retired; null in a dry run of `add`, which makes none. */
  readonly id: KeyId | null
}

/** A peer that an ID key is used with. */
export type IdPeer = IdUser

interface Options {
  readonly dryRun?: boolean
}

/** Returns the ID keys of a CA; null: of the publication server. Throws `ca-unknown`, `pubserver-not-initialised` (rejected). */
export async function showIds(session: Session, ca: Handle | null): Promise<IdKeysReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    assertOwner(work, ca)
    return { ca, ids: idRows(work, ca) }
  })
}

/** Makes a further ID key for new exchanges. Peers keep the one that they know. */
export async function addId(session: Session, ca: Handle | null, { dryRun }: Options = {}): Promise<IdChangeReport> {
  const done = await change(session, ca, dryRun, async (tx) => {
    if (ca === null) await runPubd(tx, { type: 'id.add' })
    else await runCa(tx, ca, { type: 'id.add' })
  })
  return { ...done, id: dryRun === true ? null : (done.ids.at(-1)?.ski ?? null) }
}

/** Makes a new certificate of an ID key, by default the newest. Peers hold the former one until they get it. Throws `id-unknown`, `id-none` (rejected). */
export async function renewId(
  session: Session,
  ca: Handle | null,
  ski: KeyId | null,
  { dryRun }: Options = {},
): Promise<IdChangeReport> {
  const command = { type: 'id.renew', ...(ski === null ? {} : { ski }) } as const
  const done = await change(session, ca, dryRun, async (tx) => {
    if (ca === null) await runPubd(tx, command)
    else await runCa(tx, ca, command)
  })
  return { ...done, id: ski ?? done.ids.at(-1)?.ski ?? null }
}

/** Signs messages to peers that have an ID key and its certificate with it from now on. Throws `id-unknown` and what says that a peer is not one (rejected). */
export async function useId(
  session: Session,
  ca: Handle | null,
  ski: KeyId,
  peers: readonly IdUser[],
  { dryRun }: Options = {},
): Promise<IdChangeReport> {
  const done = await change(session, ca, dryRun, async (tx) => {
    for (const peer of peers)
      if (ca === null) await useWithPublisher(tx, peer, ski)
      else await useWith(tx, ca, peer, ski)
  })
  return { ...done, id: ski }
}

/** Retires an ID key that no peer uses. Throws `id-unknown`, `id-in-use` (rejected). */
export async function retireId(
  session: Session,
  ca: Handle | null,
  ski: KeyId,
  { dryRun }: Options = {},
): Promise<IdChangeReport> {
  try {
    const done = await change(session, ca, dryRun, async (tx) => {
      if (ca === null) await runPubd(tx, { type: 'id.retire', ski })
      else await runCa(tx, ca, { type: 'id.retire', ski })
    })
    return { ...done, id: ski }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'id-in-use') throw error
    const { ids } = await showIds(session, ca)
    throw rewrap(error, { hint: handOver(ca, ids, ski) })
  }
}

async function change(
  session: Session,
  ca: Handle | null,
  dryRun: boolean | undefined,
  run: (tx: TransactionContext) => Promise<void>,
): Promise<Omit<IdChangeReport, 'id'>> {
  const done = await transact(
    session,
    async (tx) => {
      assertOwner(tx.work, ca)
      await run(tx)
      return idRows(tx.work, ca)
    },
    { dryRun: dryRun === true },
  )
  const outcome =
    ca === null ? outcomeOf(done, 'pubd', PUBD_HANDLE, null, dryRun) : outcomeOf(done, 'ca', ca, null, dryRun)
  return { ca, ids: done.result, ...outcome }
}

/** Throws `ca-unknown` or `pubserver-not-initialised` (rejected) if there is no such owner of ID keys. */
function assertOwner(work: Work, ca: Handle | null): void {
  if (ca !== null) {
    knownCa(work, ca)
    return
  }
  if (pubdState(work).serial > 0) return
  throw new AppError('rejected', 'pubserver-not-initialised', 'this data directory has no publication server yet', {
    hint: 'brine pubserver init --rsync rsync://… --rrdp https://…',
  })
}

/** Returns the ID keys of a CA or, for null, of the publication server, oldest first. */
export function idRows(work: Work, ca: Handle | null): readonly IdKeyRow[] {
  if (ca === null) {
    const state = pubdState(work)
    return rows(state, (ski) => publishersThatKnow(state, ski))
  }
  const state = caState(work, ca)
  return rows(state, (ski) => peersThatKnow(state, ski), state)
}

function rows(
  state: { readonly ids?: readonly IdKey[] },
  usersOf: (ski: KeyId) => readonly IdHolder[],
  { offered = {}, offeredTo = {} }: Pick<CaState, 'offered' | 'offeredTo'> = {},
): readonly IdKeyRow[] {
  const newest = newestId(state)?.ski
  return idsOf(state).map(({ ski, notAfter }) => ({
    ...{ ski, notAfter, newest: ski === newest, users: usersOf(ski) },
    offered: (['parents', 'repositories'] as const).filter((to) => offered[to] === ski),
    offeredTo: sortedEntries(offeredTo).flatMap(([name, of]) => (of === ski ? [name as Handle] : [])),
  }))
}

async function useWith(tx: TransactionContext, ca: Handle, { kind, name }: IdUser, ski: KeyId): Promise<void> {
  const state = caState(tx.work, ca)
  if (kind === 'parent' && name !== null) {
    const known = knownParent(state, name)
    if (known.transport !== 'rfc6492') throw withoutMessages(kind, name)
    const contact = { ...known, contact: { ...withoutUntil(known.contact), ...given(state, ski) } }
    await runCa(tx, ca, { type: 'parent.contact', parent: name, contact })
  } else if (kind === 'child' && name !== null) {
    const known = entry(state.children, name)
    if (known === undefined)
      throw new AppError('rejected', 'child-unknown', `${ca} has no child ${name}`, {
        hint: `brine child list ${ca} shows its children`,
      })
    if (known.peer === undefined) throw withoutMessages(kind, name)
    await runCa(tx, ca, { type: 'child.contact', child: name, peer: peerDer(known.peer), ...given(state, ski) })
  } else {
    const repository = remoteAt(state, 'current') ?? remoteAt(state, 'leaving')
    if (repository === undefined)
      throw new AppError('rejected', 'repo-none', `${ca} does not publish in a repository elsewhere`)
    const contact = { ...repository, contact: { ...withoutUntil(repository.contact), ...given(state, ski) } }
    await runCa(tx, ca, { type: 'repository.contact', repository: contact })
  }
}

async function useWithPublisher(tx: TransactionContext, { name }: IdUser, ski: KeyId): Promise<void> {
  const state = pubdState(tx.work)
  const known = name === null ? undefined : entry(state.publishers, name)
  if (name === null || known === undefined)
    throw new AppError('rejected', 'publisher-unknown', `there is no publisher ${name}`, {
      hint: 'brine pubserver show lists the publishers',
    })
  if (known.remote === undefined) throw withoutMessages('publisher', name)
  await runPubd(tx, {
    type: 'publisher.contact',
    publisher: name,
    peer: peerDer(known.remote.peer),
    ...given(state, ski),
  })
}

/** Returns the members that record an ID key with a peer that has the certificate that the key has now. */
function given(state: WithIds, ski: KeyId): Pick<PeerContact, 'id' | 'idUntil'> {
  const id = idKey(state, ski)
  return { id: ski, ...(id === undefined ? {} : untilToRecord(id)) }
}

function withoutUntil({ idUntil: _, ...contact }: PeerContact): Omit<PeerContact, 'idUntil'> {
  return contact
}

function withoutMessages(kind: IdUser['kind'], name: Handle): AppError {
  const message = `${kind} ${name} is in this data directory: no messages go to it`
  return new AppError('rejected', `${kind}-local`, message)
}
