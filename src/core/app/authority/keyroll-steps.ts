/**
 * Steps of a key roll inside a unit of work: the start, the end before an activation, and the activation with what follows from it at the
 * parents and below. Parents in this data directory answer in the same commit.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { isProductUnconfirmed } from '../../ca/places.js'
import { activationDueAt } from '../../ca/roll-state.js'
import type { ResourceClass } from '../../ca/state.js'
import { caState, runCa, type TransactionContext } from '../session/context.js'
import { localChildren, syncResources } from './resource-sync.js'

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

/** A sync with the parents of a CA; a republication tolerates damage of others in it. */
export type Sync = (tx: TransactionContext, handle: Handle) => Promise<readonly Handle[]>

/** Activates, and lets the parents revoke the old keys and the children take their certificates. */
export async function activateRoll(
  tx: TransactionContext,
  handle: Handle,
  activation: { readonly className: string | null; readonly now: boolean; readonly compromised: boolean },
  sync: Sync = syncResources,
): Promise<void> {
  const { className, now, compromised } = activation
  const at = now ? null : tx.ports.clock.now()
  const awaitsParent = unconfirmedAbove(tx, handle)
  await runCa(tx, handle, { type: 'keyroll.activate', className, at, compromised, awaitsParent })
  const changed = await sync(tx, handle)
  if (changed.includes(handle)) return
  // a parent elsewhere has not answered yet
  for (const child of localChildren(tx, handle)) await sync(tx, child)
}

/**
 * Returns the classes whose parent is a CA of this data directory that publishes elsewhere, where its repository has not confirmed everything:
 * without the certificate of the new key relying parties would lose what that key issues.
 */
function unconfirmedAbove({ work }: TransactionContext, handle: Handle): readonly string[] {
  const { parents, classes } = caState(work, handle)
  const isAwaited = ({ parent }: ResourceClass): boolean => {
    const contact = entry(parents, parent)
    if (contact?.transport !== 'local' || contact.aggregate.kind !== 'ca') return false
    try {
      return isProductUnconfirmed(caState(work, contact.aggregate.handle))
    } catch (error) {
      // a damaged parent does not stop the CAs below it
      if (error instanceof AppError && error.kind === 'corrupt') return false
      throw error
    }
  }
  return Object.values(classes)
    .filter(isAwaited)
    .map(({ name }) => name)
}

/** Activates what is due and returns the names of its classes. What a parent has yet to publish elsewhere waits for the next run. */
export async function activateDue(
  tx: TransactionContext,
  handle: Handle,
  sync: Sync = syncResources,
): Promise<readonly string[]> {
  const now = tx.ports.clock.now()
  const awaited = unconfirmedAbove(tx, handle)
  const due = Object.values(caState(tx.work, handle).classes).filter(
    (own) => (activationDueAt(own) ?? '~') <= now && (own.roll?.compromised === true || !awaited.includes(own.name)),
  )
  for (const { name, roll } of due)
    await activateRoll(tx, handle, { className: name, now: false, compromised: roll?.compromised === true }, sync)
  return due.map(({ name }) => name)
}
