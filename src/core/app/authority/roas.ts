/** Use cases of `brine roa`: change the ROAs of a CA by one set in one command, and list them with their state. */
import { AppError, faultsOf, rewrap, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { payloadOf } from '../../ca/products/roa-index.js'
import { dueTimes } from '../../ca/publishing.js'
import { scheduledDue, scheduledOf } from '../../ca/roa-schedule.js'
import { heldSets } from '../../ca/roas.js'
import { isUnconfirmed, type Place, syncedAt } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { type ConfirmedObjects, readConfirmed } from '../../peers/confirmed-content.js'
import { prefixCovers, trustedPrefix } from '../../resources/prefix.js'
import { containsPrefix } from '../../resources/resource-set.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { Prefix } from '../../resources/types.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf, soonest } from '../changes/outcome.js'
import { confirmedRows, type RoaRow } from '../changes/roa-rows.js'
import type { NamedSources } from '../routing/sources.js'
import { type RoutingEffectReport, reviewRouting } from '../safety/routing-preview.js'
import { vrpChanges } from '../safety/vrp-changes.js'
import { CA, caState, knownCa, runCa, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { hiddenClasses } from '../session/suspended-by.js'
import { transact } from '../transaction/transact.js'
import { datedChanges, refuseUntilOfRemovals, type SetDates } from './roa-dates.js'
import { type RoaSet, unreadError, withPlaces } from './roa-set.js'

export interface RoaUpdateReport extends Outcome {
  readonly ca: Handle
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** The ROAs of `added` as they are now, and of `removed` as they were, as `roa list` describes them. */
  readonly addedRoas: readonly RoaRow[]
  readonly removedRoas: readonly RoaRow[]
  /** ROAs of the set that got or lost dates and were not removed, as they are now. */
  readonly scheduled: readonly RoaRow[]
  /** ROAs of the set that were left out since the CA does not hold their prefix (`skipNotHeld`). */
  readonly skipped: readonly string[]
  /** True if a repository elsewhere has not confirmed everything that the CA wants published. */
  readonly unconfirmed: boolean
  readonly changes: readonly ChangeRow[]
  /** Announcements whose state changes, in a dry run that knows of any. */
  readonly routing?: RoutingEffectReport
  /** Warnings from comparing the ROAs with the announcements; empty without announcements. */
  readonly warnings: readonly Violation[]
}

export interface RoaChangeOptions {
  readonly dryRun?: boolean
  /** Files of announcements on the command line: a dry run shows what becomes of their routes. Default: those of the configuration. */
  readonly sources?: NamedSources | undefined
  /** Dates of the set; `tick` makes the changes whose date is still to come. */
  readonly dates?: SetDates | undefined
  /** Leaves out additions whose prefix the CA does not hold, and reports them, in place of a violation. */
  readonly skipNotHeld?: boolean
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
  options: RoaChangeOptions & { readonly idempotent?: boolean } = {},
): Promise<RoaUpdateReport> {
  const { dates = {}, idempotent = false } = options
  refuseUntilOfRemovals(set, dates)
  const isDated = dates.from !== undefined || dates.until !== undefined
  return changeRoas(session, handle, set, idempotent && !isDated ? withoutNoOps : everything, options)
}

type ChangeOptions = RoaChangeOptions & { readonly idempotent?: boolean }

async function changeRoas(
  session: Session,
  handle: Handle,
  set: RoaSet,
  selection: Select,
  options: ChangeOptions,
): Promise<RoaUpdateReport> {
  const select = options.skipNotHeld === true ? heldOnly(selection) : selection
  if ((set.unread ?? []).length > 0)
    throw withHint(unreadError(set, await ruleViolations(session, handle, set, select)), handle, set)
  const useCase = async (tx: TransactionContext) => ({
    ...(await applySet(tx, handle, set, { select, options, session })),
    changes: await changeRows(tx, session.timing, options),
    // reading the files takes seconds: only if the change can affect an announcement
    review:
      options.dryRun === true || vrpChanges(tx.work).length > 0
        ? await reviewRouting(session, tx.work, options.sources ?? {})
        : undefined,
  })
  const done = await transact(session, useCase, options).catch((error) => {
    throw withHint(withPlaces(error, set), handle, set)
  })
  const { state, changes, review, ...roas } = done.result
  const nextDue = soonest(dueTimes(state, session.timing)?.due ?? null, scheduledDue(state))
  const routing = options.dryRun === true ? review?.effect : undefined
  const shown = { ...roas, changes, ...(routing === undefined ? {} : { routing }), warnings: review?.warnings ?? [] }
  return { ca: handle, ...shown, ...outcomeOf(done, 'ca', handle, nextDue, options.dryRun) }
}

/** Returns the violations that the CA finds in the part of the set that could be parsed. */
function ruleViolations(session: Session, handle: Handle, set: RoaSet, select: Select): Promise<readonly Violation[]> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    try {
      const { add, remove } = select(knownCa(work, handle), set)
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
  { select, options, session }: { readonly select: Select; readonly options: ChangeOptions; readonly session: Session },
) {
  const state = knownCa(tx.work, handle)
  const wanted = select(state, set)
  const given = { now: tx.ports.clock.now(), isIdempotent: options.idempotent === true }
  const changes = datedChanges(state, wanted, options.dates ?? {}, given)
  await runCa(tx, handle, { type: 'roas.update', ...changes })
  const now = caState(tx.work, handle)
  const added = changes.add.map((a) => formatRoaPayload(a.payload))
  const named = (changes.dates?.rows ?? []).map(({ payload }) => formatRoaPayload(payload))
  const isThere = (text: string): boolean => entry(now.roas, text) !== undefined || scheduledOf(now, text) !== undefined
  const removed = [...changes.remove.map(formatRoaPayload), ...named.filter((text) => !isThere(text))]
  const scheduled = rowsOf(tx, now, named.filter(isThere), session)
  const skipped = (wanted.skipped ?? []).map((a) => formatRoaPayload(a.payload))
  const addedRoas = rowsOf(tx, now, added, session)
  return {
    state: now,
    added,
    removed,
    skipped,
    unconfirmed: isUnconfirmed(now),
    // the serial and the times of a dry run are dummies
    addedRoas: options.dryRun === true ? addedRoas.map((row) => ({ ...row, object: null })) : addedRoas,
    removedRoas: rowsOf(tx, state, removed, session),
    scheduled,
  }
}

/** Returns what the repositories elsewhere have confirmed of a CA, by place; undefined if that is not known. */
function confirmedBy(
  { options }: Pick<Session, 'options'>,
  state: CaState,
): (place: Place) => ConfirmedObjects | undefined {
  return (place) => readConfirmed(options.dataDir, state.handle, syncedAt(state, place)?.content)?.objects
}

/** Returns the rows of some ROAs, in the order of `roa list`. */
function rowsOf(
  tx: TransactionContext,
  state: CaState,
  wanted: readonly string[],
  session: Session,
): readonly RoaRow[] {
  if (wanted.length === 0) return []
  const options = { timing: session.timing, isHidden: hiddenClasses(tx), wanted }
  return confirmedRows(state, options, confirmedBy(session, state))
}

/**
 * Replaces all ROAs of one CA by the additions of `set`, atomically: the others are removed, those that stay keep their comment.
 * Throws `roa-none` (usage) for an empty set, and as `updateRoas` does.
 */
export async function replaceRoas(
  session: Session,
  handle: Handle,
  set: RoaSet,
  options: RoaChangeOptions = {},
): Promise<RoaUpdateReport> {
  if (set.add.length === 0 && (set.unread ?? []).length === 0)
    throw new AppError('usage', 'roa-none', 'the new list of ROAs is empty', {
      hint: `to remove all: brine roa list ${handle} --csv | brine roa remove ${handle} --file -`,
    })
  return changeRoas(session, handle, set, replacing, options)
}

/** Selects from a set what is to be changed, given the state of the CA. */
type Select = (state: CaState, set: RoaSet) => Selected

interface Selected extends Pick<RoaSet, 'add' | 'remove'> {
  readonly skipped?: RoaSet['add']
}

const everything: Select = (_, set) => set

/** Leaves out the additions of a selection whose prefix the CA does not hold. */
function heldOnly(select: Select): Select {
  return (state, set) => {
    const { add, remove } = select(state, set)
    const held = heldSets(state)
    const isHeld = ({ payload }: RoaSet['add'][number]): boolean =>
      held.some((one) => containsPrefix(one, payload.prefix))
    return { add: add.filter(isHeld), remove, skipped: add.filter((one) => !isHeld(one)) }
  }
}

/** Names the way out of what was refused. */
function withHint(error: unknown, handle: Handle, { add }: RoaSet): unknown {
  if (!(error instanceof AppError) || error.hint !== undefined) return error
  const faults = faultsOf(error)
  const codes = new Set([error.code, ...faults.map(({ code }) => code)])
  const others = add.length > 1 ? '; to take the held ones only: --skip-not-held' : ''
  const hints = [
    ...(codes.has('roa-not-held') ? [`brine ca show ${handle} shows what it holds${others}`] : []),
    ...(codes.has('roa-duplicate') || codes.has('roa-unknown')
      ? ['to ignore what is in effect already: --idempotent']
      : []),
    ...(codes.has('roa-syntax') || codes.has('roa-unknown')
      ? [`brine roa list ${handle} shows its ROAs as they are written`]
      : []),
  ]
  return hints.length === 0 ? error : rewrap(error, { hint: hints.join('; ') })
}

/** Selects the changes that lead from the ROAs of a CA to those of `set`. */
function replacing(state: CaState, set: RoaSet): ReturnType<Select> {
  const wanted = new Set(set.add.map((a) => formatRoaPayload(a.payload)))
  const remove = Object.entries(state.roas).flatMap(([text, config]) => (wanted.has(text) ? [] : [payloadOf(config)]))
  return { add: withoutNoOps(state, { add: set.add, remove: [] }).add, remove }
}

/** Returns the part of a set that is not in effect already, without duplicates. The same ROA added and removed is kept, to be rejected. */
function withoutNoOps(state: CaState, set: ReturnType<Select>): ReturnType<Select> {
  const add = new Map(set.add.map((a) => [formatRoaPayload(a.payload), a]))
  const remove = new Map(set.remove.map((r) => [formatRoaPayload(r), r]))
  return {
    add: [...add].filter(([text]) => remove.has(text) || entry(state.roas, text) === undefined).map(([, a]) => a),
    remove: [...remove]
      .filter(
        ([text]) => add.has(text) || entry(state.roas, text) !== undefined || scheduledOf(state, text) !== undefined,
      )
      .map(([, r]) => r),
  }
}

/** Selection of ROAs: those of one AS, and those whose prefix covers `prefix` or lies in it. */
export interface RoaFilter {
  readonly asn?: number | undefined
  readonly prefix?: Prefix | undefined
}

/** Returns the ROAs of a CA with their state: IPv4 before IPv6, then by address, length, maxLength, ASN. */
export async function listRoas(session: Session, handle: Handle, filter: RoaFilter = {}): Promise<RoaListReport> {
  const { asn, prefix } = filter
  const isWanted = (row: RoaRow): boolean => {
    const own = trustedPrefix(row.prefix)
    const isNear = prefix === undefined || prefixCovers(prefix, own) || prefixCovers(own, prefix)
    return isNear && (asn === undefined || row.asn === asn)
  }
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, handle)
    const options = { timing: session.timing, isHidden: hiddenClasses({ work }) }
    return { ca: handle, roas: confirmedRows(state, options, confirmedBy(session, state)).filter(isWanted) }
  })
}
