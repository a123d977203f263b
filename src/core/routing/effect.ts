/** Effect of a change of VRPs on announcements: which routes get another state. */
import { prefixSet } from '../resources/resource-set.js'
import type { RoaPayload } from '../resources/types.js'
import { type Announcements, lastAddress, type Route, RouteScope, routeAt } from './announcements.js'
import { type RouteState, routeState, sortedVrps, visitRoutes } from './origin-validation.js'

export interface RouteChange extends Route {
  readonly before: RouteState
  readonly after: RouteState
}

export interface ChangedVrps {
  /** VRPs that stay, of ours and of others, if they cover a changed one or lie in it. */
  readonly kept: readonly RoaPayload[]
  readonly added: readonly RoaPayload[]
  readonly removed: readonly RoaPayload[]
}

/** Returns the routes under the changed VRPs whose state changes, in the order of prefixes. */
export function routeChanges(
  tables: readonly Announcements[],
  { kept, added, removed }: ChangedVrps,
): readonly RouteChange[] {
  const touched = prefixSet([...added, ...removed].map(({ prefix }) => prefix))
  return tables.flatMap((table) => {
    const scope = new RouteScope(table.family === 4 ? touched.ipv4 : touched.ipv6, table.family)
    const states = (payloads: readonly RoaPayload[]): ReadonlyMap<number, RouteState> =>
      statesIn(
        table,
        scope,
        payloads.filter(({ prefix }) => prefix.family === table.family),
      )
    const [before, after] = [states([...kept, ...removed]), states([...kept, ...added])]
    return [...before].flatMap(([at, was]) => {
      const is = after.get(at) ?? was
      return was === is ? [] : [{ ...routeAt(table, at), before: was, after: is }]
    })
  })
}

/** Returns the states of the routes of a table that lie in the scope, by their index. */
function statesIn(
  table: Announcements,
  scope: RouteScope,
  payloads: readonly RoaPayload[],
): ReadonlyMap<number, RouteState> {
  const states = new Map<number, RouteState>()
  visitRoutes(table, sortedVrps(payloads), (at, covering) => {
    const [address, length] = [table.addresses[at] ?? 0, table.lengths[at] ?? 0]
    if (scope.contains(address, lastAddress(address, length)))
      states.set(at, routeState(covering, table.origins[at] ?? 0, length))
  })
  return states
}
