/**
 * Exchanges with the parents and repositories elsewhere that are due, for `tick`. Invariants: hosts are asked in parallel and the peers at one host one
 * after the other, parents first, with one message at a time; a host that is down is asked once; a failure stops no other peer, and one that does not answer is asked after the others; nothing is sent under the lock.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import { Work } from '../../../eventsourcing/work.js'
import { hostKeyOf } from '../../../peers/host.js'
import { readExchange } from '../../../peers/last-exchange.js'
import { impactName } from '../../authority/impact.js'
import { soonest } from '../../changes/outcome.js'
import { handlesOfRun, type Indexing } from '../../republishing/due-plan.js'
import type { Session } from '../../session/session.js'
import type { Deliver } from './deliver.js'
import { parentRowsOf, type RemoteParentRow } from './due-parents.js'
import { type RemoteRepositoryRow, repositoryRowsOf } from './due-repositories.js'
import { type Fault, HostQueues, isUnsent, wasSilent } from './host-queues.js'
import { type RefreshReport, refreshParent } from './refresh-parent.js'
import { syncPlace } from './sync-repository.js'

export interface DueReport {
  /** Parents whose answers changed the CA. */
  readonly changed: readonly { readonly ca: Handle; readonly parent: Handle }[]
  /** CAs whose repository confirmed a change, or was repaired. */
  readonly synced: readonly { readonly ca: Handle; readonly put: number; readonly withdrawn: number }[]
  readonly failed: readonly DueFailure[]
  /** When the next peer is due; null without peers elsewhere. */
  readonly nextDue: Instant | null
}

export interface DueFailure extends Fault {
  readonly ca: Handle
  readonly kind: 'parent' | 'repository'
  /** Handle of the parent, host of the repository. */
  readonly peer: string
}

interface Run {
  readonly session: Session
  readonly deliver: Deliver
  readonly queues: HostQueues
  readonly repositories: readonly RemoteRepositoryRow[]
  /** Repositories that wait for their turn, by CA and place: what changes before it is sent with it. */
  readonly waiting: Set<string>
  readonly changed: DueReport['changed'][number][]
  readonly synced: Map<Handle, DueReport['synced'][number]>
  /** By kind, CA and peer: of several exchanges with one peer the last. */
  readonly failed: Map<string, DueFailure>
}

/** Refreshes every parent and synchronises every repository that is due. Throws only what keeps the directory from being read. */
export async function refreshDue(session: Session, deliver: Deliver, index?: Indexing): Promise<DueReport> {
  const now = session.now()
  const before = await readPeers(session, index)
  const { parents, repositories } = before
  const queues = new HostQueues()
  const run: Run = {
    ...{ session, queues, repositories },
    deliver: (message) => queues.send(hostKeyOf(message.to.serviceUri), message, () => deliver(message)),
    ...{ waiting: new Set(), changed: [], synced: new Map(), failed: new Map() },
  }
  const due = <T extends Pick<RemoteParentRow, 'nextDue' | 'exchange'>>(
    rows: readonly T[],
    silent: boolean,
  ): readonly T[] =>
    longestAgo(rows.filter(({ nextDue, exchange }) => isDue(nextDue, now) && wasSilent(exchange) === silent))
  // a queue begins with the first that it gets
  for (const silent of [false, true]) {
    for (const row of due(parents, silent)) addParent(run, row)
    for (const row of due(repositories, silent)) addRepository(run, row)
  }
  const isAsking = run.queues.isBusy
  await run.queues.drained()
  const byName = (a: { readonly ca: Handle }, b: { readonly ca: Handle }): number => (nameOf(a) < nameOf(b) ? -1 : 1)
  return {
    changed: run.changed.sort(byName),
    synced: [...run.synced.values()].sort(byName),
    failed: [...run.failed.values()].sort(byName),
    nextDue: nextDueOf(isAsking ? await readPeers(session, index) : before, now),
  }
}

const isDue = (at: Instant | null | undefined, now: Instant): boolean => at === null || (at !== undefined && at <= now)

function nameOf(row: {
  readonly ca: Handle
  readonly kind?: string
  readonly peer?: string
  readonly parent?: string
}) {
  return `${row.ca}\0${row.kind ?? ''}\0${row.peer ?? row.parent ?? ''}`
}

/** Returns those first that were asked longest ago: behind a host that is down each has its turn. */
function longestAgo<T extends Pick<RemoteParentRow, 'exchange'>>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => ((a.exchange?.at ?? '') < (b.exchange?.at ?? '') ? -1 : 1))
}

interface Peers {
  readonly parents: readonly RemoteParentRow[]
  readonly repositories: readonly RemoteRepositoryRow[]
}

/** Reads them of the CAs that the index names, which are those with peers elsewhere. */
function readPeers(session: Session, index: Indexing | undefined): Promise<Peers> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const handles = handlesOfRun(session, reader, work, index)
    const cas = work.handles('ca').filter((handle) => handles?.has(handle) ?? true)
    return { parents: parentRowsOf(session, work, cas), repositories: repositoryRowsOf(session, work, cas) }
  })
}

/** Returns when the next peer is due; those that were asked are due at another time after it. */
function nextDueOf({ parents, repositories }: Peers, now: Instant): Instant | null {
  return [...parents, ...repositories].reduce<Instant | null>(
    (soon, { nextDue }) => (nextDue === undefined ? soon : soonest(soon, nextDue ?? now)),
    null,
  )
}

function addParent(run: Run, { ca, parent, contact, exchange }: RemoteParentRow): void {
  const { session, deliver, changed, failed } = run
  run.queues.add(hostKeyOf(contact.contact.serviceUri), {
    changes: ca,
    isLast: wasSilent(exchange),
    run: () =>
      refreshOne(session, ca, parent, deliver, () => {
        changed.push({ ca, parent })
        for (const repository of run.repositories) if (repository.ca === ca) addRepository(run, repository)
      }),
    onFault: (fault) => keepFailure(failed, { ca, kind: 'parent', peer: parent, ...fault }),
  })
}

function addRepository(run: Run, row: RemoteRepositoryRow): void {
  const { ca, peer, place, contact, exchange } = row
  const { waiting, failed } = run
  const key = `${ca}\0${place}`
  if (waiting.has(key)) return
  waiting.add(key)
  run.queues.add(hostKeyOf(contact.contact.serviceUri), {
    isLast: wasSilent(exchange),
    run: async () => {
      waiting.delete(key)
      const fault = await syncOne(run, row)
      if (fault === undefined) failed.delete(nameOf({ ca, kind: 'repository', peer }))
      return fault
    },
    onFault: (fault) => {
      waiting.delete(key)
      keepFailure(failed, { ca, kind: 'repository', peer, ...fault })
    },
  })
}

function keepFailure(failed: Run['failed'], failure: DueFailure): void {
  // the failure of the peer itself explains more than the later one that it was left out
  if (!isUnsent(failure.code) || !failed.has(nameOf(failure))) failed.set(nameOf(failure), failure)
}

/** Refreshes a CA from one parent and returns what failed; undefined if nothing did. */
async function refreshOne(
  session: Session,
  ca: Handle,
  parent: Handle,
  deliver: Deliver,
  onChange: () => void,
): Promise<Fault | undefined> {
  return faultOf(async () => {
    const { changed, requests, findings, lost } = await refreshParent(session, ca, parent, { deliver }).catch(
      (error: unknown) => {
        // what came before the failure is published still
        if (error instanceof AppError && error.changed === 'yes') onChange()
        throw error
      },
    )
    if (changed) onChange()
    const bad = requests.find(({ outcome }) => outcome === 'failed' || outcome === 'refused')
    if (bad === undefined) return findings[0] ?? lossFault(lost)
    const { outcome, kind, ski, message } = bad
    const last = readExchange(session.options.dataDir, { kind: 'parent', ca, peer: parent })
    const code = outcome === 'refused' ? 'parent-refused' : (last?.code ?? 'answer-invalid')
    return { code, message: `${kind} of key ${ski} ${outcome}${message === null ? '' : `: ${message}`}` }
  })
}

/** Returns what a parent took away: it is obeyed, and the operator has to know which networks it concerns. */
function lossFault(lost: RefreshReport['lost']): Fault | undefined {
  if (lost.length === 0) return undefined
  const named = lost.slice(0, MOST_NAMED).map((one) => `${one.ca}: ${impactName(one)}`)
  const more =
    lost.length > MOST_NAMED ? `, and ${lost.length - MOST_NAMED} more: brine roa list, aspa list, router list` : ''
  const counts = [
    ['ROA', lost.filter((one) => 'roa' in one).length] as const,
    ['ASPA', lost.filter((one) => 'aspa' in one).length] as const,
    ['router key', lost.filter((one) => 'router' in one).length] as const,
  ]
  const what = counts
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`)
    .join(' and ')
  return { code: 'objects-lost', message: `no longer held and withdrawn: ${what}: ${named.join(', ')}${more}` }
}

/** ROAs, ASPAs and router keys that one line names. */
const MOST_NAMED = 50

/** Synchronises a CA with its repository and returns what failed; undefined if nothing did. */
async function syncOne(run: Run, { ca, place }: RemoteRepositoryRow): Promise<Fault | undefined> {
  const { session, deliver, synced } = run
  return faultOf(async () => {
    const { changed, put, withdrawn } = await syncPlace(session, ca, place, { deliver })
    // what the repository that is left has was held back until now
    const left = run.repositories.find((row) => row.ca === ca && row.place === 'leaving')
    if (changed && place === 'current' && left !== undefined) addRepository(run, left)
    const before = synced.get(ca) ?? { put: 0, withdrawn: 0 }
    if (changed) synced.set(ca, { ca, put: before.put + put, withdrawn: before.withdrawn + withdrawn })
    return undefined
  })
}

async function faultOf(exchange: () => Promise<Fault | undefined>): Promise<Fault | undefined> {
  try {
    return await exchange()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // the report names the CA and the peer
    const { code, message } = error.kind === 'pending' && error.cause instanceof AppError ? error.cause : error
    return { code, message }
  }
}
