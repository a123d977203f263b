/**
 * `clock reset`: the way back after the clock was ahead. One recorded command that issues what lies in the future again, at the present.
 * Invariants: its commit is the only one that may be earlier than the commit before it; manifest and CRL numbers and RRDP serials go on rising
 * (RFC 9286 section 4.2.1, RFC 8182 section 3.3.1); an aggregate that cannot be reset keeps no other one from it.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { est } from '../../est/aggregate.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { ha } from '../../ha/aggregate.js'
import { resetHosts } from '../../peers/host.js'
import { republish } from '../republishing/republish.js'
import { caState, runCa, runPubd, runTa, type TransactionContext } from '../session/context.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { NeedsRenumbering } from '../transaction/commit.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { type HighWaterMark, numberBeyond, readHighWaterMark } from '../transaction/high-water-mark.js'
import type { PublishedTree } from '../transaction/publish-tree.js'
import type { RenumberReport } from '../transaction/renumber-all.js'
import { needsRenumbering } from '../transaction/renumbering.js'
import { commitWithRetry } from '../transaction/retry.js'
import { caFuture, type FutureReport, futureAt, TA_CERTIFICATE, taFuture } from './future.js'
import { type KnownRevocations, revocationsBefore } from './revocations.js'

export interface ClockResetReport extends FutureReport {
  /** Aggregates whose times were set to the present. */
  readonly reset: readonly string[]
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** RRDP serial that publishes the change; null if nothing is published here. */
  readonly serial: number | null
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Aggregates in one commit: keeps each hold of the lock short. */
const BATCH = 100

/** The publication server first, since its times go with each publication; then issuers before what they certify. */
const ORDER = ['pubd', 'ta', 'ca', 'ha', 'est'] as const

/**
 * Sets every time of the future to the present and publishes. Nothing of the future: a no-op. Throws `reason-missing` (usage), `standby`,
 * `locked`, `io`.
 */
export async function resetClock(
  session: Session,
  options: { readonly dryRun?: boolean } = {},
): Promise<ClockResetReport> {
  if (session.options.reason === undefined)
    throw new AppError('usage', 'reason-missing', '--reason is required', {
      hint: 'brine clock reset --reason "..." (it is recorded in history)',
    })
  refuseStandbyReset(session)
  const plan = await planReset(session)
  const { future } = plan
  const none = { ...future, reset: [], failed: future.broken, serial: null, dryRun: options.dryRun === true }
  const changed = plan.ids.length > 0 || future.hosts.length > 0
  if (options.dryRun === true || !changed) return { ...none, changed }
  const done = await applyReset(session, plan)
  if (plan.ids.length === 0) return { ...none, changed }
  // children take the certificates that were issued again
  const after = await republish(session)
  return {
    ...future,
    reset: done.renumbered.map(formatAggregateId),
    failed: [
      ...future.broken,
      ...done.failed.map(({ id, error }) => ({
        aggregate: formatAggregateId(id),
        code: error.code,
        message: error.message,
      })),
      ...after.failed.map(({ ca, code, message }) => ({ aggregate: ca as string, code, message })),
    ],
    serial: after.serial ?? done.tree?.serial ?? null,
    changed: true,
    dryRun: false,
  }
}

/** Throws `standby` for a directory that may not write, and says how it gets the present time. */
function refuseStandbyReset(session: Session): void {
  try {
    refuseStandby(session)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'standby') throw error
    throw new AppError('standby', error.code, error.message, {
      hint: 'reset the clock on the primary and copy again; or make this directory the primary: brine promote --clock-is-right --reason "…"',
    })
  }
}

export interface ResetPlan {
  readonly future: FutureReport
  readonly ids: readonly AggregateId[]
  readonly toRenumber: ReadonlySet<string>
  readonly mark: HighWaterMark
}

/**
 * Returns what a reset concerns: aggregates with times of the future, and after a promote those whose numbers have not been advanced, since
 * the published tree may be of the future too.
 */
export async function planReset(session: Session): Promise<ResetPlan> {
  const mark = await readHighWaterMark(session)
  return session.store.read(async (reader) => {
    const future = futureAt(reader, session.now(), session.store.dir)
    const broken = new Set(future.broken.map(({ aggregate }) => aggregate))
    const toRenumber = new Set(needsRenumbering(reader, reader.roster()).map(formatAggregateId))
    const named = new Set([...future.aggregates.map(({ aggregate }) => aggregate), ...toRenumber])
    // a CA is published by the server in the same commit
    const hasPublished = [...named].some((name) => /^(?:ca|ta)\//.test(name))
    if (hasPublished && reader.roster().some(({ kind }) => kind === 'pubd')) named.add('pubserver/0')
    const isConcerned = (name: string): boolean => named.has(name) && !broken.has(name)
    const ids = reader.roster().filter((id) => isConcerned(formatAggregateId(id)))
    const rank = ({ kind }: AggregateId): number => ORDER.indexOf(kind)
    return { future, ids: [...ids].sort((a, b) => rank(a) - rank(b)), toRenumber, mark }
  })
}

/** Resets the signing times toward peers, and the aggregates of a plan in batches of one commit each. Throws errors that concern the whole directory. */
export async function applyReset(session: Session, plan: ResetPlan): Promise<RenumberReport> {
  const { now } = plan.future
  // a peer refuses the first message that is earlier than the last one: the clock of a host is not held up by an aggregate that fails
  resetHosts(session.store.dir, now)
  const revoked = new Map<string, KnownRevocations>()
  for (const { aggregate, points } of plan.future.aggregates)
    if (points.length > 0) revoked.set(aggregate, await revocationsBefore(session, aggregate, now))
  const resetting: Session = { ...session, resetsClock: true, clockFor: () => ({ now: session.now }) }
  const failed: RenumberReport['failed'][number][] = []
  let tree: PublishedTree | undefined
  for (let start = 0; start < plan.ids.length; start += BATCH)
    tree = (await resetBatch(resetting, plan.ids.slice(start, start + BATCH), { ...plan, revoked }, failed)) ?? tree
  return { renumbered: plan.ids.filter((id) => !failed.some((f) => f.id === id)), failed, tree }
}

type Known = ResetPlan & { readonly revoked: ReadonlyMap<string, KnownRevocations> }

/** Resets `ids` in one commit; where that fails, each of them in a commit of its own. Adds those that still fail to `failed`. */
async function resetBatch(
  session: Session,
  ids: readonly AggregateId[],
  known: Known,
  failed: RenumberReport['failed'][number][],
): Promise<PublishedTree | undefined> {
  refuseStandby(session)
  try {
    const done = await commitWithRetry(session, (tx) => resetAll(tx, ids, known, session), { renumbers: true })
    return done instanceof NeedsRenumbering ? undefined : done.tree
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    const [only] = ids
    if (ids.length === 1 && only !== undefined)
      (failed as { id: AggregateId; error: AppError }[]).push({ id: only, error })
    if (ids.length < 2) return undefined
  }
  let tree: PublishedTree | undefined
  for (const id of ids) tree = (await resetBatch(session, [id], known, failed)) ?? tree
  return tree
}

async function resetAll(
  tx: TransactionContext,
  ids: readonly AggregateId[],
  { toRenumber, mark, revoked }: Known,
  { enrolment }: Session,
): Promise<void> {
  const now = tx.ports.clock.now()
  const type = 'clock.reset'
  for (const id of ids) {
    const { kind, handle } = id
    const name = formatAggregateId(id)
    const known = revoked.get(name) ?? {}
    const atLeast = toRenumber.has(name) ? numberBeyond(now, mark) : 0
    if (kind === 'pubd') await resetServer(tx, atLeast > 0)
    else if (kind === 'ta') await runTa(tx, handle, { type, ...taArguments(tx, handle, now, known), atLeast })
    else if (kind === 'ca') {
      const { objects } = caFuture(tx.work, handle, now)
      if (caState(tx.work, handle).status !== 'absent')
        await runCa(tx, handle, { type, objects, revoked: known, atLeast })
    } else if (kind === 'ha')
      await tx.work.run(ha, handle, { type }, { clock: tx.ports.clock, breaker: enrolment.breaker })
    else await tx.work.run(est, handle, { type }, { clock: tx.ports.clock })
  }
}

/** In a new generation a new RRDP session begins, as after a promote. */
async function resetServer(tx: TransactionContext, isNewGeneration: boolean): Promise<void> {
  await runPubd(tx, { type: 'clock.reset' })
  if (isNewGeneration) await runPubd(tx, { type: 'session.reset' })
}

function taArguments(tx: TransactionContext, handle: AggregateId['handle'], now: Instant, known: KnownRevocations) {
  const { objects } = taFuture(tx.work, handle, now)
  const names = objects.filter((name) => name !== TA_CERTIFICATE).map((name) => name.slice(name.indexOf('/') + 1))
  return { objects: names, revoked: Object.values(known).flat(), certificate: objects.includes(TA_CERTIFICATE) }
}
