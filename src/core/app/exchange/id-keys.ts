/**
 * Use cases of `brine ca id` and `brine pubserver id`: a planned change of ID keys, one peer after the other.
 * Invariant: a message to a peer is signed with the key that the peer was given; a key that a peer uses is not retired.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, sortedEntries } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { peersThatKnow } from '../../ca/ids.js'
import { remoteAt } from '../../ca/places.js'
import type { CaState, OfferedTo } from '../../ca/state.js'
import type { KeyId } from '../../crypto/ports.js'
import { Work } from '../../eventsourcing/work.js'
import { peerDer } from '../../identity/contact.js'
import { type IdKey, type IdUser, idsOf, newestId } from '../../identity/id-keys.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import { publishersThatKnow } from '../../pubd/remote-publishers.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, knownCa, pubdState, runCa, runPubd, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { knownParent } from './client/list-parents.js'

export interface IdKeyRow {
  readonly ski: KeyId
  readonly notAfter: Instant
  /** True for the key of new exchanges. */
  readonly newest: boolean
  /** Peers toward which it is used. */
  readonly users: readonly IdUser[]
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
    return { ca, ids: rowsIn(work, ca) }
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

/** Signs messages to peers that have an ID key with it from now on. Throws `id-unknown` and what says that a peer is not one (rejected). */
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
      return rowsIn(tx.work, ca)
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

function rowsIn(work: Work, ca: Handle | null): readonly IdKeyRow[] {
  if (ca === null) {
    const state = pubdState(work)
    return rows(state, (ski) => publishersThatKnow(state, ski))
  }
  const state = caState(work, ca)
  return rows(state, (ski) => peersThatKnow(state, ski), state)
}

function rows(
  state: { readonly ids?: readonly IdKey[] },
  usersOf: (ski: KeyId) => readonly IdUser[],
  { offered = {}, offeredTo = {} }: Pick<CaState, 'offered' | 'offeredTo'> = {},
): readonly IdKeyRow[] {
  const newest = newestId(state)?.ski
  return idsOf(state).map(({ ski, notAfter }) => ({
    ...{ ski, notAfter, newest: ski === newest, users: usersOf(ski) },
    offered: (['parents', 'repositories'] as const).filter((to) => offered[to] === ski),
    offeredTo: sortedEntries(offeredTo).flatMap(([name, of]) => (of === ski ? [name as Handle] : [])),
  }))
}

/**
 * Returns the commands that replace an ID key whose certificate runs out: a newer key for each peer that uses it, or its retirement if no peer
 * does. RFC 8183 has no message for it: each peer hears of the new key by files, as in the beginning.
 */
export function replacementSteps(work: Work, ca: Handle | null, ski: KeyId): string {
  const ids = rowsIn(work, ca)
  const own = ids.find((row) => row.ski === ski)
  if (own === undefined || own.newest || own.users.length > 0) return handOver(ca, ids, ski)
  return ca === null ? `brine pubserver id retire ${ski}` : `brine ca id retire ${ca} ${ski}`
}

async function useWith(tx: TransactionContext, ca: Handle, { kind, name }: IdUser, ski: KeyId): Promise<void> {
  const state = caState(tx.work, ca)
  if (kind === 'parent' && name !== null) {
    const known = knownParent(state, name)
    if (known.transport !== 'rfc6492') throw withoutMessages(kind, name)
    const contact = { ...known, contact: { ...known.contact, id: ski } }
    await runCa(tx, ca, { type: 'parent.contact', parent: name, contact })
  } else if (kind === 'child' && name !== null) {
    const known = entry(state.children, name)
    if (known === undefined)
      throw new AppError('rejected', 'child-unknown', `${ca} has no child ${name}`, {
        hint: `brine child list ${ca} shows its children`,
      })
    if (known.peer === undefined) throw withoutMessages(kind, name)
    await runCa(tx, ca, { type: 'child.contact', child: name, peer: peerDer(known.peer), id: ski })
  } else {
    const repository = remoteAt(state, 'current') ?? remoteAt(state, 'leaving')
    if (repository === undefined)
      throw new AppError('rejected', 'repo-none', `${ca} does not publish in a repository elsewhere`)
    const contact = { ...repository, contact: { ...repository.contact, id: ski } }
    await runCa(tx, ca, { type: 'repository.contact', repository: contact })
  }
}

async function useWithPublisher(tx: TransactionContext, { name }: IdUser, ski: KeyId): Promise<void> {
  const known = name === null ? undefined : entry(pubdState(tx.work).publishers, name)
  if (name === null || known === undefined)
    throw new AppError('rejected', 'publisher-unknown', `there is no publisher ${name}`, {
      hint: 'brine pubserver show lists the publishers',
    })
  if (known.remote === undefined) throw withoutMessages('publisher', name)
  await runPubd(tx, { type: 'publisher.contact', publisher: name, peer: peerDer(known.remote.peer), id: ski })
}

function withoutMessages(kind: IdUser['kind'], name: Handle): AppError {
  const message = `${kind} ${name} is in this data directory: no messages go to it`
  return new AppError('rejected', `${kind}-local`, message)
}

/** Returns the commands that give the peers of a key the newest one; if there is no newer one, first the command that makes it. */
function handOver(ca: Handle | null, ids: readonly IdKeyRow[], ski: KeyId): string {
  const users = ids.find((row) => row.ski === ski)?.users ?? []
  const newest = ids.find((row) => row.newest && row.ski !== ski)?.ski
  const steps = (['parent', 'repository', 'child', 'publisher'] as const).flatMap((kind) => {
    const first = users.find((user) => user.kind === kind)
    return first === undefined ? [] : [handOverTo(ca, first, newest ?? 'KEY')]
  })
  return [
    ...(newest === undefined ? [`brine ${ca === null ? 'pubserver id add' : `ca id add ${ca}`}`] : []),
    ...steps,
  ].join('; ')
}

function handOverTo(ca: Handle | null, { kind, name }: IdUser, newest: string): string {
  switch (kind) {
    case 'parent':
      return `brine parent request ${ca} ${name}, then brine parent add ${ca} ${name} --response FILE`
    case 'repository':
      return `brine repo request ${ca}, then brine repo configure ${ca} --response FILE`
    case 'child':
      return `brine child response ${ca} ${name} --service-uri URI, then brine ca id use ${ca} ${newest} --child ${name}`
    case 'publisher':
      return `brine pubserver publisher response ${name} --service-uri URI, then brine pubserver id use ${newest} --publisher ${name}`
  }
}
