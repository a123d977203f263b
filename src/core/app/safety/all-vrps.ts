/** VRPs before and after a unit of work: those of every CA of this directory, and those of others as a validator has seen them. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { CaState } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import type { VrpsAround } from '../../routing/effect.js'
import { CA, caState } from '../session/context.js'
import { vrpsOf } from './vrp-changes.js'

/** Returns both sets. `seen` are the VRPs of a validator: those that a CA of this directory has or had are ours and not taken from it. */
export function vrpsAround(work: Work, seen: readonly RoaPayload[]): VrpsAround {
  const before: RoaPayload[] = []
  const after: RoaPayload[] = []
  for (const handle of work.handles('ca')) {
    const found = readable(work, handle)
    if (found === undefined) continue
    const { was, is } = found
    before.push(...vrpsOf(was))
    after.push(...(was === is ? vrpsOf(was) : vrpsOf(is)))
  }
  const ours = new Set([...before, ...after].map(formatRoaPayload))
  const others = seen.filter((vrp) => !ours.has(formatRoaPayload(vrp)))
  return { before: [...before, ...others], after: [...after, ...others] }
}

function readable(work: Work, handle: Handle): { readonly was: CaState; readonly is: CaState } | undefined {
  try {
    return { was: work.before(CA, handle), is: caState(work, handle) }
  } catch (error) {
    // the damage of another CA is reported by status, and must not stop a change of this one
    if (error instanceof AppError && error.kind === 'corrupt') return undefined
    throw error
  }
}
