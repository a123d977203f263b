/** VRPs that a unit of work adds and removes, by CA: what a guard, a limit and a preview judge. */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { differingTexts, indexOf, isHeld, payloadOf } from '../../ca/products/roa-index.js'
import { heldSets } from '../../ca/roas.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Child } from '../../issuing/children.js'
import { formatResources } from '../../resources/resource-set.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import { CA, caState, readCas, TA, taState } from '../session/context.js'
import { hiddenClasses } from '../session/suspended-by.js'

export interface VrpChange {
  readonly ca: Handle
  readonly added: readonly RoaPayload[]
  readonly removed: readonly RoaPayload[]
  /** Number of VRPs before the change. */
  readonly before: number
  /** Number of VRPs after the change. */
  readonly after: number
}

/**
 * Returns the changes of every CA whose VRPs differ: those that the work touched, and all below a CA whose suspension it began or ended.
 * A VRP is a configured ROA whose prefix the CA holds.
 */
export function vrpChanges(work: Work): readonly VrpChange[] {
  return pairs(work).flatMap(({ was, is }) => {
    const change = difference(was, is)
    return change === undefined ? [] : [change]
  })
}

interface Pair {
  readonly was: CaState
  readonly is: CaState
}

function pairs(work: Work): readonly Pair[] {
  const own = work.touched('ca').map((handle) => ({ was: work.before(CA, handle), is: caState(work, handle) }))
  if (!isSuspensionChanged(work)) return own
  const earlier = new Work(work.reader)
  const [wasHidden, isHidden] = [hiddenClasses({ work: earlier }), hiddenClasses({ work })]
  return readCas(work).cas.map((state) => ({
    was: visible(work.before(CA, state.handle), wasHidden),
    is: visible(state, isHidden),
  }))
}

/** Returns true if the work suspended a child, or ended a suspension. */
function isSuspensionChanged(work: Work): boolean {
  const suspended = (children: Readonly<Record<string, Child>>): string =>
    Object.entries(children)
      .filter(([, child]) => child.suspended !== undefined)
      .map(([name]) => name)
      .sort()
      .join(' ')
  const differs = (was: Readonly<Record<string, Child>>, is: Readonly<Record<string, Child>>): boolean =>
    was !== is && suspended(was) !== suspended(is)
  return (
    work.touched('ca').some((name) => differs(work.before(CA, name).children, caState(work, name).children)) ||
    work.touched('ta').some((name) => differs(work.before(TA, name).children, taState(work, name).children))
  )
}

function visible(state: CaState, isHidden: ReturnType<typeof hiddenClasses>): CaState {
  const classes = Object.entries(state.classes)
  const shown = classes.filter(([name]) => !isHidden(state, name))
  return shown.length === classes.length ? state : { ...state, classes: Object.fromEntries(shown) }
}

function difference(was: CaState, is: CaState): VrpChange | undefined {
  const [held, holds] = [setsOf(was), setsOf(is)]
  if (was.roas === is.roas && isSame(held, holds)) return undefined
  const texts = isSame(held, holds)
    ? differingTexts(was.roas, is.roas)
    : new Set([...Object.keys(was.roas), ...Object.keys(is.roas)])
  const added: RoaPayload[] = []
  const removed: RoaPayload[] = []
  for (const text of texts) {
    const [old, now] = [vrpOf(was, held, text), vrpOf(is, holds, text)]
    if (old === undefined && now !== undefined) added.push(now)
    if (old !== undefined && now === undefined) removed.push(old)
  }
  if (added.length === 0 && removed.length === 0) return undefined
  const before = vrpCount(was, held)
  return { ca: is.handle, added, removed, before, after: before + added.length - removed.length }
}

function setsOf(state: CaState): readonly ResourceSet[] {
  return state.status === 'active' ? heldSets(state) : []
}

function isSame(a: readonly ResourceSet[], b: readonly ResourceSet[]): boolean {
  // a stored text is read once, so that the sets of an unchanged certificate are the same object
  if (a.length === b.length && a.every((set, at) => set === b[at])) return true
  return a.map(formatResources).join(' ') === b.map(formatResources).join(' ')
}

function vrpOf(state: CaState, held: readonly ResourceSet[], text: string): RoaPayload | undefined {
  const config = entry(state.roas, text)
  return config !== undefined && held.some((set) => isHeld(config, set)) ? payloadOf(config) : undefined
}

/** Returns the number of VRPs of a state. */
export function vrpCount(state: CaState, held = setsOf(state)): number {
  const [first, ...others] = held
  if (first === undefined) return 0
  // one class, as nearly all CAs have: the index counts them already
  if (others.length === 0) return indexOf(state.roas, first).count
  return Object.values(state.roas).filter((config) => held.some((set) => isHeld(config, set))).length
}

/** Returns the VRPs of a state. */
export function vrpsOf(state: CaState): readonly RoaPayload[] {
  const held = setsOf(state)
  return Object.values(state.roas)
    .filter((config) => held.some((set) => isHeld(config, set)))
    .map(payloadOf)
}
