/** Checks a plan by the rules of the CAs, in a dry run over all of its steps, so that all that is rejected is known before anything changes. */

import { rejection, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { CaPlan, PlanRow } from '../../desired-state/difference.js'
import type { StateFile } from '../../desired-state/read.js'
import { containsPrefix, parseResources } from '../../resources/resource-set.js'
import { fromRoaKey } from '../../resources/roa-payload.js'
import { diffRoaVisibility, type RoaImpact, roaStates } from '../authority/roa-impact.js'
import { CA, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { type RoaUpdate, runStep } from './run-step.js'
import { stepsOf } from './steps.js'
import { type PlacedViolation, planRejected, violationsOf } from './violations.js'

export interface PlanImpact {
  readonly lost: readonly RoaImpact[]
  readonly regained: readonly RoaImpact[]
}

/** Returns the ROAs that a plan withdraws and restores without naming them. Throws all violations at once (rejected). */
export async function checkPlan(session: Session, file: StateFile, plan: readonly CaPlan[]): Promise<PlanImpact> {
  const steps = stepsOf(plan, file)
  if (steps.length === 0) return { lost: [], regained: [] }
  const done = await transact(
    session,
    async (tx) => {
      const found: PlacedViolation[] = []
      const movesResources = steps.some(({ rows }) => rows.some(({ item }) => item !== 'roa'))
      const before = movesResources ? roaStates(tx, session.timing) : undefined
      for (const { ca, rows } of steps) await checkStep(tx, ca, rows, found)
      const impact =
        before === undefined ? { lost: [], regained: [] } : diffRoaVisibility(before, roaStates(tx, session.timing))
      return { found, impact }
    },
    { dryRun: true },
  )
  const { found, impact } = done.result
  if (found.length > 0) throw planRejected(found, file)
  return withoutPlanned(impact, plan)
}

async function checkStep(
  tx: TransactionContext,
  ca: Handle,
  rows: readonly PlanRow[],
  found: PlacedViolation[],
): Promise<void> {
  const refused: PlanRow[] = []
  await runStep(tx, ca, rows, {
    attempt: async (some, act) => {
      // what could not be given is not taken either
      if (some.some((row) => refused.includes(row))) return false
      try {
        await act()
        return true
      } catch (error) {
        const isCovered = coveredBy(refused)
        for (const violation of violationsOf(error)) if (!isCovered(violation)) found.push(placed(ca, some, violation))
        refused.push(...some)
        return false
      }
    },
    // ROAs change nothing that another check looks at, and signing them takes its time
    updateRoas: async (handle: Handle, command: RoaUpdate) => {
      const violations = tx.work.check(CA, handle, command)
      if (violations.length > 0) throw rejection(violations)
    },
  })
}

/** Returns the function that tells if a violation only follows from resources which a parent was refused to give. */
function coveredBy(refused: readonly PlanRow[]): (violation: Violation) => boolean {
  const sets = refused.filter(({ item }) => item === 'parent').map(({ after }) => parseResources(after ?? 'none'))
  return ({ code, details }) => {
    const roa = (details as { readonly roa?: string } | undefined)?.roa
    return (
      code === 'roa-not-held' && roa !== undefined && sets.some((set) => containsPrefix(set, fromRoaKey(roa).prefix))
    )
  }
}

function placed(ca: Handle, rows: readonly PlanRow[], violation: Violation): PlacedViolation {
  const roa = (violation.details as { readonly roa?: string } | undefined)?.roa
  const [first] = rows
  if (roa !== undefined) return { ca, item: 'roa', name: roa, violation }
  return { ca, item: first?.item ?? 'ca', name: first?.name ?? ca, violation }
}

/** Leaves out the ROAs that the plan itself removes. */
function withoutPlanned({ lost, regained }: PlanImpact, plan: readonly CaPlan[]): PlanImpact {
  const removed = new Set(
    plan.flatMap(({ ca, rows }) =>
      rows.filter(({ item, change }) => item === 'roa' && change === 'remove').map(({ name }) => `${ca} ${name}`),
    ),
  )
  return { lost: lost.filter(({ ca, roa }) => !removed.has(`${ca} ${roa}`)), regained }
}
