/** Flags that name announcements and VRPs of others; each has its default in the section `[routing]` of the configuration. */
import type { RoutingSources } from '../../app/routing/data.js'
import { type NamedSources, routingSources } from '../../app/routing/sources.js'
import { AppError } from '../../base/errors.js'
import type { RoutingConfig } from '../../config/routing/schema.js'
import { flag } from './flags.js'

export const routingFlags = {
  bgp: flag.path({
    multiple: true,
    description: 'file of announcements: RIS whois dump, CAIDA pfx2as or lines ASN,PREFIX, plain or gzip; repeatable',
  }),
  vrps: flag.path({
    description: 'JSON of rpki-client or Routinator: announcements are judged by all VRPs, not by ours only',
  }),
  'min-peers': flag.integer({
    max: 65_534,
    description: 'leave out announcements that fewer peers of the collector see',
  }),
  'stale-bgp': flag.boolean({ description: 'take files of any age' }),
}

export interface RoutingValues {
  readonly bgp?: readonly string[] | undefined
  readonly vrps?: string | undefined
  readonly 'min-peers'?: number | undefined
  readonly 'stale-bgp'?: boolean | undefined
}

/** Returns what the flags name. */
export function namedSources(flags: RoutingValues): NamedSources {
  const { bgp, vrps } = flags
  return { bgp, vrps, minPeers: flags['min-peers'], staleAllowed: flags['stale-bgp'] }
}

/** Returns the sources that the flags name, else the configuration. Throws `routing-disabled` and `bgp-missing` (usage) if there are none. */
export function requiredSources(flags: RoutingValues, config: RoutingConfig): RoutingSources {
  const sources = routingSources(namedSources(flags), config)
  if (sources !== undefined) return sources
  throw new AppError('usage', 'bgp-missing', 'no file of announcements: brine fetches none', {
    hint: 'name one with --bgp FILE, or all in the section [routing] of the configuration; RIS whois dumps are at https://www.ris.ripe.net/dumps/',
  })
}
