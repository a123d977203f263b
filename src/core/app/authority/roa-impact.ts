/** ROAs withdrawn or published again by a change of resources, in any CA of this data directory. Shown before the change is made. */
import type { Handle } from '../../base/handle.js'
import type { CaState } from '../../ca/state.js'
import type { Timing } from '../../issuing/timing.js'
import { roaRows } from '../changes/roa-rows.js'
import { readCas, type TransactionContext } from '../session/context.js'
import { hiddenClasses, type IsHidden } from '../session/suspended-by.js'

export interface RoaImpact {
  readonly ca: Handle
  /** `P-L => ASN`. */
  readonly roa: string
}

type States = ReadonlyMap<string, { readonly impact: RoaImpact; readonly published: boolean }>

/** Returns every ROA of every CA that can be read, and whether it is published now: not where a CA above is suspended. */
export function roaStates(tx: Pick<TransactionContext, 'work'>, timing: Timing): States {
  const states = new Map<string, { impact: RoaImpact; published: boolean }>()
  const isHidden = hiddenClasses(tx)
  for (const state of readCas(tx.work).cas) {
    for (const row of roaRows(withoutHidden(state, isHidden), timing)) {
      const { roa } = row
      states.set(`${state.handle} ${roa}`, { impact: { ca: state.handle, roa }, published: row.state === 'published' })
    }
  }
  return states
}

function withoutHidden(state: CaState, isHidden: IsHidden): CaState {
  const classes = Object.entries(state.classes)
  const visible = classes.filter(([name]) => !isHidden(state, name))
  return visible.length === classes.length ? state : { ...state, classes: Object.fromEntries(visible) }
}

/** Returns the ROAs whose publication a change ends (`lost`) or begins again (`regained`), in the order of CAs and ROAs. */
export function diffRoaVisibility(
  before: States,
  after: States,
): { readonly lost: readonly RoaImpact[]; readonly regained: readonly RoaImpact[] } {
  const changed = (from: boolean) =>
    [...before]
      .filter(([key, was]) => was.published === from && (after.get(key)?.published ?? false) !== from)
      .map(([, was]) => was.impact)
  return { lost: changed(true), regained: changed(false) }
}
