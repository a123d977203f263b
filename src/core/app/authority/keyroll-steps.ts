/**
 * Steps of a key roll inside a unit of work: the start, the end before an activation, and the activation with what follows from it at the
 * parents and below. Parents in this data directory answer in the same commit.
 */
import type { Handle } from '../../base/handle.js'
import { activationDueAt } from '../../ca/state/roll-state.js'
import { caState, runCa, type TransactionContext } from '../session/context.js'
import { localChildren, syncResources } from './resource-sync.js'
import { unconfirmedAbove } from './roll-waits.js'

export interface RollStart {
  /** Null: every class with a certificate. */
  readonly className: string | null
  readonly activateAfter: number | null
  readonly compromised: boolean
}

/** Makes a key for each class and requests its certificate; a compromised key is replaced at once where the certificate arrives. */
export async function startRoll(tx: TransactionContext, handle: Handle, start: RollStart): Promise<void> {
  await runCa(tx, handle, { type: 'keyroll.init', ...start })
  await syncResources(tx, handle)
  if (start.compromised) await activateDue(tx, handle)
}

/** Gives up the new keys that are not activated yet and lets the parents revoke them; null: of every class. */
export async function cancelRoll(tx: TransactionContext, handle: Handle, className: string | null): Promise<void> {
  await runCa(tx, handle, { type: 'keyroll.cancel', className })
  await syncResources(tx, handle)
}

/** A sync of CAs with their parents; a republication tolerates damage of others in it. */
export type Sync = (tx: TransactionContext, handles: Handle | readonly Handle[]) => Promise<readonly Handle[]>

/** Activates, and lets the parents revoke the old keys and the children take their certificates. */
export async function activateRoll(
  tx: TransactionContext,
  handle: Handle,
  activation: { readonly className: string | null; readonly now: boolean; readonly compromised: boolean },
  sync: Sync = syncResources,
): Promise<void> {
  const { className, now, compromised } = activation
  const at = now ? null : tx.ports.clock.now()
  const awaitsParent = unconfirmedAbove(tx, caState(tx.work, handle))
  await runCa(tx, handle, { type: 'keyroll.activate', className, at, compromised, awaitsParent })
  const changed = await sync(tx, handle)
  if (changed.includes(handle)) return
  // a parent elsewhere has not answered yet
  await sync(tx, localChildren(tx, handle))
}

/** Activates what is due and returns the names of its classes. What a parent has yet to publish elsewhere waits for the next run. */
export async function activateDue(
  tx: TransactionContext,
  handle: Handle,
  sync: Sync = syncResources,
): Promise<readonly string[]> {
  const now = tx.ports.clock.now()
  const state = caState(tx.work, handle)
  const awaited = unconfirmedAbove(tx, state)
  const due = Object.values(state.classes).filter(
    (own) => (activationDueAt(own) ?? '~') <= now && (own.roll?.compromised === true || !awaited.includes(own.name)),
  )
  for (const { name, roll } of due)
    await activateRoll(tx, handle, { className: name, now: false, compromised: roll?.compromised === true }, sync)
  return due.map(({ name }) => name)
}
