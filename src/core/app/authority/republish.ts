/**
 * Republishing: everything that is due, decided without the lock, and nothing when nothing is due.
 * Invariant: one CA that cannot be read or issued never keeps the others from being published.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, type Table } from '../../base/record.js'
import { clockBehind, earlier, type Instant, secondsBetween } from '../../base/time.js'
import { dueTimes } from '../../ca/publishing.js'
import type { CaState, Parent } from '../../ca/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Child } from '../../issuing/children.js'
import type { DueTimes } from '../../issuing/due.js'
import type { Timing } from '../../issuing/timing.js'
import { taDueTimes } from '../../ta/certificate.js'
import { caState, knownCa, pubdState, runCa, runTa, type TransactionContext, taState } from '../transaction/context.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { isUnpublished } from '../transaction/local-publication.js'
import { soonest } from '../transaction/outcome.js'
import { isTreePublished } from '../transaction/publish-tree.js'
import { type RenumberReport, renumberAll } from '../transaction/renumber-all.js'
import { needsRenumbering } from '../transaction/renumbering.js'
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'
import { type TransactionResult, transact } from '../transaction/transact.js'
import { objectDamage } from './object-damage.js'
import { syncResources } from './resource-sync.js'

export interface RepublishReport {
  readonly republished: readonly Handle[]
  readonly unchanged: readonly Handle[]
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
  /** When the next run has something to do; null when nothing is published here. */
  readonly nextDue: Instant | null
  /** When the first object goes stale if nothing runs. */
  readonly staleAt: Instant | null
  readonly serial: number | null
  /** Was anything written? */
  readonly changed: boolean
}

export interface RepublishOptions {
  /** Only these; undefined: all, the trust anchor included. */
  readonly handles?: readonly Handle[]
  /** Also what is not due. */
  readonly force?: boolean
  readonly dryRun?: boolean
  /** Also looks whether every published object is there: a stat each. */
  readonly inspect?: boolean
}

/** CAs in one commit: a hold of the lock stays short, and a crash loses little. */
const BATCH = 100

/** Seconds: a clock that is set a little back is nobody's fault, and what is due waits for it anyway. */
const CLOCK_TOLERANCE = 60

/** Issues and publishes what is due. Throws `clock-behind` where the clock is so wrong that nothing seems due. */
export async function republish(session: Session, options: RepublishOptions = {}): Promise<RepublishReport> {
  refuseStandby(session)
  await refuseWrongClock(session)
  const caught = options.dryRun === true ? undefined : await renumberAll(session)
  const plan = await planRepublish(session, options)
  const failed = [...plan.failed, ...(caught?.failed ?? []).map(failedJump)]
  const stuck = new Set(failed.map((f) => f.ca))
  const due = plan.due.filter((handle) => !stuck.has(handle))
  let last: TransactionResult<unknown> | undefined
  for (let at = 0; at < due.length; at += BATCH)
    last = await runBatch(session, due.slice(at, at + BATCH), options, failed)
  if (last === undefined && !plan.served && options.dryRun !== true)
    last = await transact(session, async () => undefined, { publishAlways: true })
  const after = last === undefined || options.dryRun === true ? plan : await planRepublish(session, options)
  const broken = new Set(failed.map((f) => f.ca))
  const jumped = new Set(caught?.renumbered.filter((id) => id.kind !== 'pubd').map((id) => id.handle) ?? [])
  const republished = plan.all.filter((h) => (due.includes(h) || jumped.has(h)) && !broken.has(h))
  const served = last?.tree ?? caught?.tree
  return {
    republished,
    unchanged: plan.all.filter((h) => !republished.includes(h) && !broken.has(h)),
    failed: [...failed, ...after.damaged.filter((d) => !broken.has(d.ca))],
    nextDue: after.nextDue,
    staleAt: after.staleAt,
    serial: served?.serial ?? null,
    changed: jumped.size > 0 || (last !== undefined && (last.changed || last.tree?.report.changed === true)),
  }
}

async function refuseWrongClock(session: Session): Promise<void> {
  const [now, last] = await session.store.read(async (reader) => [session.clockFor(reader).now(), reader.at])
  if (last !== undefined && secondsBetween(now, last) > CLOCK_TOLERANCE) throw clockBehind(now, last)
}

function failedJump({ id, error }: RenumberReport['failed'][number]): RepublishReport['failed'][number] {
  return { ca: id.handle, code: error.code, message: error.message }
}

async function runBatch(
  session: Session,
  batch: readonly Handle[],
  options: RepublishOptions,
  failed: { ca: Handle; code: string; message: string }[],
): Promise<TransactionResult<unknown> | undefined> {
  try {
    return await transact(session, (tx) => reissueAll(tx, batch, options.force === true), options)
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    const [only] = batch
    if (batch.length === 1 && only !== undefined) {
      failed.push({ ca: only, code: error.code, message: error.message })
      return undefined
    }
  }
  let last: TransactionResult<unknown> | undefined
  for (const handle of batch) last = (await runBatch(session, [handle], options, failed)) ?? last
  return last
}

async function reissueAll(tx: TransactionContext, handles: readonly Handle[], force: boolean): Promise<void> {
  for (const handle of handles) {
    if (tx.work.exists('ta', handle)) await runTa(tx, handle, { type: 'republish', force })
    else {
      const issued = await followParents(tx, handle)
      await runCa(tx, handle, { type: 'republish', force: force && !issued.includes(handle) })
    }
  }
}

/** A parent, or a child below, that cannot be read does not keep this CA from its next manifest. */
async function followParents(tx: TransactionContext, handle: Handle): Promise<readonly Handle[]> {
  try {
    return await syncResources(tx, handle)
  } catch (error) {
    if (damageElsewhere(error, handle)) return []
    throw error
  }
}

function damageElsewhere(error: unknown, handle: Handle): boolean {
  if (!(error instanceof AppError) || error.kind !== 'corrupt') return false
  const { aggregate } = error.details as { readonly aggregate?: string }
  return aggregate !== undefined && aggregate !== `ca/${handle}` && !aggregate.startsWith('pubserver/')
}

export interface RepublishPlan {
  readonly all: readonly Handle[]
  readonly due: readonly Handle[]
  /** Wanted content that the publication server does not have yet. */
  readonly unpublished: readonly Handle[]
  readonly times: ReadonlyMap<Handle, DueTimes>
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
  /** Those that can be read but lack an object; empty unless asked for. */
  readonly damaged: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
  /** Does the served tree show the newest state? */
  readonly served: boolean
}

/** What is due, without the lock: the trust anchor first, then CAs by handle. */
export function planRepublish(session: Session, options: RepublishOptions = {}): Promise<RepublishPlan> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const now = session.clockFor(reader).now()
    const tx = { work }
    for (const handle of options.handles ?? []) if (!work.exists('ta', handle)) knownCa(work, handle)
    const handles = options.handles ?? [...work.handles('ta'), ...work.handles('ca')]
    const failed: { ca: Handle; code: string; message: string }[] = []
    const server = attempt(failed, 'pubserver/0' as Handle, () => pubdState(work))
    const outdatedHandles = new Set(needsRenumbering(reader, reader.roster()).map((id) => id.handle))
    const times = new Map<Handle, DueTimes>()
    const late: Handle[] = []
    const due: Handle[] = []
    let nextDue: Instant | null = null
    let staleAt: Instant | null = null
    for (const handle of handles) {
      const own = attempt(failed, handle, () => timesOf(work, handle, session.timing))
      if (own === undefined || own === null) continue
      if (server !== undefined && isUnpublished(tx, handle)) late.push(handle)
      const lags = outdatedHandles.has(handle) || late.includes(handle)
      const when = { due: lags ? earlier(now, own.due) : own.due, staleAt: own.staleAt }
      times.set(handle, when)
      if (options.force === true || lags || own.due <= now) due.push(handle)
      nextDue = soonest(nextDue, when.due)
      staleAt = soonest(staleAt, when.staleAt)
    }
    const served = server === undefined || isTreePublished(session, tx)
    const all = [...times.keys()]
    const damaged = (options.inspect === true ? all : []).flatMap((ca) => {
      const damage = objectDamage(reader, work, ca)
      return damage === undefined ? [] : [{ ca, ...damage }]
    })
    return { all, due, unpublished: late, times, failed, damaged, nextDue, staleAt, served }
  })
}

function attempt<T>(failed: { ca: Handle; code: string; message: string }[], ca: Handle, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    failed.push({ ca, code: error.code, message: error.message })
    return undefined
  }
}

function timesOf(work: Work, handle: Handle, timing: Timing): DueTimes | null {
  if (work.exists('ta', handle)) return taDueTimes(taState(work, handle), timing)
  const state = caState(work, handle)
  const times = dueTimes(state, timing)
  return times === null ? null : { ...times, due: soonest(times.due, renewalDue(work, state)) ?? times.due }
}

/** A parent's certificate for us that differs from the one we hold is due now. */
function renewalDue(work: Work, state: CaState): Instant | null {
  for (const { parent, keys } of Object.values(state.classes)) {
    const contact = entry(state.parents, parent)
    if (contact === undefined) continue
    const children = childrenOf(work, state, contact.aggregate)
    for (const key of keys) {
      const issued = entry(entry(children, contact.childName)?.issued ?? {}, key.ski)
      if (issued !== undefined && issued.sha256 !== key.certificate?.sha256) return '1970-01-01T00:00:00Z' as Instant
    }
  }
  return null
}

/** None where the parent cannot be read: that is told as its own failure. */
function childrenOf(work: Work, state: CaState, { kind, handle }: Parent['aggregate']): Table<Child> {
  try {
    return kind === 'ta' ? taState(work, handle).children : caState(work, handle).children
  } catch (error) {
    if (damageElsewhere(error, state.handle)) return {}
    throw error
  }
}
