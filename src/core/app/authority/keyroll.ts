/** Use cases of `brine keyroll`: start a key roll, give it up, activate the new key, show what is open (RFC 6489). */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { dueTimes } from '../../ca/publishing.js'
import { Work } from '../../eventsourcing/work.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, knownCa, readCas, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { activateRoll, cancelRoll, type RollStart, startRoll } from './keyroll-steps.js'
import { type RetiredKeyRow, type RollRow, retiredRows, rollRows } from './roll-rows.js'

export interface KeyrollReport extends Outcome {
  readonly ca: Handle
  readonly rolls: readonly RollRow[]
  readonly retired: readonly RetiredKeyRow[]
  readonly changes: readonly ChangeRow[]
}

export interface KeyrollStatusReport {
  /** Every class of the CA that was named, else the classes of all CAs whose roll is open. */
  readonly rolls: readonly RollRow[]
  readonly retired: readonly RetiredKeyRow[]
  /** One-time keys that are stored, and those that the activations need. */
  readonly keyPool: { readonly keys: number; readonly needed: number }
  /** CAs whose state is damaged. */
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
}

interface Options {
  readonly dryRun?: boolean
}

/** Starts a key roll. Throws `ca-unknown`, `class-unknown`, `keyroll-open` (rejected). */
export async function initKeyroll(
  session: Session,
  ca: Handle,
  start: RollStart,
  options: Options = {},
): Promise<KeyrollReport> {
  try {
    return await roll(session, ca, options, (tx) => startRoll(tx, ca, start))
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'class-unknown' || error.hint !== undefined) throw error
    throw rewrap(error, {
      hint: `brine ca show ${ca} lists its classes and keys; a key gets its certificate from a parent`,
    })
  }
}

export interface Activation {
  readonly className: string | null
  /** True: does not wait for the end of staging. */
  readonly now: boolean
  readonly compromised: boolean
}

/**
 * Activates the staged keys of a CA. Throws `ca-unknown`, `class-unknown`, `keyroll-none`, `keyroll-pending`, `keyroll-too-early`,
 * `keyroll-resources` (rejected).
 */
export function activateKeyroll(
  session: Session,
  ca: Handle,
  activation: Activation,
  options: Options = {},
): Promise<KeyrollReport> {
  return roll(session, ca, options, (tx) => activateRoll(tx, ca, activation))
}

/**
 * Gives up key rolls before their activation. Throws `ca-unknown`, `class-unknown`, `keyroll-none`, `keyroll-activated` (rejected).
 * @param className null: every class whose new key is not activated
 */
export async function cancelKeyroll(
  session: Session,
  ca: Handle,
  className: string | null,
  options: Options = {},
): Promise<KeyrollReport> {
  try {
    return await roll(session, ca, options, (tx) => cancelRoll(tx, ca, className))
  } catch (error) {
    const hint = error instanceof AppError ? cancellationHint(ca, error.code) : undefined
    if (hint === undefined) throw error
    throw rewrap(error as AppError, { hint })
  }
}

function cancellationHint(ca: Handle, code: string): string | undefined {
  if (code === 'keyroll-activated') return `for another key, once the parent has revoked it: brine keyroll init ${ca}`
  return code === 'keyroll-none' || code === 'class-unknown' ? `brine keyroll status ${ca}` : undefined
}

async function roll(
  session: Session,
  ca: Handle,
  options: Options,
  act: (tx: TransactionContext) => Promise<void>,
): Promise<KeyrollReport> {
  const done = await transact(
    session,
    async (tx) => {
      knownCa(tx.work, ca)
      await act(tx)
      const state = caState(tx.work, ca)
      return { state, rolls: rollRows(tx, state), changes: await changeRows(tx, session.timing, options) }
    },
    options,
  )
  const { state, rolls, changes } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  return {
    ca,
    rolls,
    retired: retiredRows(state),
    changes,
    ...outcomeOf(done, 'ca', ca, nextDue, options.dryRun),
  }
}

/** Returns the key rolls of one CA, or those that are open. Throws `ca-unknown` (rejected). */
export function keyrollStatus(session: Session, ca: Handle | undefined): Promise<KeyrollStatusReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const { cas, failed } = ca === undefined ? readCas(work) : { cas: [knownCa(work, ca)], failed: [] }
    const rolls = cas
      .flatMap((state) => rollRows({ work }, state))
      .filter(({ stage }) => ca !== undefined || stage !== 'none')
    const needed = rolls.reduce((sum, { oneTimeKeys }) => sum + oneTimeKeys, 0)
    return {
      rolls,
      retired: cas.flatMap(retiredRows),
      keyPool: { keys: session.store.keys.poolSize(), needed },
      failed: failed.map(({ ca: handle, error }) => ({ ca: handle, code: error.code, message: error.message })),
    }
  })
}
