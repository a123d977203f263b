/** Counts the VRPs, ASPAs, router keys and children's certificates that a CA loses with resources which a parent takes away, and the limit that is obeyed without the operator. */
import {
  containsPrefix,
  containsSet,
  fromResourceText,
  intersection,
  isEmpty,
  NO_RESOURCES,
  union,
} from '../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../resources/types.js'
import { isAspaHeld } from './products/aspa-objects.js'
import { payloadOf } from './products/roa-index.js'
import { isRouterHeld } from './products/router-objects.js'
import { type CaState, currentKey, type ResourceClass } from './state/state.js'

/** A loss of so many always counts as small. */
const LEAST_LIMIT = 5
/** Above that, this share of what the CA has. */
const SHARE = 0.1

/** Returns the number of VRPs, of ASPAs, of router keys and of children's certificates that the CA publishes now and would not if the class `own` kept only `left` (null: no resources). */
export function lossOf(state: CaState, own: ResourceClass, left: ResourceText | null): number {
  const others = heldBy(Object.values(state.classes).filter((c) => c.name !== own.name))
  const before = union(others, heldBy([own]))
  const after = left === null ? others : union(others, intersection(heldBy([own]), fromResourceText(left)))
  return counted(state, before) - counted(state, after)
}

/** Returns the largest loss that is obeyed without the operator. */
export function lossLimit(state: CaState): number {
  return Math.max(LEAST_LIMIT, Math.floor(counted(state, heldBy(Object.values(state.classes))) * SHARE))
}

function heldBy(classes: readonly ResourceClass[]): ResourceSet {
  let all = NO_RESOURCES
  for (const c of classes) {
    const key = currentKey(c)
    if (key !== undefined) all = union(all, fromResourceText(key.certificate.resources))
  }
  return all
}

function counted(state: CaState, held: ResourceSet): number {
  const vrps = Object.values(state.roas).filter((roa) => containsPrefix(held, payloadOf(roa).prefix)).length
  const aspas = Object.values(state.aspas ?? {}).filter((aspa) => isAspaHeld(aspa, held)).length
  const routers = Object.values(state.routers ?? {}).filter((router) => isRouterHeld(router, held)).length
  let certificates = 0
  for (const { issued } of Object.values(state.children))
    for (const { resources } of Object.values(issued)) {
      const has = fromResourceText(resources)
      if (!isEmpty(has) && containsSet(held, has)) certificates += 1
    }
  return vrps + aspas + routers + certificates
}
