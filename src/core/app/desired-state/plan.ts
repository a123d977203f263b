/** Use case of `brine plan`: what would lead from a data directory, or from an exported state, to the desired one. Writes nothing. */
import type { Sha256 } from '../../crypto/ports.js'
import { type CaPlan, type Counts, changesOf, countsOf, differenceOf } from '../../desired-state/difference.js'
import { planDigest } from '../../desired-state/digest.js'
import type { StateFile } from '../../desired-state/read.js'
import type { DesiredState } from '../../desired-state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { RoaImpact } from '../authority/roa-impact.js'
import type { Session } from '../session/session.js'
import { checkPlan } from './check.js'
import { currentState } from './current.js'

export interface Plan {
  /** Base of the plan: a data directory, or a file that `brine export` wrote of one. */
  readonly base: 'dataDir' | 'state'
  readonly digest: Sha256
  readonly prune: boolean
  readonly counts: Counts
  /** The CAs that have a difference, by handle. */
  readonly cas: readonly CaPlan[]
  /** ROAs of any CA that are withdrawn since their prefix is no longer held; they stay configured. Not known from an exported state. */
  readonly lost: readonly RoaImpact[]
  /** ROAs that are published again. */
  readonly regained: readonly RoaImpact[]
}

/**
 * Compares a file with a data directory, and checks every change by the rules of the CAs. Throws all that they reject at once, each with its
 * place in the file, and the damage of a CA that the file names.
 */
export async function planState(session: Session, file: StateFile, prune: boolean): Promise<Plan> {
  const current = await session.store.read(async (reader) => currentState({ work: new Work(reader) }, file.cas.keys()))
  const plan = planBetween(current, file, prune, 'dataDir')
  const impact = await checkPlan(session, file, plan.cas)
  return { ...plan, ...impact }
}

/** Compares a file with another state. No rule is checked: what the CAs hold is in the data directory alone. */
export function planBetween(
  current: DesiredState,
  wanted: DesiredState,
  prune: boolean,
  base: Plan['base'] = 'state',
): Plan {
  const cas = differenceOf(current, wanted, prune)
  const digest = planDigest(current, wanted, cas, prune)
  return { base, digest, prune, counts: countsOf(cas), cas, lost: [], regained: [] }
}

/** Returns true if the plan changes something. */
export function changesSomething({ cas }: Pick<Plan, 'cas'>): boolean {
  return cas.some((ca) => changesOf(ca).length > 0)
}
