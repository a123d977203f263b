/**
 * The guard: refuses a change of VRPs that makes a route to a repository, parent or name server invalid, by which relying parties would lose
 * the way to the correction (RFC 7115 section 6).
 */
import { AppError, type Violation } from '../../base/errors.js'
import type { Work } from '../../eventsourcing/work.js'
import { formatPrefix, trustedPrefix } from '../../resources/prefix.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import { type Endangered, judgePlaces, type ProtectedPlace, placesWithin } from '../../routing/protected.js'
import { loadRoutingData, type RoutingData } from '../routing/data.js'
import { type NamedSources, routingSources } from '../routing/sources.js'
import type { Session } from '../session/session.js'
import { vrpsAround } from './all-vrps.js'
import { blindText, guardSight } from './guard-sight.js'
import { dataOnce, noteOnce } from './once.js'
import { hostPlaces, rememberedHosts } from './protected-hosts.js'
import { addressesOf } from './routing-preview.js'

/** Returns every place that the configuration or the look-ups of `tick` protect. */
export function protectedPlaces(session: Session): readonly ProtectedPlace[] {
  const configured = session.loaded.routing.protected.map(({ prefix, asn, text }) => ({
    prefix: trustedPrefix(prefix),
    origin: asn,
    name: text,
  }))
  return [...configured, ...hostPlaces(rememberedHosts(session))]
}

/** Returns a violation for each route that the change endangers. Says on the notice port of what it could not judge. */
export async function guardRoutes(
  session: Session,
  work: Work,
  changed: readonly RoaPayload[],
  named: NamedSources,
): Promise<readonly Violation[]> {
  const unknown = blindText(guardSight(session))
  if (unknown !== undefined) noteOnce(session, `the guard is blind: ${unknown}`)
  const places = placesWithin(protectedPlaces(session), changed)
  if (places.length === 0) return []
  const data = await announcements(session, places, named)
  const { endangered, blind } = judgePlaces(places, data?.tables ?? [], vrpsAround(work, data?.vrps ?? []))
  if (blind.length > 0) noteOnce(session, `the guard is blind: no route to ${listed(blind)} is known`)
  return endangered.map(violation)
}

function violation({ place, route, after, causes }: Endangered): Violation {
  const what = causes.map((cause) => `"${formatRoaPayload(cause)}"`).join(' and ')
  const by = what === '' ? 'the change' : what
  const text = `${by} makes the route ${formatPrefix(route.prefix)} of AS${route.origin} to ${place.name} invalid (${after})`
  return { code: 'repository-endangered', message: text }
}

function listed(places: readonly ProtectedPlace[]): string {
  const names = [...new Set(places.map(({ name }) => name))]
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}

/** Returns the announcements that overlap the places; undefined with a notice where there are none that can be used. */
function announcements(
  session: Session,
  places: readonly ProtectedPlace[],
  named: NamedSources,
): Promise<RoutingData | undefined> {
  const key = places.map(({ prefix }) => formatPrefix(prefix)).join(' ')
  return dataOnce(session, `guard ${key}`, () => readAnnouncements(session, places, named))
}

async function readAnnouncements(
  session: Session,
  places: readonly ProtectedPlace[],
  named: NamedSources,
): Promise<RoutingData | undefined> {
  try {
    const sources = routingSources(named, session.loaded.routing)
    if (sources === undefined) return undefined
    // every route counts here, however few peers see it
    const all = { ...sources, minPeers: 0 }
    return await loadRoutingData(all, addressesOf(places), session.now(), { overlapping: true })
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'internal' || named.bgp !== undefined) throw error
    noteOnce(session, `the guard does without announcements: ${error.message}`)
    return undefined
  }
}
