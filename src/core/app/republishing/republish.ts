/**
 * Republication of everything that is due, in batches of one commit each. Nothing is written if nothing is due.
 * Invariant: a CA that cannot be read or issued never keeps the others from being published.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { clockBehind, type Instant, secondsBetween } from '../../base/time.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { activateDue, type Sync } from '../authority/keyroll-steps.js'
import { syncResources } from '../authority/resource-sync.js'
import type { RetiredKeyRow, RollRow } from '../authority/roll-rows.js'
import { removeReplacedRouters } from '../authority/routers.js'
import { runCa, runTa, type TransactionContext } from '../session/context.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { isHeld, leaveRepositories, publishLocal } from '../transaction/local-publication.js'
import { type RenumberReport, renumberAll } from '../transaction/renumber-all.js'
import { type TransactionResult, transact } from '../transaction/transact.js'
import { handlesOfRun, type Indexing, planDue } from './due-plan.js'
import {
  type FailedCa,
  isDamageElsewhere,
  type PlanOptions,
  planRepublish,
  type RepublishPlan,
} from './republish-plan.js'
import { type AppliedDates, applyDueDates, type DueDatesReport } from './roa-due.js'

export interface RepublishReport {
  readonly republished: readonly Handle[]
  readonly unchanged: readonly Handle[]
  readonly failed: readonly FailedCa[]
  /** Time at which the next run has something to do; null if nothing is published here. */
  readonly nextDue: Instant | null
  /** Time at which the first object goes stale if nothing runs. */
  readonly staleAt: Instant | null
  readonly serial: number | null
  /** Classes whose new key took over. */
  readonly activated: readonly ActivatedClass[]
  /** Key rolls that are still open, and keys whose private half is still stored although no class uses them. */
  readonly rolls: readonly RollRow[]
  readonly retired: readonly RetiredKeyRow[]
  /** True if anything was written, the published tree included. */
  readonly changed: boolean
  /** ROAs that were added or removed at their dates. */
  readonly dated: readonly AppliedDates[]
}

export interface ActivatedClass {
  readonly ca: Handle
  readonly class: string
}

export interface RepublishOptions extends PlanOptions {
  /** Reads only what the due index does not say to be at rest. */
  readonly index?: Indexing
  readonly dryRun?: boolean
  /** Applies the dates of ROAs that have come before anything is issued. */
  readonly applyDates?: boolean
}

/** CAs in one commit: keeps each hold of the lock short, and little is lost by a crash. */
const BATCH = 100

const NO_DATES: DueDatesReport = { applied: [], failed: [] }

/** Seconds that the clock may be behind the last commit: a small correction of the clock is normal, and what is due waits for it. */
const CLOCK_TOLERANCE = 60

/** Issues and publishes what is due. Throws `clock-behind` if the clock is so far behind that nothing would be due. */
export async function republish(session: Session, options: RepublishOptions = {}): Promise<RepublishReport> {
  refuseStandby(session)
  await refuseClockBehind(session)
  const renumbering =
    options.dryRun === true
      ? undefined
      : await renumberAll(session, (reader) => idsOfRun(session, reader, options.index))
  const first = await planWith(session, options)
  const isDated = options.applyDates === true && options.dryRun !== true
  const dates = isDated ? await applyDueDates(session, first) : NO_DATES
  const plan = dates.applied.length === 0 ? first : await planWith(session, options)
  const failed = [...plan.failed, ...dates.failed, ...(renumbering?.failed ?? []).map(failedRenumbering)]
  // a CA whose dated changes are held is published unchanged
  const notRenumbered = new Set(failed.filter((f) => !dates.failed.includes(f)).map((f) => f.ca))
  const due = plan.due.filter((handle) => !notRenumbered.has(handle))
  const { last: ofBatches, activated } = await runBatches(session, plan, due, options, failed)
  let last = ofBatches
  const replan = async (): Promise<RepublishPlan> =>
    last === undefined || options.dryRun === true ? plan : await planWith(session, options)
  let after = await replan()
  if (after.staged.length > 0 && options.dryRun !== true) {
    last = await transact(session, (tx) => publishStaged(tx, after.staged))
    after = await replan()
  }
  if (!after.isPublished && options.dryRun !== true) {
    last = await transact(session, async () => undefined, { publishAlways: true })
    noteRepair(session, last)
    after = await replan()
  }
  const broken = new Set(failed.filter((f) => !dates.failed.includes(f)).map((f) => f.ca))
  const renumbered = new Set(renumbering?.renumbered.filter((id) => id.kind !== 'pubd').map((id) => id.handle) ?? [])
  const republished = plan.all.filter((h) => (due.includes(h) || renumbered.has(h)) && !broken.has(h))
  const tree = last?.tree ?? renumbering?.tree
  return {
    republished,
    unchanged: plan.all.filter((h) => !republished.includes(h) && !broken.has(h)),
    failed: [...failed, ...after.damaged.filter((d) => !broken.has(d.ca))],
    nextDue: after.nextDue,
    staleAt: after.staleAt,
    serial: tree?.serial ?? null,
    activated,
    rolls: after.rolls,
    retired: after.retired,
    dated: dates.applied,
    changed:
      renumbered.size > 0 ||
      dates.applied.length > 0 ||
      (last !== undefined && (last.changed || last.tree?.report.changed === true)),
  }
}

/** Returns the aggregates that may be on the numbers of an earlier generation. */
function idsOfRun(session: Session, reader: StoreReader, index: Indexing | undefined): readonly AggregateId[] {
  const handles = reader.generation === 1 ? undefined : handlesOfRun(session, reader, new Work(reader), index)
  return reader.roster().filter(({ kind, handle }) => kind !== 'ca' || (handles?.has(handle) ?? true))
}

function planWith(session: Session, options: RepublishOptions): Promise<RepublishPlan> {
  return options.index === undefined ? planRepublish(session, options) : planDue(session, options.index, options)
}

/** Warns of a published tree that was modified: what did that may do it again. */
function noteRepair({ options, repoDir }: Session, { tree }: TransactionResult<unknown>): void {
  const parts = tree?.report.repaired ?? []
  if (parts.length > 0)
    options.onNotice?.(
      `${repoDir}: the published tree was incomplete or changed from outside (${parts.join(', ')}), and is written again`,
    )
}

type Batch = TransactionResult<readonly ActivatedClass[]>

interface Batches {
  readonly last: TransactionResult<unknown> | undefined
  readonly activated: readonly ActivatedClass[]
}

/** Reissues what is due. A CA whose new key takes over comes last and alone: its many objects keep no other manifest waiting. */
async function runBatches(
  session: Session,
  { activating }: RepublishPlan,
  due: readonly Handle[],
  options: RepublishOptions,
  failed: FailedCa[],
): Promise<Batches> {
  const quick = due.filter((handle) => !activating.has(handle))
  const batches: (readonly Handle[])[] = []
  for (let start = 0; start < quick.length; start += BATCH) batches.push(quick.slice(start, start + BATCH))
  batches.push(...due.filter((handle) => activating.has(handle)).map((handle) => [handle]))
  let last: Batch | undefined
  const activated: ActivatedClass[] = []
  for (const batch of batches) last = await runBatch(session, batch, options, failed, activated)
  return { last, activated }
}

async function refuseClockBehind(session: Session): Promise<void> {
  const [now, last] = await session.store.read(async (reader) => [session.clockFor(reader).now(), reader.at])
  if (last !== undefined && secondsBetween(now, last) > CLOCK_TOLERANCE) throw clockBehind(now, last)
}

function failedRenumbering({ id, error }: RenumberReport['failed'][number]): FailedCa {
  return { ca: id.handle, code: error.code, message: error.message }
}

/** Reissues `batch` in one commit; where that fails, each CA in a commit of its own. Adds those that still fail to `failed`. */
async function runBatch(
  session: Session,
  batch: readonly Handle[],
  options: RepublishOptions,
  failed: FailedCa[],
  activated: ActivatedClass[],
): Promise<Batch | undefined> {
  try {
    const done = await transact(session, (tx) => reissueAll(tx, batch, options.force === true), options)
    activated.push(...done.result)
    return done
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    const [only] = batch
    if (batch.length === 1 && only !== undefined) {
      failed.push({ ca: only, code: error.code, message: error.message })
      return undefined
    }
  }
  let last: Batch | undefined
  for (const handle of batch) last = (await runBatch(session, [handle], options, failed, activated)) ?? last
  return last
}

async function reissueAll(
  tx: TransactionContext,
  handles: readonly Handle[],
  force: boolean,
): Promise<readonly ActivatedClass[]> {
  const activated: ActivatedClass[] = []
  for (const handle of handles) {
    if (tx.work.exists('ta', handle)) await runTa(tx, handle, { type: 'republish', force })
    else {
      const sync: Sync = (_, names) => syncIfReadable(tx, names, handle)
      const issued = await sync(tx, handle)
      const classes = await activateDue(tx, handle, sync)
      activated.push(...classes.map((name) => ({ ca: handle, class: name })))
      const removed = await removeReplacedRouters(tx, handle)
      const isIssued = issued.includes(handle) || classes.length + removed.length > 0
      await runCa(tx, handle, { type: 'republish', force: force && !isIssued })
      await leaveRepositories(tx, [handle])
    }
  }
  // a change that waited for this run is published although nothing is issued now
  if (!isHeld(tx)) await publishLocal(tx, handles)
  return activated
}

async function publishStaged(tx: TransactionContext, publishers: readonly Handle[]): Promise<void> {
  if (!isHeld(tx)) await publishLocal(tx, publishers)
}

/** Syncs CAs with their parents. A damaged parent, or a damaged child below, does not keep the CA `of` from its next manifest. */
async function syncIfReadable(
  tx: TransactionContext,
  handles: Handle | readonly Handle[],
  of: Handle,
): Promise<readonly Handle[]> {
  try {
    return await syncResources(tx, handles)
  } catch (error) {
    if (!isDamageElsewhere(error, of)) throw error
    if (typeof handles === 'string' || handles.length < 2) return []
    // one by one: damage beside one CA does not stop the others
    const changed: Handle[] = []
    for (const handle of handles) changed.push(...(await syncIfReadable(tx, handle, of)))
    return changed
  }
}
