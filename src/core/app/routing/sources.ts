/** Sources of announcements of one command: what it names itself, else the section `[routing]` of the configuration. */
import { AppError } from '../../base/errors.js'
import type { RoutingConfig } from '../../config/routing/schema.js'
import type { RoutingSources } from './data.js'

/** Sources as a command line names them. */
export interface NamedSources {
  readonly bgp?: readonly string[] | undefined
  readonly vrps?: string | undefined
  readonly minPeers?: number | undefined
  readonly staleAllowed?: boolean | undefined
}

/** Returns the sources; undefined if neither names a file of announcements. Throws `routing-disabled` (usage) if the section has a fault. */
export function routingSources(named: NamedSources, config: RoutingConfig): RoutingSources | undefined {
  const bgp = named.bgp ?? config.bgp
  if (named.bgp === undefined && config.disabled !== null)
    throw new AppError('usage', 'routing-disabled', `the section [routing] is not used: ${config.disabled}`, {
      hint: 'brine config check shows every fault; --bgp FILE does without the section',
    })
  if (bgp.length === 0) return undefined
  return {
    bgp,
    vrps: named.vrps ?? config.vrps,
    minPeers: named.minPeers ?? config.minPeers,
    maxAge: config.maxAge,
    staleAllowed: named.staleAllowed === true,
    ignored: config.ignored,
  }
}
