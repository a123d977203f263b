/** Use cases of `brine aspa`: change the ASPAs of a CA by one set in one command, and list them with their state. */
import { AppError, faultsOf, rejection, rewrap, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { type AspaAddition, type AspaChanges, configOf } from '../../ca/aspas.js'
import { dueTimes } from '../../ca/publishing.js'
import { isUnconfirmed, type Place, syncedAt } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { type ConfirmedObjects, readConfirmed } from '../../peers/confirmed-content.js'
import { formatAsn } from '../../resources/asn.js'
import { formatProviders, parseAspaPayload, sorted } from '../../resources/aspa-payload.js'
import { type AspaRow, confirmedAspaRows } from '../changes/aspa-rows.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, knownCa, runCa, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { hiddenClasses } from '../session/suspended-by.js'
import { transact } from '../transaction/transact.js'

export interface AspaUpdateReport extends Outcome {
  readonly ca: Handle
  /** Customers `AS64496` whose ASPA is new. */
  readonly added: readonly string[]
  readonly updated: readonly string[]
  readonly removed: readonly string[]
  /** True if a repository elsewhere has not confirmed everything that the CA wants published. */
  readonly unconfirmed: boolean
  readonly changes: readonly ChangeRow[]
}

export interface AspaListReport {
  readonly ca: Handle
  readonly aspas: readonly AspaRow[]
}

export interface AspaOptions {
  readonly dryRun?: boolean
  /** Ignores what is in effect already, in place of a violation. */
  readonly idempotent?: boolean
}

/** Parses ASPAs given as arguments. Throws every violation at once (usage). */
export function aspaArguments(texts: readonly string[]): readonly AspaAddition[] {
  const faults: Violation[] = []
  const additions = texts.flatMap((text) => {
    const parsed = parseAspaPayload(text)
    if ('ok' in parsed) return [{ payload: parsed.ok.payload, comment: parsed.ok.comment ?? null }]
    faults.push(...parsed.faults)
    return []
  })
  if (faults.length === 0) return additions
  const { code, message, details } = rejection(faults)
  throw new AppError('usage', code, message, { details })
}

/** Changes the ASPAs of one CA by one set, atomically. Throws every violation of the set at once (rejected). */
export async function updateAspas(
  session: Session,
  handle: Handle,
  given: Partial<AspaChanges>,
  options: AspaOptions = {},
): Promise<AspaUpdateReport> {
  const set = { add: [], edit: [], remove: [], ...given }
  const useCase = async (tx: TransactionContext) => ({
    ...(await applySet(tx, handle, set, options)),
    changes: await changeRows(tx, session.timing, options),
  })
  const done = await transact(session, useCase, options).catch((error) => {
    throw withHint(error, handle)
  })
  const { state, ...shown } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  return { ca: handle, ...shown, ...outcomeOf(done, 'ca', handle, nextDue, options.dryRun) }
}

async function applySet(tx: TransactionContext, handle: Handle, set: AspaChanges, { idempotent }: AspaOptions) {
  const before = knownCa(tx.work, handle)
  const wanted = idempotent === true ? withoutNoOps(before, set) : set
  await runCa(tx, handle, { type: 'aspas.update', ...wanted })
  const state = caState(tx.work, handle)
  return {
    state,
    added: wanted.add.map(({ payload }) => formatAsn(payload.customer)),
    updated: wanted.edit.map(({ customer }) => formatAsn(customer)),
    removed: wanted.remove.map(formatAsn),
    unconfirmed: isUnconfirmed(state),
  }
}

/** Returns the part of a set that is not in effect already. An ASPA with other providers than the configured one is kept, to be rejected. */
function withoutNoOps(state: CaState, { add, edit, remove }: AspaChanges): AspaChanges {
  const isPresent = ({ payload: { customer, providers } }: AspaAddition): boolean => {
    const config = configOf(state, customer)
    return config !== undefined && formatProviders(config.providers) === formatProviders(sorted(providers))
  }
  const edits = edit.map((one) => {
    const is = new Set(configOf(state, one.customer)?.providers)
    // the same provider added and removed is kept, to be rejected
    const [plus, minus] = [new Set(one.add), new Set(one.remove)]
    return {
      ...one,
      add: [...plus].filter((asn) => minus.has(asn) || !is.has(asn)),
      remove: [...minus].filter((asn) => plus.has(asn) || is.has(asn)),
    }
  })
  return {
    add: add.filter((one) => !isPresent(one)),
    edit: edits.filter((one) => configOf(state, one.customer) === undefined || one.add.length + one.remove.length > 0),
    remove: [...new Set(remove)].filter((customer) => configOf(state, customer) !== undefined),
  }
}

/** Names the way out of what was refused. */
function withHint(error: unknown, handle: Handle): unknown {
  if (!(error instanceof AppError) || error.hint !== undefined) return error
  const faults = faultsOf(error)
  const codes = new Set([error.code, ...faults.map(({ code }) => code)])
  const has = (...names: readonly string[]): boolean => names.some((code) => codes.has(code))
  const hints = [
    ...(has('aspa-not-held') ? [`brine ca show ${handle} shows what it holds`] : []),
    ...(has('aspa-duplicate', 'aspa-unknown', 'aspa-provider-unknown', 'aspa-provider-duplicate')
      ? [`brine aspa list ${handle} shows its ASPAs; to ignore what is in effect already: --idempotent`]
      : []),
    ...(has('aspa-empty') ? [`to remove the whole ASPA: brine aspa remove ${handle} ASN`] : []),
  ]
  return hints.length === 0 ? error : rewrap(error, { hint: hints.join('; ') })
}

/** Returns the ASPAs of a CA with their state, by customer AS. */
export async function listAspas(session: Session, handle: Handle): Promise<AspaListReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, handle)
    const confirmedAt = (place: Place): ConfirmedObjects | undefined =>
      readConfirmed(session.options.dataDir, handle, syncedAt(state, place)?.content)?.objects
    return { ca: handle, aspas: confirmedAspaRows(state, hiddenClasses({ work }), confirmedAt) }
  })
}
