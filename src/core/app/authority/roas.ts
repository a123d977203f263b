/** Use cases of `brine roa`: change the ROAs of a CA by one set in one command, and list them with their state. */
import { AppError, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { dueTimes } from '../../ca/publishing.js'
import type { CaState } from '../../ca/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Timing } from '../../issuing/timing.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { ChangeRow } from '../transaction/change-row.js'
import { CA, caState, knownCa, runCa, type TransactionContext } from '../transaction/context.js'
import { type Outcome, outcomeOf } from '../transaction/outcome.js'
import type { Session } from '../transaction/session.js'
import { transact } from '../transaction/transact.js'
import { changeRows } from './change-rows.js'
import { type RoaRow, roaRows } from './roa-rows.js'
import { type RoaSet, unreadError, withPlaces } from './roa-set.js'

export interface RoaUpdateReport extends Outcome {
  readonly ca: Handle
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** The ROAs of `added` as they are now, and of `removed` as they were, as `roa list` describes them. */
  readonly addedRoas: readonly RoaRow[]
  readonly removedRoas: readonly RoaRow[]
  readonly changes: readonly ChangeRow[]
}

export interface RoaListReport {
  readonly ca: Handle
  readonly roas: readonly RoaRow[]
}

/**
 * Changes the ROAs of one CA by one set, atomically. An addition that is present or a removal that is absent is a violation, unless
 * `idempotent` ignores it. Throws every violation of the set at once: usage for a syntax error, else rejected.
 */
export async function updateRoas(
  session: Session,
  handle: Handle,
  set: RoaSet,
  options: { readonly dryRun?: boolean; readonly idempotent?: boolean } = {},
): Promise<RoaUpdateReport> {
  const idempotent = options.idempotent === true
  if ((set.unread ?? []).length > 0) throw unreadError(set, await ruleViolations(session, handle, set, idempotent))
  const useCase = async (tx: TransactionContext) => ({
    ...(await applySet(tx, handle, set, { idempotent, dryRun: options.dryRun === true, timing: session.timing })),
    changes: await changeRows(tx, session.timing, options),
  })
  const done = await transact(session, useCase, options).catch((error) => {
    throw withPlaces(error, set)
  })
  const { state, changes, ...roas } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  return { ca: handle, ...roas, changes, ...outcomeOf(done, 'ca', handle, nextDue, options.dryRun) }
}

/** Returns the violations that the CA finds in the part of the set that could be parsed. */
function ruleViolations(
  session: Session,
  handle: Handle,
  set: RoaSet,
  idempotent: boolean,
): Promise<readonly Violation[]> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    try {
      const { add, remove } = idempotent ? withoutNoOps(knownCa(work, handle), set) : set
      knownCa(work, handle)
      return work.check(CA, handle, { type: 'roas.update', add, remove })
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'rejected') throw error
      return [{ code: error.code, message: error.message }]
    }
  })
}

async function applySet(
  tx: TransactionContext,
  handle: Handle,
  set: RoaSet,
  { idempotent, dryRun, timing }: { readonly idempotent: boolean; readonly dryRun: boolean; readonly timing: Timing },
) {
  const state = knownCa(tx.work, handle)
  const wanted = idempotent ? withoutNoOps(state, set) : set
  await runCa(tx, handle, { type: 'roas.update', add: wanted.add, remove: wanted.remove })
  const now = caState(tx.work, handle)
  const added = wanted.add.map((a) => formatRoaPayload(a.payload))
  const removed = wanted.remove.map(formatRoaPayload)
  const addedRoas = rowsOf(now, added, timing)
  return {
    state: now,
    added,
    removed,
    // the serial and the times of a dry run are dummies
    addedRoas: dryRun ? addedRoas.map((row) => ({ ...row, object: null })) : addedRoas,
    removedRoas: rowsOf(state, removed, timing),
  }
}

/** Returns the rows of some ROAs, in the order of `roa list`. */
function rowsOf(state: CaState, texts: readonly string[], timing: Timing): readonly RoaRow[] {
  if (texts.length === 0) return []
  const wanted = new Set(texts)
  return roaRows(state, timing).filter(({ roa }) => wanted.has(roa))
}

/** Returns the part of a set that is not in effect already, without duplicates. The same ROA added and removed is kept, to be rejected. */
function withoutNoOps(state: CaState, set: RoaSet): Pick<RoaSet, 'add' | 'remove'> {
  const add = new Map(set.add.map((a) => [formatRoaPayload(a.payload), a]))
  const remove = new Map(set.remove.map((r) => [formatRoaPayload(r), r]))
  return {
    add: [...add].filter(([text]) => remove.has(text) || entry(state.roas, text) === undefined).map(([, a]) => a),
    remove: [...remove].filter(([text]) => add.has(text) || entry(state.roas, text) !== undefined).map(([, r]) => r),
  }
}

/** Returns every ROA of a CA with its state: IPv4 before IPv6, then by address, length, maxLength, ASN. */
export async function listRoas(session: Session, handle: Handle): Promise<RoaListReport> {
  return session.store.read(async (reader) => {
    const state = knownCa(new Work(reader), handle)
    return { ca: handle, roas: roaRows(state, session.timing) }
  })
}
