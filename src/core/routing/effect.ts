/** Effect of a change of VRPs on announcements: the routes whose state (RFC 6811) is another afterwards. */
import type { RoaPayload } from '../resources/types.js'
import { MAX_LISTED } from './analysis.js'
import { type Announcements, type Route, routeAt } from './announcements.js'
import { ROUTE_STATES, type RouteState, routeState, sortedVrps, visitRoutes } from './origin-validation.js'

export interface RouteChange extends Route {
  readonly before: RouteState
  readonly after: RouteState
}

export interface RoutingEffect {
  /** Numbers of routes that were not so before the change. */
  readonly becomeValid: number
  readonly becomeInvalid: number
  readonly becomeNotFound: number
  /** In the order of prefixes, at most `MAX_LISTED`. */
  readonly routes: readonly RouteChange[]
  /** Number of routes that should be listed beyond those. */
  readonly unlisted: number
}

export interface VrpsAround {
  readonly before: readonly RoaPayload[]
  readonly after: readonly RoaPayload[]
}

/** Returns the routes of the tables whose state changes. A route that is invalid for another reason than before has changed too. */
export function routingEffect(tables: readonly Announcements[], { before, after }: VrpsAround): RoutingEffect {
  const routes: RouteChange[] = []
  let unlisted = 0
  const become = { valid: 0, invalid: 0, notFound: 0 }
  for (const table of tables) {
    const states = statesOf(table, before)
    visit(table, after, (at, state) => {
      const was = ROUTE_STATES[states[at] ?? 0] as RouteState
      if (was === state) return
      if (groupOf(was) !== groupOf(state)) become[groupOf(state)] += 1
      if (routes.length < MAX_LISTED) routes.push({ ...routeAt(table, at), before: was, after: state })
      else unlisted += 1
    })
  }
  const { valid: becomeValid, invalid: becomeInvalid, notFound: becomeNotFound } = become
  return { becomeValid, becomeInvalid, becomeNotFound, routes, unlisted }
}

/** Returns the states as RFC 6811 names them. */
function groupOf(state: RouteState): 'valid' | 'invalid' | 'notFound' {
  return state === 'valid' || state === 'notFound' ? state : 'invalid'
}

/** Returns the index in `ROUTE_STATES` of the state of each route. */
function statesOf(table: Announcements, vrps: readonly RoaPayload[]): Uint8Array {
  const states = new Uint8Array(table.count)
  visit(table, vrps, (at, state) => {
    states[at] = ROUTE_STATES.indexOf(state)
  })
  return states
}

function visit(table: Announcements, vrps: readonly RoaPayload[], take: (at: number, state: RouteState) => void): void {
  const own = sortedVrps(vrps.filter(({ prefix }) => prefix.family === table.family))
  visitRoutes(table, own, (at, covering) => {
    take(at, routeState(covering, table.origins[at] ?? 0, table.lengths[at] ?? 0))
  })
}
