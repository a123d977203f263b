/**
 * Revocations that a CRL of the future no longer lists but one of the present must: those of what had expired by then (RFC 5280 section 3.3).
 * They are read from the history of the points concerned.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { CaState } from '../../ca/state/state.js'
import type { PublicationPoint, Revocation } from '../../issuing/point.js'
import type { TaState } from '../../ta/state.js'
import { readPast } from '../proof/past-state.js'
import type { Session } from '../session/session.js'

/** Revocations by key. */
export type KnownRevocations = Readonly<Record<string, readonly Revocation[]>>

/**
 * Returns the revocations of an aggregate in its last state before `now` and in every later one, without what has expired. A history that
 * cannot be replayed is a notice: the CRL then lists what the present state knows.
 */
export async function revocationsBefore(session: Session, aggregate: string, now: Instant): Promise<KnownRevocations> {
  const found: Record<string, Map<string, Revocation>> = {}
  const collect = (state: unknown): void => {
    for (const { ski, point } of pointsOf(state as CaState | TaState))
      for (const revocation of point.revoked) {
        found[ski] ??= new Map()
        if (revocation.expires >= now) found[ski].set(revocation.serial, revocation)
      }
  }
  try {
    await readPast(session, aggregate, (past) => {
      const before = past.positionOf({ at: now })
      collect(past.replayTo(before))
      past.replayTo(past.newest(), {
        command: ({ sequence }, _, after) =>
          void (sequence > before.sequence && after !== undefined && collect(after.value)),
      })
    })
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'rejected')) throw error
    session.options.onNotice?.(`revocations of ${aggregate} before the clock was ahead are unknown: ${error.message}`)
  }
  return Object.fromEntries(Object.entries(found).map(([ski, serials]) => [ski, [...serials.values()]]))
}

function pointsOf(state: CaState | TaState): readonly { readonly ski: string; readonly point: PublicationPoint }[] {
  if ('classes' in state) return Object.values(state.classes).flatMap(({ keys }) => keys)
  return state.key === null ? [] : [{ ski: state.key.ski, point: state.point }]
}
