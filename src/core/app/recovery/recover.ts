/**
 * `recover`: plans, commits the recovery of damaged aggregates, then reconciles parents, children and publication.
 * Invariant: without permission nothing is lost; an aggregate that cannot be rebuilt is left untouched and reported.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { clockBehind, type Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { type CommitMeta, kindWord } from '../../eventsourcing/types.js'
import { type Marker, readMarker, writeMarker } from '../../store/directory/data-dir.js'
import { interruptedGeneration } from '../../store/directory/installation-id.js'
import { applyRecovery } from '../../store/recover/apply.js'
import { recoverySources } from '../../store/recover/evidence.js'
import { loadPlanned } from '../../store/recover/load.js'
import { type ReferencedPlan, repairReferenced, repairsReferenced } from '../../store/recover/objects.js'
import { planAll, type RecoveryPlan } from '../../store/recover/plan-all.js'
import type { AggregatePlan } from '../../store/recover/plan-types.js'
import { rebuildTree } from '../authority/pubserver.js'
import { treeDifferences } from '../proof/referenced-files.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { planReferencedFiles, replayLoaded } from './planned-state.js'
import { reconcileAfterRecovery } from './reconcile.js'
import { asCommitted, type RecoverReport, reportOf, withReconciled } from './report.js'

export interface RecoverOptions {
  /** `KIND/HANDLE`; everything if empty. */
  readonly aggregates?: readonly string[]
  /** Copies of the data directory, or restored backups, from which intact files are taken. */
  readonly from?: readonly string[]
  readonly dryRun?: boolean
  /** Permitted loss: nothing (the default), anything, or exactly the loss that a preview reported. */
  readonly permit?: 'nothing' | 'anything' | { readonly lossKey: string }
}

/** Recovers damaged data. Throws `recover-loses` (corrupt) without permission, `commit-missing`, `standby`, `clock-behind`, `io`. */
export async function recover(session: Session, options: RecoverOptions = {}): Promise<RecoverReport> {
  const { store } = session
  const places = recoverySources(store.layout, options.from ?? [])
  const only = options.aggregates?.length ? options.aggregates : undefined
  if (options.dryRun === true) {
    const plan = planAll(places, store.marker, only)
    const named = planReferencedFiles(places, session.repoDir, plan)
    const served = only === undefined && (await isPublishedTreeOutdated(session))
    const changed = served || !isNothingToRecover(plan, named)
    return { ...reportOf(session, places, plan, named), served, changed, dryRun: true }
  }
  if (interruptedGeneration(store.dir, store.marker) === undefined) refuseStandby(session)
  const report = await store.exclusive(async (fence) => {
    const marker = completedMarker(store.dir)
    const plan = planAll(places, marker, only)
    const named = planReferencedFiles(places, session.repoDir, plan)
    const told = reportOf(session, places, plan, named)
    const nothing = isNothingToRecover(plan, named)
    if (!nothing) assertLossPermitted(told, options.permit ?? 'nothing')
    if (marker.generation !== readMarker(store.dir).generation) writeMarker(store.dir, marker)
    if (nothing) return told
    const commit = withWatch(session, () => {
      fence()
      repairReferenced(store.layout, named)
      return plan.isEmpty ? undefined : commitRecovery(session, plan, told, marker, fence)
    })
    return asCommitted(told, commit)
  })
  if (report.changed) return afterRecovery(session, report).catch(recoveryPending)
  return only === undefined && (await isPublishedTreeOutdated(session)) ? rewritePublishedTree(session, report) : report
}

/** Returns true if the published tree differs from the state of the publication server; false if that state cannot be read. */
async function isPublishedTreeOutdated(session: Session): Promise<boolean> {
  try {
    return await session.store.read(async (reader) => treeDifferences(session, reader).length > 0)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return false
    throw error
  }
}

async function rewritePublishedTree(session: Session, report: RecoverReport): Promise<RecoverReport> {
  await rebuildTree(session)
  return { ...report, served: true, changed: true }
}

/** Completes a recovery: renumbers, updates certificates, publishes, and rewrites the published tree if needed. */
async function afterRecovery(session: Session, report: RecoverReport): Promise<RecoverReport> {
  const { missing, replaced } = report.objects
  let done = report
  if (report.loses || missing.length > 0)
    done = withReconciled(
      report,
      await reconcileAfterRecovery(session, new Set(missing as readonly Sha256[])),
      session.store.marker,
    )
  // links in the published tree may still lead to the damaged files
  const isOutdated = replaced.length + missing.length > 0 || (await isPublishedTreeOutdated(session))
  return isOutdated ? rewritePublishedTree(session, done) : done
}

function isNothingToRecover(plan: RecoveryPlan, named: ReferencedPlan): boolean {
  return plan.isEmpty && !repairsReferenced(named) && named.objects.missing.length === 0
}

/** Returns the marker that an interrupted recovery would have written in its second step. */
function completedMarker(dir: string): Marker {
  const marker = readMarker(dir)
  return { ...marker, generation: interruptedGeneration(dir, marker) ?? marker.generation }
}

function assertLossPermitted(report: RecoverReport, permit: NonNullable<RecoverOptions['permit']>): void {
  if (!(report.loses || report.losesHistory) || permit === 'anything') return
  if (permit === 'nothing') {
    const what = report.loses ? 'lose commands' : 'give up recorded history'
    throw new AppError('corrupt', 'recover-loses', `this recovery would ${what}`, {
      hint: `to list ${report.loses ? 'them' : 'it'}: brine recover --dry-run`,
    })
  }
  if (permit.lossKey === report.lossKey) return
  throw new AppError('locked', 'recover-changed', 'what would be lost has changed since the preview', {
    hint: 'run the command again',
    retry: true,
  })
}

function commitRecovery(
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
      command: { type: 'recover', args: recoveryArgs(told, aggregate) },
      state: replayLoaded<Json>(aggregate.id, loadPlanned(aggregate)),
    }),
  })
}

function metaOf(session: Session, at: Instant): CommitMeta {
  const { actor, osUser, host, reason } = session.options
  const who = { at, actor, osUser, host, configDigest: session.configDigest }
  return reason === undefined ? who : { ...who, reason }
}

/** Maximum number of entries of each list in the stored command. The rest is only counted, so that the history does not grow with what it lost. */
const LISTED = 1000

function recoveryArgs(told: RecoverReport, { id }: AggregatePlan): Json {
  const own = told.aggregates.find((a) => a.kind === kindWord(id.kind) && a.handle === id.handle)
  if (own === undefined) return {}
  const { corrupt, replaced, gone, lost, surplus, snapshot } = own
  const listed = (names: readonly string[]): Json => names.slice(0, LISTED)
  return {
    snapshot,
    corrupt: listed(corrupt),
    replaced: listed(replaced),
    gone: listed(gone),
    surplus: surplus.length,
    lost: lost.slice(0, LISTED).map((l) => ({ ...l })),
    lostTotal: lost.length,
  }
}

/** Runs the commit and keeps the watch up to date, from which an interrupt reports what is durable. */
function withWatch<T>(session: Session, work: () => T): T {
  const { watch } = session.options
  if (watch !== undefined) watch.changed = 'unknown'
  const result = work()
  if (watch !== undefined) watch.changed = 'yes'
  return result
}

/** Throws `recover-pending`: the recovery is durable, but a later step failed. */
function recoveryPending(cause: unknown): never {
  if (!(cause instanceof AppError) || cause.kind === 'pending' || cause.kind === 'uncertain') throw cause
  throw rewrap(cause, {
    kind: 'pending',
    code: 'recover-pending',
    message: `recovered, but parents, children and publication are not yet reconciled: ${cause.message}`,
    hint: 'fix the cause, then run: brine tick',
    changed: 'yes',
    retry: false,
  })
}
