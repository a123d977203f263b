/** Suspension of CAs by their parents in this data directory, as the CAs below see it. Pure reads of the parents. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { LocalParent } from '../../ca/state/contacts.js'
import type { CaState } from '../../ca/state/state.js'
import type { Child } from '../../issuing/children.js'
import { isParked } from '../../issuing/suspension.js'
import { caState, type TransactionContext, taState } from './context.js'

type WorkContext = Pick<TransactionContext, 'work'>

/** Returns the CA as its parent knows it; undefined if it is no child of it. */
export function childAt(
  { work }: WorkContext,
  { aggregate: { kind, handle }, childName }: Pick<LocalParent, 'aggregate' | 'childName'>,
): Child | undefined {
  const { children } = kind === 'ta' ? taState(work, handle) : caState(work, handle)
  return entry(children, childName)
}

/** Returns since when a parent has suspended the CA and keeps its certificates; undefined if it has not. Throws the damage of the parent. */
export function suspendedSince(
  tx: WorkContext,
  contact: Pick<LocalParent, 'aggregate' | 'childName'>,
): Instant | undefined {
  const child = childAt(tx, contact)
  return child !== undefined && isParked(child) ? child.suspended : undefined
}

/** Returns since when a parent of a CA has suspended it; undefined if it has not, is elsewhere, or cannot be read. */
export function suspendedAt(tx: WorkContext, { parents }: CaState, parent: Handle): Instant | undefined {
  const contact = entry(parents, parent)
  if (contact?.transport !== 'local') return undefined
  try {
    return suspendedSince(tx, contact)
  } catch (error) {
    // the damage of a parent is a failure of its own
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}

/** Returns true for a class of a CA if a CA above it, or it itself, is suspended: relying parties find nothing of it. */
export type IsHidden = (state: CaState, className: string) => boolean

/** Returns a function that looks up the parents of each class once. */
export function hiddenClasses(tx: WorkContext): IsHidden {
  const known = new Map<string, boolean>()
  const isHidden: IsHidden = (state, className) => {
    const name = `${state.handle}/${className}`
    const found = known.get(name)
    if (found !== undefined) return found
    // a circle of parents ends here
    known.set(name, false)
    const hidden = isHiddenAt(tx, state, className, isHidden)
    known.set(name, hidden)
    return hidden
  }
  return isHidden
}

function isHiddenAt(tx: WorkContext, state: CaState, className: string, isHidden: IsHidden): boolean {
  const own = entry(state.classes, className)
  const contact = own === undefined ? undefined : entry(state.parents, own.parent)
  if (own === undefined || contact?.transport !== 'local') return false
  if (suspendedAt(tx, state, own.parent) !== undefined) return true
  const { kind, handle } = contact.aggregate
  if (kind === 'ta') return false
  try {
    return isHidden(caState(tx.work, handle), own.parentClass)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'corrupt') return false
    throw error
  }
}
