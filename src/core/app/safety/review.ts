/** Reviews what a command has changed before it is committed: the guard of routes, and the limits of one change. */
import type { SafetyOptions } from '../../base/context.js'
import type { Violation } from '../../base/errors.js'
import type { Rejected, Work } from '../../eventsourcing/work.js'
import type { TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { guardRoutes } from './guard.js'
import { emptiedViolations, expiryViolations, removalViolations, sizeViolations } from './limits.js'
import { vrpChanges } from './vrp-changes.js'

/**
 * Throws a `Rejected` of the first CA or trust anchor that was changed, with every violation, so that history records it. The limits are
 * lifted by `isAccepted`, the guard by `allowInvalidRepository`; nothing lifts the limits of validators.
 */
export async function reviewChange(
  session: Session,
  { work, ports }: TransactionContext,
  safety: SafetyOptions,
): Promise<void> {
  const changes = vrpChanges(work)
  const limits = safety.isAccepted
    ? []
    : [
        ...removalViolations(work, changes, safety.maxRemovals),
        ...(safety.maxRemovals === undefined ? emptiedViolations(work) : []),
        ...expiryViolations(work, ports.timing.publishJitterSeconds),
      ]
  const payloads = changes.flatMap(({ added, removed }) => [...added, ...removed])
  const isGuarded = !safety.allowInvalidRepository && payloads.length > 0
  const routes = isGuarded ? await guardRoutes(session, work, payloads, safety) : []
  refuse(work, [...sizeViolations(work), ...routes, ...limits])
}

function refuse(work: Work, violations: readonly Violation[]): void {
  const [kind, handle] =
    work.touched('ca').length > 0 ? (['ca', work.touched('ca')[0]] as const) : (['ta', work.touched('ta')[0]] as const)
  if (violations.length === 0 || handle === undefined) return
  throw work.refusal({ kind, handle }, violations) satisfies Rejected
}
