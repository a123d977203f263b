/**
 * Delivery of what a command has changed to the repositories elsewhere, once, after its commit and without the lock. Invariant: it never undoes
 * or fails the change: what is not confirmed is sent by the next `tick`.
 */
import type { CommandContext, CommitWatch } from '../../../base/context.js'
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { isHeldBack, type Place, syncedAt } from '../../../ca/state/places.js'
import { Work } from '../../../eventsourcing/work.js'
import { readConfirmed } from '../../../peers/confirmed-content.js'
import { hostKeyOf } from '../../../peers/host.js'
import { confirmedRows } from '../../changes/roa-rows.js'
import { caState } from '../../session/context.js'
import { openSession, type Session } from '../../session/session.js'
import { hiddenClasses } from '../../session/suspended-by.js'
import { type Deliver, deliverByHttp } from './deliver.js'
import { remoteRepositoryRows } from './due-repositories.js'
import { HostQueues, wasSilent } from './host-queues.js'
import { syncPlace } from './sync-repository.js'

/** Seconds for the phases of one message and for the turn at its host: a user waits, and `tick` repeats what takes longer. */
const PROMPT = { connect: 5, headers: 15, whole: 20, turn: 10 } as const

/** Maximum of rounds: a confirmation may change a CA of this directory again, as its parent revokes the old key of a roll. */
const ROUNDS = 3

export interface Undelivered {
  readonly ca: Handle
  readonly code: string
  readonly message: string
}

export interface ChangeDelivery {
  /** CAs of the change whose repository elsewhere has confirmed everything. */
  readonly synced: readonly Handle[]
  readonly failed: readonly Undelivered[]
}

/** Sends what the commits of `watch` left unconfirmed. Throws only what keeps the directory from being read. */
export async function deliverChanges(session: Session, watch: CommitWatch, deliver: Deliver): Promise<ChangeDelivery> {
  const tried = new Set<Handle>()
  const failed = new Map<Handle, Undelivered>()
  for (let round = 0; round < ROUNDS && (watch.unsynced?.size ?? 0) > 0; round += 1) {
    const waiting = new Set(watch.unsynced)
    watch.unsynced?.clear()
    const queues = new HostQueues()
    const inTurn: Deliver = (message) => queues.send(hostKeyOf(message.to.serviceUri), message, () => deliver(message))
    const rows = [...(await remoteRepositoryRows(session))]
    // a queue begins with the first that it gets
    for (const row of rows.sort((a, b) => Number(wasSilent(a.exchange)) - Number(wasSilent(b.exchange)))) {
      const { ca, place, contact, state, isUnconfirmed, exchange } = row
      if (!waiting.has(ca) || !isUnconfirmed || failed.has(ca)) continue
      // a later round sends it, after the other repository has confirmed
      if (place === 'leaving' && isHeldBack(state)) continue
      tried.add(ca)
      queues.add(hostKeyOf(contact.contact.serviceUri), {
        isLast: wasSilent(exchange),
        run: () => faultOf(() => syncPlace(session, ca, place, { deliver: inTurn })),
        onFault: (fault) => void failed.set(ca, { ca, ...fault }),
      })
    }
    await queues.drained()
  }
  return { synced: [...tried].filter((ca) => !failed.has(ca)).sort(), failed: [...failed.values()] }
}

async function faultOf(exchange: () => Promise<unknown>): Promise<{ code: string; message: string } | undefined> {
  try {
    await exchange()
    return undefined
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // the warning names the CA
    const { code, message } = error.kind === 'pending' && error.cause instanceof AppError ? error.cause : error
    return { code, message }
  }
}

/**
 * Returns the report of a command after the delivery: `published`, `synced`, `unsynced`, and the state of the ROAs of the CAs that were
 * confirmed, where the report has such members.
 */
export async function withDelivery<R extends object>(
  session: Session,
  report: R,
  { synced, failed }: ChangeDelivery,
): Promise<R> {
  const unsynced = failed.map(({ ca }) => ca).sort()
  const states = await roaStates(session, synced)
  const stateOf = (of: string | null, roa: string): string | undefined => states.get(`${of}\0${roa}`)
  const { unsynced: _, ...rest } = report as R & { readonly unsynced?: unknown }
  const own = Reflect.get(report, 'ca')
  const rows = <T extends object>(key: string, each: (row: T) => T): object => {
    const list: unknown = Reflect.get(report, key)
    return Array.isArray(list) ? { [key]: list.map(each) } : {}
  }
  return {
    ...rest,
    ...('published' in report && unsynced.length === 0 ? { published: true } : {}),
    ...('unconfirmed' in report && synced.includes(own as Handle) ? { unconfirmed: false } : {}),
    ...rows<RoaMember>('addedRoas', (row) => ({ ...row, state: stateOf(`ca/${own}`, row.roa) ?? row.state })),
    ...rows<ChangeMember>('changes', (row) => {
      const state = row.item === 'roa' && row.after === 'pending' ? stateOf(row.of, row.name) : undefined
      return state === undefined ? row : { ...row, after: state }
    }),
    ...rows<CommitMember>('applied', (commit) => deliveredCommit(commit, synced, unsynced)),
    ...(synced.length === 0 ? {} : { synced }),
    ...(unsynced.length === 0 ? {} : { unsynced }),
  } as unknown as R
}

/** A commit of a command that makes several. */
interface CommitMember {
  readonly published: boolean
  readonly unsynced?: readonly Handle[]
}

function deliveredCommit(
  commit: CommitMember,
  synced: readonly Handle[],
  unsynced: readonly Handle[],
): CommitMember & { readonly synced?: readonly Handle[] } {
  const { unsynced: waiting = [], ...rest } = commit
  const [left, done] = [waiting.filter((ca) => unsynced.includes(ca)), waiting.filter((ca) => synced.includes(ca))]
  return {
    ...rest,
    published: rest.published || (waiting.length > 0 && left.length === 0),
    ...(done.length === 0 ? {} : { synced: done }),
    ...(left.length === 0 ? {} : { unsynced: left }),
  }
}

interface RoaMember {
  readonly roa: string
  readonly state: string
}

interface ChangeMember {
  readonly item: string
  readonly of: string | null
  readonly name: string
  readonly after: string | null
}

/** Returns the state of each ROA of some CAs, by `ca/HANDLE` and ROA. */
function roaStates(session: Session, cas: readonly Handle[]): Promise<ReadonlyMap<string, string>> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const options = { timing: session.timing, isHidden: hiddenClasses({ work }) }
    const entries = cas.flatMap((ca) => {
      const state = caState(work, ca)
      const confirmed = (place: Place) =>
        readConfirmed(session.options.dataDir, ca, syncedAt(state, place)?.content)?.objects
      return confirmedRows(state, options, confirmed).map((row) => [`ca/${ca}\0${row.roa}`, row.state] as const)
    })
    return new Map(entries)
  })
}

/** Delivers what a command has changed, as the context of the command says, and returns its report after that. Throws as `deliverChanges`. */
export async function deliverCommand<R extends object>(
  context: CommandContext,
  watch: CommitWatch,
  report: R,
  userAgent: string,
): Promise<{ readonly report: R; readonly failed: readonly Undelivered[] }> {
  const session = await openSession({ ...context, watch })
  const delivery = await deliverChanges(session, watch, deliverByHttp(session, userAgent, undefined, PROMPT))
  return { report: await withDelivery(session, report, delivery), failed: delivery.failed }
}
