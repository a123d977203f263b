/** Reviews what a command has changed before it is committed: the guard of routes, and the limits of one change. */
import type { SafetyOptions } from '../../base/context.js'
import type { Violation } from '../../base/errors.js'
import type { AggregateId } from '../../eventsourcing/types.js'
import type { Rejected, Work } from '../../eventsourcing/work.js'
import type { TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { guardRoutes } from './guard.js'
import { emptiedViolations, expiryViolations, removalViolations, sizeViolations } from './limits.js'
import { type VrpChange, vrpChanges } from './vrp-changes.js'

/** Options of a command that accepts nothing, as `brine plan` does. */
export const NOTHING_ACCEPTED: SafetyOptions = { isAccepted: false, allowInvalidRepository: false }

/** Throws a `Rejected` of the first CA or trust anchor that was changed, with everything that holds the change, so that history records it. */
export async function reviewChange(
  session: Session,
  { work, ports }: TransactionContext,
  safety: SafetyOptions,
): Promise<void> {
  const changes = vrpChanges(work)
  const routes = await endangeredRoutes(session, work, changes, safety)
  const early = safety.isAccepted ? [] : expiryViolations(work, ports.timing.publishJitterSeconds)
  refuse(work, [...sizeViolations(work), ...routes, ...exceededLimits(work, changes, safety), ...early])
}

/** Returns the limits of removal that the work exceeds. `isAccepted` lifts them, `maxRemovals` replaces them. */
export function exceededLimits(work: Work, changes: readonly VrpChange[], safety: SafetyOptions): readonly Violation[] {
  if (safety.isAccepted) return []
  const removals = removalViolations(work, changes, safety.maxRemovals)
  return safety.maxRemovals === undefined ? [...removals, ...emptiedViolations(work)] : removals
}

/** Returns the routes that the work endangers. Only `allowInvalidRepository` lifts the guard. */
export async function endangeredRoutes(
  session: Session,
  work: Work,
  changes: readonly VrpChange[],
  safety: SafetyOptions,
): Promise<readonly Violation[]> {
  if (safety.allowInvalidRepository) return []
  const payloads = changes.flatMap(({ added, removed }) => [...added, ...removed])
  return payloads.length === 0 ? [] : guardRoutes(session, work, payloads, safety)
}

function refuse(work: Work, violations: readonly Violation[]): void {
  if (violations.length === 0) return
  const id = changedAggregate(work)
  if (id !== undefined) throw work.refusal(id, violations) satisfies Rejected
}

/** Returns the CA, or else the trust anchor, whose history names a refusal of the work: the first that it changed, one that was there before if any. */
export function changedAggregate(work: Work): AggregateId | undefined {
  const ids = (['ca', 'ta'] as const).flatMap((kind) => work.touched(kind).map((handle) => ({ kind, handle })))
  return ids.find((id) => work.reader.load(id) !== undefined) ?? ids[0]
}
