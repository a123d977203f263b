/** Lists the announcements that a unit of work makes valid, invalid or not found. */
import { AppError } from '../../base/errors.js'
import type { Work } from '../../eventsourcing/work.js'
import { formatPrefix, prefixRange } from '../../resources/prefix.js'
import { BIGINT_STEPS, canonicalRanges } from '../../resources/ranges.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import { type RoutingEffect, routingEffect } from '../../routing/effect.js'
import type { RouteState } from '../../routing/origin-validation.js'
import { loadRoutingData, type RoutingDataReport, type RoutingSources } from '../routing/data.js'
import { type NamedSources, routingSources } from '../routing/sources.js'
import type { Session } from '../session/session.js'
import { vrpsAround } from './all-vrps.js'
import { vrpChanges } from './vrp-changes.js'

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

/**
 * Returns the effect of what the work has changed so far; undefined without announcements, and with a notice where those of the configuration
 * cannot be used: a preview without routing is better than none. Throws as the readers do for files that the command names.
 */
export async function routingPreview(
  session: Session,
  work: Work,
  named: NamedSources,
): Promise<RoutingEffectReport | undefined> {
  try {
    const sources = routingSources(named, session.loaded.routing)
    return sources === undefined ? undefined : await effectOf(session, work, sources)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'internal' || named.bgp !== undefined) throw error
    session.options.onNotice?.(`the effect on announcements is not shown: ${error.message}`)
    return undefined
  }
}

async function effectOf(session: Session, work: Work, sources: RoutingSources): Promise<RoutingEffectReport> {
  const changed = vrpChanges(work).flatMap(({ added, removed }) => [...added, ...removed])
  const data = await loadRoutingData(sources, addressesOf(changed), session.now())
  const { routes, ...numbers } = routingEffect(data.tables, vrpsAround(work, data.vrps))
  const announcements = routes.map(({ prefix, origin, peers, before, after }) => {
    return { prefix: formatPrefix(prefix), asn: origin, peers: peers ?? null, before, after }
  })
  return { data: data.report, ...numbers, announcements }
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
