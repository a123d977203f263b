/** Use cases of `brine ca` that change something: add a CA (with a local parent in one commit), remove it. */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { didYouMean } from '../../base/nearest.js'
import { entry } from '../../base/record.js'
import { heldResources } from '../../ca/children.js'
import { heldElsewhere } from '../../ca/lifecycle.js'
import { dueTimes } from '../../ca/publishing.js'
import type { LocalRepository } from '../../ca/state/contacts.js'
import type { CaState } from '../../ca/state/state.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { publisherBase } from '../../pubd/uri.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../../resources/types.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import {
  caState,
  handlesOf,
  isTa,
  knownCa,
  pubdState,
  runCa,
  runPubd,
  runTa,
  type TransactionContext,
  taState,
} from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { syncResources } from './resource-sync.js'

export interface CaReport extends Outcome {
  readonly ca: Handle
  readonly parent: Handle | null
  readonly resources: ResourceText
  readonly changes: readonly ChangeRow[]
}

/** Adds a CA. With a parent, the same commit adds it there as a child, configures the local repository and issues certificate and first manifest. */
export async function addCa(
  session: Session,
  handle: Handle,
  under: { readonly parent: Handle; readonly resources: ResourceSet } | undefined,
  options: { readonly dryRun?: boolean } = {},
): Promise<CaReport> {
  const done = await transact(
    session,
    async (tx) => {
      await createCa(tx, handle, under)
      if (under !== undefined) await placeUnder(tx, handle, under.parent, under.resources)
      return { state: caState(tx.work, handle), changes: await changeRows(tx, session.timing, options) }
    },
    options,
  )
  const { state, changes } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  const resources = toResourceText(heldResources(state))
  return {
    ca: handle,
    parent: under?.parent ?? null,
    resources,
    changes,
    ...outcomeOf(done, 'ca', handle, nextDue, options.dryRun),
  }
}

/** Creates a CA without parent and repository; `place` is where it is going to be, for history. Throws `ca-duplicate` (rejected). */
export async function createCa(
  tx: TransactionContext,
  handle: Handle,
  place?: { readonly parent: Handle; readonly resources: ResourceSet },
): Promise<void> {
  if (tx.work.exists('ta', handle))
    throw new AppError(
      'rejected',
      'ca-duplicate',
      `${handle} is the handle of the trust anchor: give the CA another one`,
    )
  if (entry(pubdState(tx.work).publishers, handle)?.remote !== undefined)
    throw new AppError(
      'rejected',
      'ca-duplicate',
      `${handle} is the handle of a publisher elsewhere: give the CA another one`,
      { hint: 'brine pubserver show lists the publishers' },
    )
  const told = place === undefined ? {} : { under: place.parent, resources: place.resources }
  await runCa(tx, handle, { type: 'ca.add', ...told })
}

/** Adds a CA as a child of `parent`, configures its parent and repository, and issues its certificate and first manifest. */
export function placeUnder(
  tx: TransactionContext,
  handle: Handle,
  parent: Handle,
  resources: ResourceSet,
): Promise<void> {
  return placeAllUnder(tx, parent, [{ handle, resources }])
}

/** Adds CAs as children of one parent, as `placeUnder` adds one; the parent issues one manifest for all of them. */
export async function placeAllUnder(
  tx: TransactionContext,
  parent: Handle,
  places: readonly { readonly handle: Handle; readonly resources: ResourceSet }[],
): Promise<void> {
  const aggregate = localParent(tx, parent)
  for (const { handle, resources } of places) {
    if (aggregate.kind === 'ta') await runTa(tx, parent, { type: 'child.add', child: handle, resources })
    else await runCa(tx, parent, { type: 'child.add', child: handle, resources })
    await useLocalRepository(tx, handle)
    await runCa(tx, handle, {
      type: 'parent.add',
      parent,
      contact: { transport: 'local', aggregate, childName: handle },
    })
  }
  const handles = places.map(({ handle }) => handle)
  await syncResources(tx, handles)
}

/** Returns the id of an active trust anchor or CA with this handle. Throws `parent-unknown` (rejected). */
export function localParent(tx: Pick<TransactionContext, 'work'>, handle: Handle): AggregateId {
  if (isTa(tx.work, handle)) return { kind: 'ta', handle }
  if (tx.work.exists('ca', handle) && caState(tx.work, handle).status === 'active') return { kind: 'ca', handle }
  throw new AppError(
    'rejected',
    'parent-unknown',
    `unknown parent ${handle}: it is neither a CA nor the trust anchor of this data directory${didYouMean(handle, [
      ...tx.work.handles('ta'),
      ...handlesOf(tx.work),
    ])}`,
    {
      hint: 'brine ca list shows the CAs; brine testbed init creates a sandbox with a trust anchor',
    },
  )
}

/** Configures the publication server of this data directory as the CA's repository. A repetition is a no-op. Throws `pubserver-not-initialised`. */
export async function useLocalRepository(tx: TransactionContext, handle: Handle): Promise<void> {
  await runCa(tx, handle, { type: 'repository.configure', repository: await localRepositoryOf(tx, handle) })
}

/** Returns the publication server of this data directory as a repository; the CA becomes a publisher of it. Throws `pubserver-not-initialised`. */
export async function localRepositoryOf(tx: TransactionContext, handle: Handle): Promise<LocalRepository> {
  const server = pubdState(tx.work)
  if (server.serial === 0) {
    throw new AppError('rejected', 'pubserver-not-initialised', 'this data directory has no publication server yet', {
      hint: 'brine pubserver init --rsync rsync://… --rrdp https://…',
    })
  }
  const base = publisherBase(server.rsyncBase, handle)
  if (!Object.hasOwn(server.publishers, handle)) await runPubd(tx, { type: 'publisher.add', publisher: handle, base })
  return localRepository(server, base)
}

export function localRepository(server: { readonly rrdpBase: string }, base: string): LocalRepository {
  return { transport: 'local', base, notify: `${server.rrdpBase}notification.xml` }
}

/**
 * Removes a CA: withdraws its objects, and lets its local parents revoke its certificates. Throws `ca-held-elsewhere` (rejected) if a parent or
 * repository elsewhere has some of it, unless they are abandoned.
 */
export async function removeCa(
  session: Session,
  handle: Handle,
  options: { readonly dryRun?: boolean; readonly abandon?: boolean } = {},
): Promise<CaReport> {
  const useCase = async (tx: TransactionContext) => ({
    resources: await withdrawCa(tx, handle, options.abandon === true),
    changes: await changeRows(tx, session.timing, options),
  })
  const done = await transact(session, useCase, options).catch(async (error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'ca-held-elsewhere') throw error
    const state = await session.store.read(async (reader) => knownCa(new Work(reader), handle))
    throw rewrap(error, { hint: leavingSteps(state) })
  })
  return { ca: handle, parent: null, ...done.result, ...outcomeOf(done, 'ca', handle, null, options.dryRun) }
}

/** Returns the commands that end what others have of a CA, in their order. */
function leavingSteps(state: CaState): string {
  const { parents, repository } = heldElsewhere(state)
  // a parent here keeps objects in a repository elsewhere as well
  const left = repository ? [...new Set(Object.values(state.classes).map(({ parent }) => parent))] : parents
  return [
    ...left.map((parent) => `brine parent remove ${state.handle} ${parent}`),
    ...(repository ? [`brine repo sync ${state.handle}`] : []),
    `brine ca remove ${state.handle} (--abandon --reason TEXT if the other side is gone for ever)`,
  ].join('; then ')
}

async function withdrawCa(tx: TransactionContext, handle: Handle, abandon: boolean): Promise<ResourceText> {
  const state = knownCa(tx.work, handle)
  const resources = toResourceText(heldResources(state))
  await runCa(tx, handle, { type: 'ca.remove', ...(abandon ? { abandon } : {}) })
  for (const contact of Object.values(state.parents)) {
    if (contact.transport !== 'local') continue
    const { aggregate, childName } = contact
    if (aggregate.kind === 'ta') {
      if (Object.hasOwn(taState(tx.work, aggregate.handle).children, childName))
        await runTa(tx, aggregate.handle, { type: 'child.remove', child: childName })
    } else if (Object.hasOwn(caState(tx.work, aggregate.handle).children, childName)) {
      await runCa(tx, aggregate.handle, { type: 'child.remove', child: childName })
    }
  }
  if (Object.hasOwn(pubdState(tx.work).publishers, handle))
    await runPubd(tx, { type: 'publisher.remove', publisher: handle })
  return resources
}
