/**
 * Waits of key rolls for a parent in this data directory that publishes elsewhere: without the certificate of the new key relying parties would
 * lose what that key issues.
 */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { LocalParent } from '../../ca/state/contacts.js'
import { isProductUnconfirmed } from '../../ca/state/places.js'
import { rollStage } from '../../ca/state/roll-state.js'
import type { CaState, ResourceClass } from '../../ca/state/state.js'
import { caState, type TransactionContext } from '../session/context.js'

type WorkContext = Pick<TransactionContext, 'work'>

/** Returns true if this parent publishes elsewhere and its repository has not confirmed everything. */
export function isParentUnconfirmed({ work }: WorkContext, { aggregate }: LocalParent): boolean {
  return aggregate.kind === 'ca' && isProductUnconfirmed(caState(work, aggregate.handle))
}

/** Returns the names of the classes whose new key has a certificate that the repository of its parent has not confirmed. */
export function unconfirmedAbove(tx: WorkContext, { parents, classes }: CaState): readonly string[] {
  const isAwaited = ({ parent, roll }: ResourceClass): boolean => {
    const contact = entry(parents, parent)
    // what the parent publishes after that certificate is not waited for
    if (contact?.transport !== 'local' || typeof roll?.parentPublishedAt === 'string') return false
    try {
      return isParentUnconfirmed(tx, contact)
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

/** Returns true if the repository of the parent has confirmed the certificate of a staged key, which is not recorded yet. */
export function isParentConfirmed(tx: WorkContext, own: ResourceClass, { parents }: CaState): boolean {
  const contact = entry(parents, own.parent)
  if (own.roll?.parentPublishedAt !== null || rollStage(own) !== 'staging' || contact?.transport !== 'local')
    return false
  return !isParentUnconfirmed(tx, contact)
}
