/**
 * Analysis of announcements and the ROAs of a CA: the states of both, in one pass for each family.
 */
import { compareRoaPayload } from '../resources/roa-payload.js'
import type { Family, RoaPayload } from '../resources/types.js'
import { type Announcements, type Route, routeAt } from './announcements.js'
import { superfluousRoas } from './nested-roas.js'
import {
  authorises,
  isInvalid,
  ROUTE_STATES,
  type RouteState,
  routeState,
  sortedVrps,
  type Vrp,
  visitRoutes,
} from './origin-validation.js'

/**
 * State of a ROA, the first that applies:
 * `notHeld` the CA does not hold the prefix; `noData` there are no announcements at all; `as0` and `as0Redundant` AS0, alone or beside
 * another ROA that covers the prefix; `redundant` another ROA authorises all that it does; `unseen` no route is valid or invalid by it;
 * `tooPermissive` its maxLength admits prefixes that its AS does not announce (RFC 9319 section 3); `disallowing` it makes routes invalid
 * and none valid; `seen`.
 */
export const ROA_STATES = [
  'notHeld',
  'noData',
  'as0',
  'as0Redundant',
  'redundant',
  'unseen',
  'tooPermissive',
  'disallowing',
  'seen',
] as const
export type RoaState = (typeof ROA_STATES)[number]

export interface OwnRoa {
  readonly payload: RoaPayload
  readonly held: boolean
  /** True if its author says that prefixes which are not announced are meant to be valid. */
  readonly permissive: boolean
}

export interface RoaVerdict {
  readonly payload: RoaPayload
  readonly state: RoaState
  /** Routes that it makes valid. */
  readonly authorises: number
  /** Routes that are invalid, and covered by it. */
  readonly disallows: number
  /** Prefixes up to maxLength that are not announced by the AS, level by level; 0 unless `tooPermissive`. */
  readonly unannounced: number
}

export interface RouteVerdict extends Route {
  readonly state: RouteState
}

export interface AnalysisInput {
  readonly tables: readonly Announcements[]
  readonly roas: readonly OwnRoa[]
  /** VRPs of others, which make routes valid or invalid too. */
  readonly others: readonly RoaPayload[]
}

export interface Analysis {
  readonly counts: Readonly<Record<RouteState, number>>
  /** The listed routes in the order of prefixes, at most `MAX_LISTED`. */
  readonly routes: readonly RouteVerdict[]
  /** Number of routes that should be listed beyond those. */
  readonly unlisted: number
  readonly roas: readonly RoaVerdict[]
}

/** A row takes a kilobyte in a report. Only a CA that holds the addresses of many others has so many routes without a ROA. */
export const MAX_LISTED = 100_000

/** Counts of the pass for one ROA. */
interface Tally {
  authorises: number
  disallows: number
  /** Announced prefixes of the AS by their length beyond that of the ROA. */
  readonly levels: Map<number, number>
}

/** Returns the states of all routes and ROAs. `isListed` selects the routes that are listed. */
export function analyse(input: AnalysisInput, isListed: (state: RouteState) => boolean): Analysis {
  const held = input.roas.filter((roa) => roa.held)
  const tallies = new Map<RoaPayload, Tally>(
    held.map(({ payload }) => [payload, { authorises: 0, disallows: 0, levels: new Map() }]),
  )
  const counts = Object.fromEntries(ROUTE_STATES.map((state) => [state, 0])) as Record<RouteState, number>
  const routes: RouteVerdict[] = []
  let unlisted = 0
  for (const table of input.tables) {
    const vrps = sortedVrps(ofFamily([...held.map(({ payload }) => payload), ...input.others], table.family))
    visitRoutes(table, vrps, (at, covering) => {
      const [origin, length] = [table.origins[at] ?? 0, table.lengths[at] ?? 0]
      const state = routeState(covering, origin, length)
      counts[state] += 1
      if (isListed(state)) {
        if (routes.length < MAX_LISTED) routes.push({ ...routeAt(table, at), state })
        else unlisted += 1
      }
      for (const vrp of covering) tallyRoute(tallies.get(vrp.payload), vrp, origin, length, state)
    })
  }
  const isEmpty = input.tables.every(({ count }) => count === 0)
  return { counts, routes, unlisted, roas: verdicts(input.roas, tallies, isEmpty) }
}

function ofFamily(payloads: readonly RoaPayload[], family: Family): readonly RoaPayload[] {
  return payloads.filter(({ prefix }) => prefix.family === family)
}

function tallyRoute(tally: Tally | undefined, vrp: Vrp, origin: number, length: number, state: RouteState): void {
  if (tally === undefined) return
  if (authorises(vrp, origin, length)) {
    tally.authorises += 1
    const level = length - vrp.payload.prefix.length
    tally.levels.set(level, (tally.levels.get(level) ?? 0) + 1)
  } else if (isInvalid(state)) tally.disallows += 1
}

function verdicts(
  roas: readonly OwnRoa[],
  tallies: ReadonlyMap<RoaPayload, Tally>,
  isEmpty: boolean,
): readonly RoaVerdict[] {
  const { redundant, as0Redundant } = superfluousRoas(roas.filter(({ held }) => held).map(({ payload }) => payload))
  return roas
    .map((roa): RoaVerdict => {
      const { payload } = roa
      const tally = tallies.get(payload) ?? { authorises: 0, disallows: 0, levels: new Map() }
      const unannounced = roa.permissive ? 0 : unannouncedPrefixes(payload, tally)
      const state = ((): RoaState => {
        if (!roa.held) return 'notHeld'
        if (payload.asn === 0) return as0Redundant.has(payload) ? 'as0Redundant' : 'as0'
        if (redundant.has(payload)) return 'redundant'
        if (isEmpty) return 'noData'
        if (tally.authorises === 0) return tally.disallows === 0 ? 'unseen' : 'disallowing'
        return unannounced > 0 ? 'tooPermissive' : 'seen'
      })()
      const { authorises: valid, disallows } = tally
      return { payload, state, authorises: valid, disallows, unannounced: state === 'tooPermissive' ? unannounced : 0 }
    })
    .toSorted((a, b) => compareRoaPayload(a.payload, b.payload))
}

/** Returns the number of prefixes beyond the length of the ROA and up to its maxLength that its AS does not announce (RFC 9319 section 3). */
function unannouncedPrefixes({ prefix, maxLength }: RoaPayload, { levels }: Tally): number {
  let missing = 0
  for (let level = 1; level <= maxLength - prefix.length; level++) missing += 2 ** level - (levels.get(level) ?? 0)
  return missing
}
