/** Use cases of `brine roa analyze` and `brine roa suggest`: the ROAs of a CA beside what is announced. */
import type { Handle } from '../../base/handle.js'
import { Work } from '../../eventsourcing/work.js'
import { formatPrefix } from '../../resources/prefix.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import { type Analysis, analyse, type RoaState, type RouteVerdict } from '../../routing/analysis.js'
import type { RouteState } from '../../routing/origin-validation.js'
import { suggest } from '../../routing/suggestion.js'
import { knownCa } from '../session/context.js'
import type { Session } from '../session/session.js'
import { loadRoutingData, type RoutingData, type RoutingDataReport, type RoutingSources } from './data.js'
import { type ConfiguredRoa, heldBy, otherVrps, ownRoas } from './own-roas.js'

/** An announcement within the resources of the CA. */
export interface RouteRow {
  readonly prefix: string
  readonly asn: number
  readonly state: RouteState
  /** Peers of the collector that see it; null if the file does not say. */
  readonly peers: number | null
}

export interface AnalysedRoaRow {
  readonly roa: string
  readonly prefix: string
  readonly maxLength: number
  readonly asn: number
  readonly comment?: string
  readonly state: RoaState
  /** Announcements that it makes valid. */
  readonly authorises: number
  /** Invalid announcements that it covers. */
  readonly disallows: number
  /** Prefixes up to maxLength that its AS does not announce, of a ROA that is `tooPermissive`. */
  readonly unannounced: number
}

export interface RoaAnalysisReport {
  readonly ca: Handle
  readonly data: RoutingDataReport
  readonly counts: Readonly<Record<RouteState, number>>
  /** The announcements that are not valid, without the ignored ones; with `all` every one. */
  readonly announcements: readonly RouteRow[]
  /** Number of announcements beyond those that are listed; a list has 100,000 at most. */
  readonly unlisted: number
  /** Number of announcements that are left out since the configuration says so. */
  readonly ignored: number
  readonly roas: readonly AnalysedRoaRow[]
}

export interface RoaSuggestionReport {
  readonly ca: Handle
  readonly data: RoutingDataReport
  readonly add: readonly string[]
  readonly remove: readonly string[]
  /** The comment is that of the ROA that is replaced, for those in its place. */
  readonly replace: readonly {
    readonly current: string
    readonly minimal: readonly string[]
    readonly comment?: string
  }[]
  readonly otherOrigins: readonly RouteRow[]
  readonly unused: readonly string[]
  readonly disallowing: readonly string[]
  readonly notHeld: readonly string[]
}

/** Lists the states of announcements and ROAs. `all` lists the valid announcements too. */
export async function analyseRoas(
  session: Session,
  handle: Handle,
  sources: RoutingSources,
  { all }: { readonly all: boolean },
): Promise<RoaAnalysisReport> {
  const { analysis, roas, data } = await analysed(session, handle, sources, (state) => all || isProblem(state))
  const rows = analysis.routes.map(routeRow)
  const isIgnored = ignoring(sources)
  const byPayload = new Map<RoaPayload, ConfiguredRoa>(roas.map((roa) => [roa.payload, roa]))
  return {
    ca: handle,
    data: data.report,
    counts: analysis.counts,
    announcements: all ? rows : rows.filter((row) => !isIgnored(row)),
    unlisted: analysis.unlisted,
    ignored: rows.filter(isIgnored).length,
    roas: analysis.roas.map(({ payload, ...verdict }) => ({ ...roaRow(payload, byPayload.get(payload)), ...verdict })),
  }
}

/** Proposes changes of the ROAs of a CA. */
export async function suggestRoas(
  session: Session,
  handle: Handle,
  sources: RoutingSources,
): Promise<RoaSuggestionReport> {
  // a route that few peers see makes no proposal, but it is announced: without its ROA it would be invalid
  const { analysis, roas, data } = await analysed(session, handle, { ...sources, minPeers: 0 }, isProblem)
  const isSeen = ({ peers }: RouteVerdict): boolean => peers === undefined || peers >= sources.minPeers
  const seen = analysis.routes.filter(isSeen)
  const isIgnored = ignoring(sources)
  const routes = seen.filter((route) => !isIgnored(routeRow(route)))
  const { add, remove, replace, otherOrigins, unused, disallowing, notHeld } = suggest(
    { ...analysis, routes },
    data.tables,
  )
  const texts = (payloads: readonly RoaPayload[]): readonly string[] => payloads.map(formatRoaPayload)
  return {
    ca: handle,
    data: { ...data.report, minPeers: sources.minPeers, fewPeers: analysis.routes.length - seen.length },
    add: texts(add),
    remove: texts(remove),
    replace: replace.map(({ current, minimal }) => {
      const comment = roas.find(({ payload }) => payload === current)?.comment ?? null
      const notes = comment === null ? {} : { comment }
      return { current: formatRoaPayload(current), minimal: texts(minimal), ...notes }
    }),
    otherOrigins: otherOrigins.map(routeRow),
    unused: texts(unused),
    disallowing: texts(disallowing),
    notHeld: texts(notHeld),
  }
}

function isProblem(state: RouteState): boolean {
  return state !== 'valid'
}

/** Returns a test for the announcements that the configuration ignores; a valid one never is. */
function ignoring({ ignored }: RoutingSources): (row: RouteRow) => boolean {
  const routes = new Set(ignored.map(({ prefix, asn }) => `${prefix} ${asn}`))
  return ({ prefix, asn, state }) => state !== 'valid' && routes.has(`${prefix} ${asn}`)
}

interface Analysed {
  readonly analysis: Analysis
  readonly roas: readonly ConfiguredRoa[]
  readonly data: RoutingData
}

function analysed(
  session: Session,
  handle: Handle,
  sources: RoutingSources,
  isListed: (state: RouteState) => boolean,
): Promise<Analysed> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, handle)
    const data = await loadRoutingData(sources, heldBy(state), session.now())
    const roas = ownRoas(state)
    const others = otherVrps(work, handle, data.vrps)
    return { analysis: analyse({ tables: data.tables, roas, others }, isListed), roas, data }
  })
}

function routeRow({ prefix, origin, state, peers }: RouteVerdict): RouteRow {
  return { prefix: formatPrefix(prefix), asn: origin, state, peers: peers ?? null }
}

function roaRow({ prefix, maxLength, asn }: RoaPayload, roa: ConfiguredRoa | undefined) {
  const comment = roa?.comment ?? null
  return {
    roa: roa?.text ?? '',
    prefix: formatPrefix(prefix),
    maxLength,
    asn,
    ...(comment === null ? {} : { comment }),
  }
}
