/**
 * Times at which parents elsewhere are asked again, from the last exchange with each and what is open at it.
 * Invariant: pure given the state and the exchange; the jitter is derived from the names, so that a time does not move between two looks.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { addSeconds, earlier, type Instant, later } from '../../../base/time.js'
import { CONFIRM_SECONDS } from '../../../ca/parent-lists.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { CaState, Doubt } from '../../../ca/state/state.js'
import type { Work } from '../../../eventsourcing/work.js'
import { type LastExchange, readExchange } from '../../../peers/last-exchange.js'
import { caState } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { openAt } from '../parent/open-at-parent.js'
import { isFinding } from '../parent/parent-findings.js'

/** A parent that has nothing open is asked after a day. */
export const PERIOD_SECONDS = 86_400
/** Up to so much later, so that many CAs do not ask one parent at the same time. */
const JITTER_SECONDS = 3600
/** After a failure, and while a request is open. */
export const RETRY_SECONDS = 300

/** Facts that the next time to ask a parent follows from. */
export interface ParentFacts {
  readonly ca: Handle
  readonly parent: Handle
  /** Undefined: it was never asked. */
  readonly exchange: Pick<LastExchange, 'at' | 'outcome' | 'lastSuccess' | 'code'> | undefined
  readonly doubts: readonly Doubt[]
  /** Times from which on keys that the CA does not know are revoked. */
  readonly revocations?: readonly Instant[]
  /** True if a request to it is open. */
  readonly isOpen: boolean
}

/** Returns when a parent is to be asked; null: it was never asked, or by a clock that was ahead of `now`, so that it is due. */
export function parentDue(facts: ParentFacts, now: Instant): Instant | null {
  const { ca, parent, exchange, doubts, revocations = [], isOpen } = facts
  if (exchange === undefined || exchange.at > now) return null
  const again = addSeconds(exchange.at, RETRY_SECONDS)
  // a failure says nothing new about a doubt or an open request
  const isComplete = isFinding(exchange)
  if (!isComplete && (exchange.outcome === 'failure' || exchange.lastSuccess === null || isOpen)) return again
  const heard = isComplete ? exchange.at : (exchange.lastSuccess ?? exchange.at)
  let due = addSeconds(heard, PERIOD_SECONDS + jitterOf(ca, parent))
  // one that is held waits for the operator
  for (const { since, held } of doubts) if (!held) due = earlier(due, later(again, addSeconds(since, CONFIRM_SECONDS)))
  for (const at of revocations) due = earlier(due, later(again, at))
  return due
}

/** Returns 0 to 3599 seconds. */
export function jitterOf(ca: Handle, parent: string): number {
  const hash = createHash('sha256').update(`${ca}\0${parent}`).digest()
  return hash.readUInt32BE(0) % JITTER_SECONDS
}

/** A parent elsewhere that can be asked. */
export interface RemoteParentRow {
  readonly ca: Handle
  readonly parent: Handle
  readonly contact: RemoteParent
  readonly state: CaState
  readonly exchange: LastExchange | undefined
  readonly doubts: readonly Doubt[]
  /** Number of requests that are open. */
  readonly open: number
  /** When `tick` asks it; null: now. Undefined: never, as the CA has no repository yet. */
  readonly nextDue: Instant | null | undefined
}

/** Lists the parents elsewhere of each of these CAs that can be read, by CA and parent. */
export function parentRowsOf(
  session: Session,
  work: Work,
  cas: readonly Handle[] = work.handles('ca'),
): readonly RemoteParentRow[] {
  return cas.flatMap((ca) => rowsOf(session, work, ca))
}

function rowsOf(session: Session, work: Work, ca: Handle): readonly RemoteParentRow[] {
  try {
    const state = caState(work, ca)
    if (state.status !== 'active') return []
    const parents = Object.entries(state.parents).sort(([a], [b]) => (a < b ? -1 : 1))
    return parents.flatMap(([parent, contact]) =>
      contact.transport === 'rfc6492' ? [rowOf(session, work, state, parent as Handle, contact)] : [],
    )
  } catch (error) {
    // reported by what republishes the CA
    if (error instanceof AppError && error.kind === 'corrupt') return []
    throw error
  }
}

/** Returns one parent elsewhere with what is due at it. */
export function rowOf(
  session: Session,
  work: Work,
  state: CaState,
  parent: Handle,
  contact: RemoteParent,
): RemoteParentRow {
  const { handle: ca } = state
  const now = session.now()
  const exchange = readExchange(session.options.dataDir, { kind: 'parent', ca, peer: parent })
  const own = Object.values(state.classes).filter((one) => one.parent === parent)
  const doubts = own.flatMap(({ doubt }) => doubt ?? [])
  const open = openAt(state, parent, now, work).length
  const revocations = own.flatMap(({ listed }) => Object.values(listed?.unexpected ?? {}))
  const due = parentDue({ ca, parent, exchange, doubts, revocations, isOpen: open > 0 }, now)
  return { ca, parent, contact, state, exchange, doubts, open, nextDue: state.repository === null ? undefined : due }
}
