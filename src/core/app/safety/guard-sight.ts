/** Knowledge of the guard of routes, for `status` and before a change is judged: a guard that knows nothing must say so. */
import type { Instant } from '../../base/time.js'
import type { Session } from '../session/session.js'
import { hostPlaces, looksUpHosts, rememberedHosts } from './protected-hosts.js'

export interface GuardSight {
  /** `off`: the configuration has neither announcements nor protected prefixes. `blind`: an address that it needs is not known. */
  readonly state: 'sees' | 'blind' | 'off'
  /** Prefixes of the configuration. */
  readonly prefixes: number
  /** Addresses of hosts that `tick` has looked up. */
  readonly addresses: number
  readonly lookedUpAt: Instant | null
  /** Hosts of which no address is known; empty before the first look-up. */
  readonly unknownHosts: readonly string[]
}

/** Returns what the guard knows by the configuration and the record of `tick`. Reads no announcements. */
export function guardSight(session: Session): GuardSight {
  const prefixes = session.loaded.routing.protected.length
  if (!looksUpHosts(session))
    return { state: prefixes === 0 ? 'off' : 'sees', prefixes, addresses: 0, lookedUpAt: null, unknownHosts: [] }
  const remembered = rememberedHosts(session)
  const unknownHosts = remembered.hosts.flatMap(({ host, addresses }) => (addresses.length === 0 ? [host] : []))
  const isBlind = remembered.at === null || unknownHosts.length > 0
  return {
    ...{ state: isBlind ? 'blind' : 'sees', prefixes, addresses: hostPlaces(remembered).length },
    ...{ lookedUpAt: remembered.at, unknownHosts },
  }
}

/** Returns why a guard is blind, in words; undefined if it is not. */
export function blindText({ state, lookedUpAt, unknownHosts }: GuardSight): string | undefined {
  if (state !== 'blind') return undefined
  if (lookedUpAt === null) return 'no host was looked up yet, which tick does'
  const [shown, more] = [unknownHosts.slice(0, MOST_NAMED), unknownHosts.length - MOST_NAMED]
  return `no address is known of ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Hosts that one line names. */
const MOST_NAMED = 3
