/** Flags that name announcements and VRPs of others; each has its default in the section `[routing]` of the configuration. */
import type { RoutingSources } from '../../app/routing/data.js'
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

interface RoutingValues {
  readonly bgp?: readonly string[] | undefined
  readonly vrps?: string | undefined
  readonly 'min-peers'?: number | undefined
  readonly 'stale-bgp': boolean
}

/** Returns the sources that the flags name, else the configuration; undefined if neither names a file of announcements. Throws `routing-disabled` (usage) if the section has a fault. */
export function routingSources(flags: RoutingValues, config: RoutingConfig): RoutingSources | undefined {
  const bgp = flags.bgp ?? config.bgp
  if (flags.bgp === undefined && config.disabled !== null)
    throw new AppError('usage', 'routing-disabled', `the section [routing] is not used: ${config.disabled}`, {
      hint: 'brine config check shows every fault; --bgp FILE does without the section',
    })
  if (bgp.length === 0) return undefined
  return {
    bgp,
    vrps: flags.vrps ?? config.vrps,
    minPeers: flags['min-peers'] ?? config.minPeers,
    maxAge: config.maxAge,
    staleAllowed: flags['stale-bgp'],
    ignored: config.ignored,
  }
}

/** Returns the sources as `routingSources` does. Throws `bgp-missing` (usage) if there are none. */
export function requiredSources(flags: RoutingValues, config: RoutingConfig): RoutingSources {
  const sources = routingSources(flags, config)
  if (sources !== undefined) return sources
  throw new AppError('usage', 'bgp-missing', 'no file of announcements: brine fetches none', {
    hint: 'name one with --bgp FILE, or all in the section [routing] of the configuration; RIS whois dumps are at https://www.ris.ripe.net/dumps/',
  })
}
