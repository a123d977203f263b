/** ROAs, ASPAs and router certificates withdrawn or published again by a change of resources, in any CA of this data directory. Shown before the change is made. */
import type { Handle } from '../../base/handle.js'
import { configuredAspas } from '../../ca/aspas.js'
import { isAspaHeld } from '../../ca/products/aspa-objects.js'
import { isRouterHeld } from '../../ca/products/router-objects.js'
import { heldSets } from '../../ca/roas.js'
import { configuredRouters } from '../../ca/routers.js'
import type { CaState } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import type { Timing } from '../../issuing/timing.js'
import { formatAspa } from '../../resources/aspa-payload.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import { routerName } from '../../resources/router-names.js'
import { aspaRows } from '../changes/aspa-rows.js'
import { roaRows } from '../changes/roa-rows.js'
import { routerRows } from '../changes/router-rows.js'
import { vrpChanges } from '../safety/vrp-changes.js'
import { CA, caState, readCas, type TransactionContext } from '../session/context.js'
import { hiddenClasses } from '../session/suspended-by.js'

/** A ROA `P-L => ASN`, an ASPA `AS64496 => AS64497, AS64498` or a router key `ROUTER-0000FBF0-<SKI>` of a CA. */
export type Impact =
  | { readonly ca: Handle; readonly roa: string }
  | { readonly ca: Handle; readonly aspa: string }
  | { readonly ca: Handle; readonly router: string }

/** Returns the ROA, ASPA or router key. */
export function impactName(one: Impact): string {
  if ('roa' in one) return one.roa
  return 'aspa' in one ? one.aspa : one.router
}

/** ROAs, ASPAs and router certificates that a change withdraws and publishes again without naming them. */
export interface Impacts {
  readonly lost: readonly Impact[]
  readonly regained: readonly Impact[]
}

type States = ReadonlyMap<string, { readonly impact: Impact; readonly published: boolean }>

/** Returns every ROA, ASPA and router key of every CA that can be read, and whether it is published now; below a suspended CA it is not. */
export function visibleObjects(tx: Pick<TransactionContext, 'work'>, timing: Timing): States {
  const states = new Map<string, { impact: Impact; published: boolean }>()
  const isHidden = hiddenClasses(tx)
  for (const state of readCas(tx.work).cas) {
    const ca = state.handle
    const add = (key: string | number, impact: Impact, row: { readonly state: string }): void =>
      void states.set(`${ca} ${key}`, { impact, published: row.state === 'published' })
    for (const row of roaRows(state, { timing, isHidden })) add(row.roa, { ca, roa: row.roa }, row)
    for (const row of aspaRows(state, isHidden)) add(row.customer, { ca, aspa: row.aspa }, row)
    for (const row of routerRows(state, isHidden)) add(row.router, { ca, router: row.router }, row)
  }
  return states
}

/** Returns the ROAs, ASPAs and router keys whose publication a change ends (`lost`) or begins again (`regained`), in the order of CAs, ROAs before ASPAs before router keys. */
export function diffVisibility(before: States, after: States): Impacts {
  const changed = (from: boolean) =>
    [...before]
      .filter(([key, was]) => was.published === from && (after.get(key)?.published ?? false) !== from)
      .map(([, was]) => was.impact)
  return { lost: changed(true), regained: changed(false) }
}

/**
 * Returns the ROAs, ASPAs and router keys that lost their certificate or have one again, of the CAs that a unit of work touched. It reads no other CA, so
 * that its cost follows the change.
 */
export function impactsOf(work: Work): Impacts {
  const roas = vrpChanges(work)
  const others = work.touched('ca').map((ca) => {
    const [was, is] = [heldNumbers(work.before(CA, ca)), heldNumbers(caState(work, ca))]
    return { lost: without(was, is), regained: without(is, was) }
  })
  const lost = roas.flatMap(({ ca, removed }) => removed.map((roa): Impact => ({ ca, roa: formatRoaPayload(roa) })))
  const regained = roas.flatMap(({ ca, added }) => added.map((roa): Impact => ({ ca, roa: formatRoaPayload(roa) })))
  return {
    lost: [...lost, ...others.flatMap((one) => one.lost)],
    regained: [...regained, ...others.flatMap((one) => one.regained)],
  }
}

/** Returns the ASPAs and router keys whose AS a CA holds, by customer AS and by name. */
function heldNumbers(state: CaState): ReadonlyMap<string, Impact> {
  if (state.status !== 'active') return new Map()
  const { handle: ca } = state
  const held = heldSets(state)
  const aspas = configuredAspas(state).filter((config) => held.some((set) => isAspaHeld(config, set)))
  const routers = configuredRouters(state).filter((config) => held.some((set) => isRouterHeld(config, set)))
  return new Map<string, Impact>([
    ...aspas.map((config): [string, Impact] => [String(config.customer), { ca, aspa: formatAspa(config) }]),
    ...routers.map(({ asn, ski }): [string, Impact] => {
      const router = routerName(asn, ski)
      return [router, { ca, router }]
    }),
  ])
}

function without(all: ReadonlyMap<string, Impact>, some: ReadonlyMap<string, Impact>): readonly Impact[] {
  return [...all].filter(([name]) => !some.has(name)).map(([, impact]) => impact)
}
