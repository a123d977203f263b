/**
 * Recovery as people ask for it: what would be lost is told first, then done, then everything is brought together again.
 * Invariant: without permission nothing is lost; what could not be rebuilt is untouched and named.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { clockBehind, type Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { type CommitMeta, kindWord, parseAggregateId } from '../../eventsourcing/types.js'
import { type Marker, readMarker, writeMarker } from '../../store/directory/data-dir.js'
import { interruptedGeneration } from '../../store/directory/installation-id.js'
import { applyRecovery } from '../../store/recover/apply.js'
import { recoverySources } from '../../store/recover/evidence.js'
import { loadPlanned } from '../../store/recover/load.js'
import { type ReferencedPlan, repairReferenced, repairsReferenced } from '../../store/recover/objects.js'
import type { AggregatePlan } from '../../store/recover/plan.js'
import { planAll, type RecoveryPlan } from '../../store/recover/plan-all.js'
import { writeServedTree } from '../authority/pubserver.js'
import { servedDifferences } from '../proof/referenced-files.js'
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'
import { foldOf, namedPlan } from './planned-state.js'
import { reconcileAfterRecovery } from './reconcile.js'
import { finished, type RecoverReport, reportOf, withReconciled } from './report.js'

export interface RecoverOptions {
  /** `KIND/HANDLE`; none: everything. */
  readonly aggregates?: readonly string[]
  /** Copies of the data directory, restored directories. */
  readonly from?: readonly string[]
  readonly dryRun?: boolean
  /** What may be lost: nothing (the default), anything, or what a preview said. */
  readonly permit?: 'nothing' | 'anything' | { readonly lossKey: string }
}

/** Recovers what is damaged. Throws `recover-loses` (corrupt) without permission, `commit-missing`, `standby`, `clock-behind`, `io`. */
export async function recover(session: Session, options: RecoverOptions = {}): Promise<RecoverReport> {
  const { store } = session
  const places = recoverySources(store.layout, options.from ?? [])
  const only = options.aggregates?.length ? options.aggregates.map(parseAggregateId) : undefined
  if (options.dryRun === true) {
    const plan = planAll(places, store.marker.generation, only)
    const named = namedPlan(places, session.repoDir, plan)
    const served = only === undefined && (await servedIsWrong(session))
    const changed = served || !isNothing(plan, named)
    return { ...reportOf(session, places, plan, named), served, changed, dryRun: true }
  }
  if (interruptedGeneration(store.dir, store.marker) === undefined) refuseStandby(session)
  const report = await store.exclusive(async (fence) => {
    const marker = completed(store.dir)
    const plan = planAll(places, marker.generation, only)
    const named = namedPlan(places, session.repoDir, plan)
    const told = reportOf(session, places, plan, named)
    const nothing = isNothing(plan, named)
    if (!nothing) refuseLoss(told, options.permit ?? 'nothing')
    if (marker.generation !== readMarker(store.dir).generation) writeMarker(store.dir, marker)
    if (nothing) return told
    const commit = watched(session, () => {
      fence()
      repairReferenced(store.layout, named)
      return plan.isEmpty ? undefined : carry(session, plan, told, marker, fence)
    })
    return finished(told, commit)
  })
  if (report.changed) return restored(session, report).catch(unfinished)
  return only === undefined && (await servedIsWrong(session)) ? rewritten(session, report) : report
}

/** Is the published tree other than what the publication server's state says? What cannot be read says nothing. */
async function servedIsWrong(session: Session): Promise<boolean> {
  try {
    return await session.store.read(async (reader) => servedDifferences(session, reader).length > 0)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return false
    throw error
  }
}

async function rewritten(session: Session, report: RecoverReport): Promise<RecoverReport> {
  await writeServedTree(session)
  return { ...report, served: true, changed: true }
}

/** What follows from it: numbers, certificates, publication, the served tree. */
async function restored(session: Session, report: RecoverReport): Promise<RecoverReport> {
  const { missing, replaced } = report.objects
  let done = report
  if (report.loses || missing.length > 0)
    done = withReconciled(
      report,
      await reconcileAfterRecovery(session, new Set(missing as readonly Sha256[])),
      session.store.marker,
    )
  // its links may still lead to the bytes that were wrong
  const lags = replaced.length + missing.length > 0 || (await servedIsWrong(session))
  return lags ? rewritten(session, done) : done
}

function isNothing(plan: RecoveryPlan, named: ReferencedPlan): boolean {
  return plan.isEmpty && !repairsReferenced(named) && named.objects.missing.length === 0
}

/** The marker, as the second step of a recovery that was cut short between the two would have left it. */
function completed(dir: string): Marker {
  const marker = readMarker(dir)
  return { ...marker, generation: interruptedGeneration(dir, marker) ?? marker.generation }
}

function refuseLoss(report: RecoverReport, permit: NonNullable<RecoverOptions['permit']>): void {
  if (!report.loses || permit === 'anything') return
  if (permit === 'nothing')
    throw new AppError('corrupt', 'recover-loses', 'this recovery would lose commands', {
      hint: 'brine recover --dry-run names them',
    })
  if (permit.lossKey === report.lossKey) return
  throw new AppError('locked', 'recover-changed', 'what would be lost has changed since it was shown', {
    hint: 'run it again',
    retry: true,
  })
}

function carry(
  session: Session,
  plan: RecoveryPlan,
  told: RecoverReport,
  marker: Marker,
  fence: () => void,
): CommitResult | undefined {
  const { store, config, options } = session
  const last = plan.chain.last?.record.at
  const at = session.clockFor({ at: last }).now()
  if (last !== undefined && at < last) throw clockBehind(at, last)
  return applyRecovery({
    layout: store.layout,
    marker,
    plan,
    meta: metaOf(session, at),
    interval: config.snapshotInterval,
    fence,
    wipePool: () => store.keys.wipePool(),
    warn: (text) => options.onNotice?.(text),
    stage: (aggregate) => ({
      command: { type: 'recover', args: argsOf(told, aggregate) },
      state: foldOf<Json>(aggregate.id, loadPlanned(aggregate)),
    }),
  })
}

function metaOf(session: Session, at: Instant): CommitMeta {
  const { actor, osUser, host, reason } = session.options
  const who = { at, actor, osUser, host, configDigest: session.configDigest }
  return reason === undefined ? who : { ...who, reason }
}

/** More than this of one kind is counted, not listed: history must not grow by what it lost. */
const LISTED = 1000

function argsOf(told: RecoverReport, { id }: AggregatePlan): Json {
  const own = told.aggregates.find((a) => a.kind === kindWord(id.kind) && a.handle === id.handle)
  if (own === undefined) return {}
  const { corrupt, replaced, gone, lost, surplus, snapshot } = own
  const revision = (names: readonly string[]): Json => names.slice(0, LISTED)
  return {
    snapshot,
    corrupt: revision(corrupt),
    replaced: revision(replaced),
    gone: revision(gone),
    surplus: surplus.length,
    lost: lost.slice(0, LISTED).map((l) => ({ ...l })),
    lostTotal: lost.length,
  }
}

/** An interrupt reads the watch to say what has become durable. */
function watched<T>(session: Session, work: () => T): T {
  const { watch } = session.options
  if (watch !== undefined) watch.changed = 'unknown'
  const result = work()
  if (watch !== undefined) watch.changed = 'yes'
  return result
}

/** The state is recovered, whatever stopped what follows. */
function unfinished(cause: unknown): never {
  if (!(cause instanceof AppError) || cause.kind === 'pending' || cause.kind === 'uncertain') throw cause
  throw rewrap(cause, {
    kind: 'pending',
    code: 'recover-pending',
    message: `recovered, but not brought together again: ${cause.message}`,
    hint: 'brine tick goes on as soon as the cause is gone',
    changed: 'yes',
    retry: false,
  })
}
