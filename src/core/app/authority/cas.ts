/** Use cases of `brine ca`: add a CA (with a local parent in one commit), list, show, remove. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { didYouMean } from '../../base/nearest.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { heldResources } from '../../ca/children.js'
import type { LocalRepository, Repository } from '../../ca/contacts.js'
import { dueTimes } from '../../ca/publishing.js'
import type { CaState } from '../../ca/state.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { Timing } from '../../issuing/timing.js'
import { publisherBase } from '../../pubd/uri.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../../resources/types.js'
import type { ChangeRow } from '../transaction/change-row.js'
import {
  caState,
  handlesOf,
  isTa,
  knownCa,
  pubdState,
  readCas,
  runCa,
  runPubd,
  runTa,
  type TransactionContext,
  taState,
} from '../transaction/context.js'
import { type Outcome, outcomeOf } from '../transaction/outcome.js'
import type { Session } from '../transaction/session.js'
import { transact } from '../transaction/transact.js'
import { changeRows } from './change-rows.js'
import { syncResources } from './resource-sync.js'

export interface CaReport extends Outcome {
  readonly ca: Handle
  readonly parent: Handle | null
  readonly resources: ResourceText
  readonly changes: readonly ChangeRow[]
}

export interface CaShowReport {
  readonly handle: Handle
  readonly resources: ResourceText
  readonly parents: readonly {
    readonly name: Handle
    readonly transport: string
    readonly aggregate?: string
    readonly serviceUri?: string
  }[]
  readonly children: readonly {
    readonly name: Handle
    readonly resources: ResourceText
    readonly certificates: number
  }[]
  readonly repository: RepositoryRow | null
  readonly roas: number
  readonly classes: readonly {
    readonly name: string
    readonly parent: Handle
    readonly aggregated: boolean
    readonly keys: readonly CaKeyRow[]
  }[]
}

export interface CaKeyRow {
  readonly state: string
  readonly ski: string
  readonly manifestNumber: number
  readonly thisUpdate: Instant | null
  readonly nextUpdate: Instant | null
  readonly notAfter: Instant | null
  readonly objects: number
}

export interface CaListReport {
  readonly cas: readonly {
    readonly handle: Handle
    readonly parents: readonly Handle[]
    readonly children: readonly Handle[]
    readonly resources: ResourceText
    readonly roas: number
    readonly nextUpdate: Instant | null
  }[]
  /** CAs whose state is damaged. */
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
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
export async function placeUnder(
  tx: TransactionContext,
  handle: Handle,
  parent: Handle,
  resources: ResourceSet,
): Promise<void> {
  const aggregate = localParent(tx, parent)
  if (aggregate.kind === 'ta') await runTa(tx, parent, { type: 'child.add', child: handle, resources })
  else await runCa(tx, parent, { type: 'child.add', child: handle, resources })
  await useLocalRepository(tx, handle)
  await runCa(tx, handle, {
    type: 'parent.add',
    parent,
    contact: { transport: 'local', aggregate, childName: handle },
  })
  await syncResources(tx, handle)
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
  const server = pubdState(tx.work)
  if (server.serial === 0) {
    throw new AppError('rejected', 'pubserver-not-initialised', 'this data directory has no publication server yet', {
      hint: 'brine pubserver init --rsync rsync://… --rrdp https://…',
    })
  }
  const base = publisherBase(server.rsyncBase, handle)
  if (!Object.hasOwn(server.publishers, handle)) await runPubd(tx, { type: 'publisher.add', publisher: handle, base })
  await runCa(tx, handle, { type: 'repository.configure', repository: localRepository(server, base) })
}

/** A repository as commands report it. */
export interface RepositoryRow {
  readonly transport: string
  readonly base: string
  readonly notify?: string
  /** Of a repository elsewhere: the URI that takes the messages, and the server's name for the CA. */
  readonly serviceUri?: string
  readonly publisher?: Handle
}

export function repositoryRow(repository: Repository | null): RepositoryRow | null {
  if (repository === null || repository.transport === 'local') return repository
  const { contact, ...row } = repository
  return { ...row, serviceUri: contact.serviceUri }
}

export function localRepository(server: { readonly rrdpBase: string }, base: string): LocalRepository {
  return { transport: 'local', base, notify: `${server.rrdpBase}notification.xml` }
}

/** Removes a CA: withdraws its objects, and lets its local parents revoke its certificates. */
export async function removeCa(
  session: Session,
  handle: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<CaReport> {
  const useCase = async (tx: TransactionContext) => ({
    resources: await withdrawCa(tx, handle),
    changes: await changeRows(tx, session.timing, options),
  })
  const done = await transact(session, useCase, options)
  return { ca: handle, parent: null, ...done.result, ...outcomeOf(done, 'ca', handle, null, options.dryRun) }
}

async function withdrawCa(tx: TransactionContext, handle: Handle): Promise<ResourceText> {
  const state = knownCa(tx.work, handle)
  const resources = toResourceText(heldResources(state))
  await runCa(tx, handle, { type: 'ca.remove' })
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

/** Returns every CA, sorted by handle, and the damage of those that cannot be read. */
export async function listCas(session: Session): Promise<CaListReport> {
  return session.store.read(async (reader) => {
    const { cas, failed } = readCas(new Work(reader))
    return {
      cas: cas.map((state) => caRow(state, session.timing)),
      failed: failed.map(({ ca, error }) => ({ ca, code: error.code, message: error.message })),
    }
  })
}

function caRow(state: CaState, timing: Timing): CaListReport['cas'][number] {
  return {
    handle: state.handle,
    parents: Object.keys(state.parents).sort() as Handle[],
    children: Object.keys(state.children).sort() as Handle[],
    resources: toResourceText(heldResources(state)),
    roas: Object.keys(state.roas).length,
    nextUpdate: dueTimes(state, timing)?.staleAt ?? null,
  }
}

/** Returns a CA with its resource classes and keys. Throws `ca-unknown`. */
export async function showCa(session: Session, handle: Handle): Promise<CaShowReport> {
  return session.store.read(async (reader) => caDetails(knownCa(new Work(reader), handle)))
}

function caDetails(state: CaState): CaShowReport {
  return {
    handle: state.handle,
    resources: toResourceText(heldResources(state)),
    parents: Object.entries(state.parents).map(([name, p]) => ({
      name: name as Handle,
      transport: p.transport,
      ...(p.transport === 'local'
        ? { aggregate: `${p.aggregate.kind}/${p.aggregate.handle}` }
        : { serviceUri: p.contact.serviceUri }),
    })),
    children: Object.entries(state.children).map(([name, c]) => ({
      name: name as Handle,
      resources: c.resources,
      certificates: Object.keys(c.issued).length,
    })),
    repository: repositoryRow(state.repository),
    roas: Object.keys(state.roas).length,
    classes: Object.values(state.classes).map((c) => ({
      name: c.name,
      parent: c.parent,
      aggregated: c.aggregated,
      keys: c.keys.map((k) => ({
        state: k.state,
        ski: k.ski,
        manifestNumber: k.point.number,
        thisUpdate: k.point.thisUpdate,
        nextUpdate: k.point.nextUpdate,
        notAfter: k.certificate?.notAfter ?? null,
        objects: Object.keys(k.point.objects).length,
      })),
    })),
  }
}
