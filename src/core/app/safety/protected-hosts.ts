/** Hosts that relying parties need to reach: those of our repository, of our parents and of their repositories; looked up by `tick`. */
import { AppError } from '../../base/errors.js'
import type { Json } from '../../base/json.js'
import { secondsBetween } from '../../base/time.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { lookUp, type RememberedHosts, readRemembered } from '../../name-lookup/remembered.js'
import { type NameService, nameService } from '../../name-lookup/resolver.js'
import { parsePrefix } from '../../resources/prefix.js'
import type { ProtectedPlace } from '../../routing/protected.js'
import { pubdState, readCas } from '../session/context.js'
import type { Session } from '../session/session.js'

/** Name in `status/`. */
const RECORD = 'protected-hosts'
const HOUR = 3600

/** Returns the hosts in the URIs of a publication server and of CAs, with the configured ones; each once, sorted. */
export function hostsOf(uris: readonly string[], configured: readonly string[]): readonly string[] {
  const found = uris.flatMap((uri) => {
    const host = URL.canParse(uri) ? new URL(uri).hostname : ''
    return host === '' ? [] : [host.replace(/^\[|\]$/g, '')]
  })
  return [...new Set([...found, ...configured].map((host) => host.toLowerCase()))].sort()
}

/** Returns the URIs by which relying parties and parents reach what a CA depends on. */
export function urisOf({ repository, parents, classes }: CaState): readonly string[] {
  const places = repository === null ? [] : [repository.base, repository.notify ?? '']
  const services = Object.values(parents).flatMap((parent) => ('contact' in parent ? [parent.contact.serviceUri] : []))
  const certificates = Object.values(classes).flatMap(({ keys }) =>
    keys.flatMap((key) => (key.certificate === null ? [] : [key.certificate.uri])),
  )
  return [...places, ...services, ...certificates].filter((uri) => uri !== '')
}

/** Returns what `tick` has looked up. */
export function rememberedHosts({ store }: Pick<Session, 'store'>): RememberedHosts {
  return readRemembered(store.status.read(RECORD))
}

/** Returns the remembered addresses as places. */
export function hostPlaces({ hosts }: RememberedHosts): readonly ProtectedPlace[] {
  return hosts.flatMap(({ host, addresses }) =>
    addresses.flatMap(({ address }) => {
      const parsed = parsePrefix(`${address}/${address.includes(':') ? 128 : 32}`)
      return 'ok' in parsed ? [{ prefix: parsed.ok, origin: undefined, name: `${host} (${address})` }] : []
    }),
  )
}

/** True if addresses are of use: without announcements nothing can be said of them. */
export function looksUpHosts({ loaded: { routing } }: Pick<Session, 'loaded'>): boolean {
  return routing.disabled === null && routing.bgp.length > 0
}

/**
 * Looks up all hosts, once an hour. Returns the hosts whose look-up failed, or undefined if none was due. Nothing is locked meanwhile; the
 * record is replaceable, so that one that cannot be written is only told.
 */
export async function lookUpHosts(session: Session, service?: NameService): Promise<readonly string[] | undefined> {
  if (!looksUpHosts(session)) return undefined
  const before = rememberedHosts(session)
  const now = session.now()
  if (before.at !== null && before.at <= now && secondsBetween(before.at, now) < HOUR) return undefined
  const { protectedHosts, nameServers } = session.loaded.routing
  const uris = await session.store.read(async (reader) => {
    const work = new Work(reader)
    const { rsyncBase, rrdpBase } = pubdState(work)
    return [rsyncBase, rrdpBase, ...readCas(work).cas.flatMap(urisOf)]
  })
  const next = await lookUp(hostsOf(uris, protectedHosts), service ?? nameService(nameServers), before, now)
  try {
    session.store.status.write(RECORD, next as unknown as Json)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`cannot write the addresses of the protected hosts: ${error.message}`)
  }
  return next.hosts.flatMap(({ host, failure }) => (failure === null ? [] : [host]))
}
