/** Lists the announcements that a unit of work makes valid, invalid or not found, and what is doubtful about it. */
import { AppError, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Work } from '../../eventsourcing/work.js'
import { formatPrefix, prefixRange } from '../../resources/prefix.js'
import { BIGINT_STEPS, canonicalRanges } from '../../resources/ranges.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import type { OwnRoa } from '../../routing/analysis.js'
import { type RoutingEffect, routingEffect } from '../../routing/effect.js'
import type { RouteState } from '../../routing/origin-validation.js'
import { routingWarnings } from '../../routing/warnings.js'
import { loadRoutingData, type RoutingDataReport, type RoutingSources } from '../routing/data.js'
import { PERMISSIVE } from '../routing/own-roas.js'
import { type NamedSources, routingSources } from '../routing/sources.js'
import { caState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { vrpsAround } from './all-vrps.js'
import { dataOnce, noteOnce } from './once.js'
import { vrpChanges } from './vrp-changes.js'
import { warningTexts } from './warning-texts.js'

/** An announcement whose state changes. */
export interface RouteChangeRow {
  readonly prefix: string
  readonly asn: number
  /** Peers of the collector that see it; null if the file does not say. */
  readonly peers: number | null
  readonly before: RouteState
  readonly after: RouteState
}

export interface RoutingEffectReport extends Omit<RoutingEffect, 'routes'> {
  readonly data: RoutingDataReport
  readonly announcements: readonly RouteChangeRow[]
}

/** Effect of a change on announcements, and warnings by them. */
export interface RoutingReview {
  readonly effect: RoutingEffectReport
  readonly warnings: readonly Violation[]
}

/**
 * Returns the effect of what the work has changed so far, and warnings; undefined without announcements, and with a notice where those of the
 * configuration cannot be used: a change without routing is better than none. Throws as the readers do for files that the command names.
 */
export async function reviewRouting(
  session: Session,
  work: Work,
  named: NamedSources,
): Promise<RoutingReview | undefined> {
  try {
    const sources = routingSources(named, session.loaded.routing)
    return sources === undefined ? undefined : await reviewOf(session, work, sources)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'internal' || named.bgp !== undefined) throw error
    noteOnce(session, `the effect on announcements is not shown: ${error.message}`)
    return undefined
  }
}

async function reviewOf(session: Session, work: Work, sources: RoutingSources): Promise<RoutingReview | undefined> {
  const changes = vrpChanges(work)
  const changed = changes.flatMap(({ added, removed }) => [...added, ...removed])
  const key = changed.map(formatRoaPayload).join('\n')
  const data = await dataOnce(session, `review ${key}`, () =>
    loadRoutingData(sources, addressesOf(changed), session.now()),
  )
  if (data === undefined) return undefined
  const vrps = vrpsAround(work, data.vrps)
  const { routes, ...numbers } = routingEffect(data.tables, vrps)
  const announcements = routes.map(({ prefix, origin, peers, before, after }) => {
    return { prefix: formatPrefix(prefix), asn: origin, peers: peers ?? null, before, after }
  })
  const added = changes.flatMap(({ ca, added: payloads }) => payloads.map((payload) => addedRoa(work, ca, payload)))
  const warnings = routingWarnings({ tables: data.tables, added, vrps, effect: routes })
  return { effect: { data: data.report, ...numbers, announcements }, warnings: warningTexts(warnings) }
}

function addedRoa(work: Work, ca: Handle, payload: RoaPayload): Pick<OwnRoa, 'payload' | 'permissive'> {
  const comment = entry(caState(work, ca).roas, formatRoaPayload(payload))?.comment ?? ''
  return { payload, permissive: PERMISSIVE.test(comment) }
}

/** Returns the addresses of prefixes, as a scope. */
export function addressesOf(payloads: readonly Pick<RoaPayload, 'prefix'>[]): Pick<ResourceSet, 'ipv4' | 'ipv6'> {
  const ranges = (family: 4 | 6) =>
    canonicalRanges(
      payloads.filter(({ prefix }) => prefix.family === family).map(({ prefix }) => prefixRange(prefix)),
      BIGINT_STEPS,
    )
  return { ipv4: ranges(4), ipv6: ranges(6) }
}
