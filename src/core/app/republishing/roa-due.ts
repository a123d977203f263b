/**
 * Dates of ROAs that have come: `tick` adds and removes by the command of `roa update`, under its limits and the guard of routes.
 * Invariant: what is held stays due and is tried again by each run; history records that once, and another date is not kept waiting by it.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { dueRoas } from '../../ca/roa-schedule.js'
import { NOTHING_ACCEPTED } from '../safety/review.js'
import { caState, runCa, type TransactionContext } from '../session/context.js'
import { heldChanges, isHeldChange } from '../session/held-changes.js'
import type { Session } from '../session/session.js'
import { concernsWholeDirectory } from '../transaction/errors.js'
import { transact } from '../transaction/transact.js'
import type { FailedCa, RepublishPlan } from './republish-plan.js'

/** Numbers of ROAs that were added and removed at their dates. */
export interface AppliedDates {
  readonly ca: Handle
  readonly added: number
  readonly removed: number
}

export interface DueDatesReport {
  readonly applied: readonly AppliedDates[]
  readonly failed: readonly FailedCa[]
}

/** Applies what is due by the plan, in one commit for each CA and instant. */
export async function applyDueDates(
  opened: Session,
  { scheduled }: Pick<RepublishPlan, 'scheduled'>,
): Promise<DueDatesReport> {
  const applied: AppliedDates[] = []
  const failed: FailedCa[] = []
  const now = await opened.store.read(async (reader) => opened.clockFor(reader).now())
  const session = { ...opened, options: { ...opened.options, safety: NOTHING_ACCEPTED } }
  for (const [ca, first] of scheduled) {
    if (first > now) continue
    let next = await applyNext(session, ca, undefined)
    while (next !== undefined) {
      if ('code' in next.result) failed.push(next.result)
      else applied.push(next.result)
      next = await applyNext(session, ca, next.at)
    }
  }
  return { applied, failed }
}

interface Next {
  readonly at: Instant
  readonly result: AppliedDates | FailedCa
}

/** Applies, or reports as failed, what is due at the first instant after `after`; undefined if nothing is. */
async function applyNext(session: Session, ca: Handle, after: Instant | undefined): Promise<Next | undefined> {
  let at: Instant | undefined
  const useCase = async (tx: TransactionContext): Promise<AppliedDates | undefined> => {
    const state = caState(tx.work, ca)
    const next = dueRoas(state, tx.ports.clock.now()).find((group) => after === undefined || group.at > after)
    at = next?.at
    if (next === undefined || state.status !== 'active') return undefined
    const rows = next.missed.map((payload) => ({ payload, comment: null, from: null, until: null }))
    const dates = rows.length === 0 ? {} : { dates: { at: tx.ports.clock.now(), rows } }
    await runCa(tx, ca, { type: 'roas.update', add: next.add, remove: next.remove, ...dates })
    return { ca, added: next.add.length, removed: next.remove.length }
  }
  try {
    await refuseUnrecorded(session, ca, () => transact(dryRunOf(session), useCase, { dryRun: true }))
    const { result } = await transact(session, useCase)
    return result === undefined || at === undefined ? undefined : { at, result }
  } catch (error) {
    if (!(error instanceof AppError) || concernsWholeDirectory(error)) throw error
    if (at === undefined) return undefined
    return { at, result: { ca, code: error.code, message: `ROAs due at ${at}: ${error.message}` } }
  }
}

function dryRunOf(session: Session): Session {
  return { ...session, options: { ...session.options, dryRun: true } }
}

/** Throws the error that a trial run ends with, unless it is a rejection by limits or guard that history does not have yet. */
async function refuseUnrecorded(session: Session, ca: Handle, trial: () => Promise<unknown>): Promise<void> {
  try {
    await trial()
  } catch (error) {
    const isKnown = heldChanges(session).some(({ kind, handle }) => kind === 'ca' && handle === ca)
    if (!(error instanceof AppError) || !isHeldChange(error) || isKnown) throw error
  }
}
