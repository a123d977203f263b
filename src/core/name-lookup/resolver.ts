/** Addresses of hosts and of the name servers of their zones, by DNS. Invariant: every question ends within its time-out. */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Asks DNS. Each method throws an `Error` with a `code`, such as `ENOTFOUND`. */
export interface NameService {
  /** Returns the IPv4 and IPv6 addresses of a host. Throws if it has none of either. */
  addresses(host: string): Promise<readonly string[]>
  /** Returns the name servers of the zone of a host, or none if they are not found. */
  nameServers(host: string): Promise<readonly string[]>
}

const TIMEOUT_MS = 3000
const TRIES = 2
/** A host name has few labels that can be a zone; the root and the top-level domain are not asked. */
const MAX_ZONES = 5

/** Returns a service that asks the servers, `address` or `address:port`, or those of the system if there are none. */
export function nameService(servers: readonly string[]): NameService {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers([...servers])
  return {
    async addresses(host) {
      if (isIP(host) !== 0) return [host]
      const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
      const found = [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (found.length === 0 && v4.status === 'rejected') throw v4.reason
      return found
    },
    async nameServers(host) {
      if (isIP(host) !== 0) return []
      const labels = host.split('.')
      for (let at = 0; at < Math.min(labels.length - 1, MAX_ZONES); at++) {
        const names = await resolver.resolveNs(labels.slice(at).join('.')).catch(() => [])
        if (names.length > 0) return names
      }
      return []
    },
  }
}
