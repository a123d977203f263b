/** Router certificates (RFC 8209): those that the configured router keys and the certificate of a class lead to, and how they are issued. */
import { entry, type Table } from '../../base/record.js'
import { addSeconds, earlier, type Instant } from '../../base/time.js'
import { issueRouterCertificate } from '../../issuing/issuer.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import type { Issuer } from '../../issuing/signing.js'
import { contentDigest, spkiOf } from '../../issuing/stored.js'
import { containsAsn } from '../../resources/resource-set.js'
import { routerName } from '../../resources/router-names.js'
import type { ResourceSet } from '../../resources/types.js'
import { fileName } from '../../rpki/object-kinds.js'
import type { RouterConfig } from '../state/configured.js'
import { isUnconfirmed } from '../state/places.js'
import { type CaState, currentKey } from '../state/state.js'
import { type DesiredKind, type DesiredProduct, isPublished } from './products.js'

export interface DesiredRouter extends DesiredProduct {
  readonly config: RouterConfig
}

/** Returns true if the resources have the AS of the router. */
export function isRouterHeld({ asn }: Pick<RouterConfig, 'asn'>, held: ResourceSet): boolean {
  return containsAsn(held, asn)
}

/** Returns the certificate that a configured router key leads to in a class that holds its AS. */
export function routerObject(config: RouterConfig): DesiredRouter {
  const { asn, ski, routerId } = config
  return { name: fileName('router', routerName(asn, ski)), content: contentDigest({ asn, ski, routerId }), config }
}

/** Returns the router certificates that a class holding `held` should publish, as products of it. */
export function routerProducts(
  routers: Table<RouterConfig> = {},
  held: ResourceSet,
  issuer: Issuer,
  ports: IssuingPorts,
): DesiredKind<DesiredRouter> {
  const desired = Object.values(routers)
    .filter((config) => isRouterHeld(config, held))
    .map(routerObject)
  const issue = ({ name, content, config: { asn, ski, spki, routerId } }: DesiredRouter) =>
    issueRouterCertificate(issuer, name, { asn, ski, spki: spkiOf(spki), routerId }, content, ports)
  return { kind: 'router', desired, issue }
}

/** A router key that `tick` removes, and from when on. */
export interface DueRemoval {
  readonly router: string
  readonly at: Instant
}

/**
 * Returns the replaced router keys that `tick` removes. One stays while the certificate of the new key is not published, or a repository
 * elsewhere may not have it: removed before, routes that the router signs would not validate.
 */
export function dueRemovals(state: CaState): readonly DueRemoval[] {
  const { routers = {} } = state
  return Object.values(routers).flatMap((config) => {
    const { replaces, since } = config
    if (replaces === undefined || replaces.after === null || entry(routers, replaces.router) === undefined) return []
    if (!isRouterPublished(state, config) || isUnconfirmed(state)) return []
    return [{ router: replaces.router, at: addSeconds(since, replaces.after) }]
  })
}

/** Returns the first time at which `tick` removes a replaced router key; null where it removes none. */
export function nextRemoval(state: CaState): Instant | null {
  return dueRemovals(state).reduce<Instant | null>((first, { at }) => (first === null ? at : earlier(first, at)), null)
}

function isRouterPublished({ classes }: CaState, config: RouterConfig): boolean {
  return Object.values(classes).some((own) => {
    const key = currentKey(own)
    return key !== undefined && isPublished(routerObject(config), key.point)
  })
}
