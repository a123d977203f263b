/**
 * Use case of `brine apply`: puts desired state into effect, in one commit for each CA (see steps.ts).
 * Invariant: nothing changes unless every rule accepts the whole plan; a step is committed only if its CA is still as it was planned.
 */
import { AppError, rejection } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { dueTimes } from '../../ca/publishing.js'
import { changesOf, type PlanRow, rowsOf } from '../../desired-state/difference.js'
import type { StateFile } from '../../desired-state/read.js'
import { type Outcome, outcomeOf, soonest } from '../changes/outcome.js'
import { caState, runCa, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { currentState } from './current.js'
import { type ForecastOptions, refuseHeldPlan } from './forecast.js'
import { changesSomething, type Plan } from './plan.js'
import { runStep } from './run-step.js'
import { type Step, stepsOf } from './steps.js'
import { planOutdated, withCa } from './violations.js'

/** Commit of one step. */
export interface AppliedStep extends Omit<Outcome, 'changed' | 'dryRun'> {
  readonly ca: Handle
  /** Numbers of rows of the plan. */
  readonly added: number
  readonly removed: number
  readonly updated: number
}

export interface ApplyReport extends Plan {
  readonly dryRun: boolean
  readonly changed: boolean
  /** The commits, in their order. */
  readonly applied: readonly AppliedStep[]
  /** The CA that failed; null: none did. */
  readonly failed: { readonly ca: Handle; readonly code: string; readonly message: string } | null
  /** CAs whose changes, or the rest of them, were not tried after the failure. */
  readonly left: readonly Handle[]
  readonly nextDue: Outcome['nextDue']
}

/** Limits of a plan that is to be applied. */
export interface ApplyLimits {
  readonly planDigest?: string | undefined
  readonly maxRemovals?: number | undefined
}

/** Throws `plan-differs` (rejected) if the plan is not the one that was reviewed, `plan-removals` (rejected) if it removes too much. */
export function checkLimits(plan: Plan, { planDigest, maxRemovals }: ApplyLimits): void {
  if (planDigest !== undefined && planDigest.toLowerCase() !== plan.digest)
    throw new AppError(
      'rejected',
      'plan-differs',
      `the plan is ${plan.digest} now: the state or the file has changed since`,
      {
        hint: 'read the new plan: brine plan FILE',
        details: { digest: plan.digest },
      },
    )
  const removals = plan.counts.remove + plan.lost.length
  if (maxRemovals !== undefined && removals > maxRemovals)
    throw new AppError(
      'rejected',
      'plan-removals',
      `the plan removes ${removals}, more than --max-removals ${maxRemovals}`,
      {
        hint: 'read what is removed: brine plan FILE',
        details: { removals, maxRemovals },
      },
    )
}

/** Throws what the limits hold and the guard refuses (rejected). History records it, but not for a dry run. */
export async function refuseHeld(
  session: Session,
  file: StateFile,
  plan: Plan,
  options: ForecastOptions & { readonly dryRun: boolean },
): Promise<void> {
  if (plan.held.length === 0) return
  if (options.dryRun) throw rejection(plan.held)
  await refuseHeldPlan(session, file, plan.cas, options)
}

/** Returns the report of a plan that is not carried out. */
export function notApplied(plan: Plan, dryRun: boolean): ApplyReport {
  return {
    ...plan,
    dryRun,
    changed: dryRun && changesSomething(plan),
    applied: [],
    failed: null,
    left: [],
    nextDue: null,
  }
}

/**
 * Carries out a plan whose removals were judged as a whole. Throws the error of the first step if nothing was committed: `plan-outdated` (rejected) where the CA has changed since. A
 * failure after a commit is in the report.
 */
export async function applyPlan(opened: Session, file: StateFile, plan: Plan): Promise<ApplyReport> {
  const session = withoutRemovalLimits(opened)
  const applied: AppliedStep[] = []
  const steps = stepsOf(plan.cas, file)
  for (const [index, step] of steps.entries()) {
    try {
      const done = await commitStep(session, file, plan, step)
      if (done !== undefined) applied.push(done)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const named = withCa(error, step.ca)
      if (applied.length === 0) throw named
      const left = [...new Set(steps.slice(index + 1).map(({ ca }) => ca))].sort()
      return { ...resultOf(plan, applied), failed: { ca: step.ca, code: error.code, message: named.message }, left }
    }
  }
  return resultOf(plan, applied)
}

/** Returns a session for the steps: each keeps the guard and the limits of size and expiry, while the plan has kept those of removals. */
function withoutRemovalLimits(session: Session): Session {
  const { safety } = session.options
  if (safety === undefined) return session
  return { ...session, options: { ...session.options, safety: { ...safety, maxRemovals: Number.POSITIVE_INFINITY } } }
}

function resultOf(plan: Plan, applied: readonly AppliedStep[]): ApplyReport {
  const nextDue = applied.reduce<Outcome['nextDue']>((first, { nextDue: due }) => soonest(first, due), null)
  return { ...notApplied(plan, false), changed: applied.length > 0, applied, nextDue }
}

/** Commits one step. Returns undefined where another command has done it already. */
async function commitStep(session: Session, file: StateFile, plan: Plan, step: Step): Promise<AppliedStep | undefined> {
  const done = await transact(session, async (tx) => {
    if (!step.isLater) refuseChanged(tx, file, plan, step.ca)
    await runStep(tx, step.ca, step.rows, {
      attempt: async (_, act) => {
        await act()
        return true
      },
      update: (ca, command) => runCa(tx, ca, command),
    })
    return caState(tx.work, step.ca)
  })
  const due = dueTimes(done.result, session.timing)?.due ?? null
  const of = (change: PlanRow['change']): number => step.rows.filter((row) => row.change === change).length
  const { changed, dryRun: _, ...outcome } = outcomeOf(done, 'ca', step.ca, due)
  return changed
    ? { ca: step.ca, added: of('add'), removed: of('remove'), updated: of('update'), ...outcome }
    : undefined
}

/** Throws `plan-outdated` if what leads this CA to the file is not what the plan says. */
function refuseChanged(tx: TransactionContext, file: StateFile, { cas, prune }: Plan, ca: Handle): void {
  const now = changesOf({ rows: rowsOf(currentState(tx, [ca]).cas.get(ca), file, ca, prune) })
  const planned = cas.find((one) => one.ca === ca)
  if (planned !== undefined && JSON.stringify(changesOf(planned)) === JSON.stringify(now)) return
  throw planOutdated()
}
