/** Router keys of a CA with their state: whether the certificate of each is published, waits for it, or its AS is not held. */
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { isPublished } from '../../ca/products/products.js'
import { dueRemovals, isRouterHeld, routerObject } from '../../ca/products/router-objects.js'
import { heldSets } from '../../ca/roas.js'
import { configuredRouters } from '../../ca/routers.js'
import type { RouterConfig } from '../../ca/state/configured.js'
import { isUnconfirmed, type Place } from '../../ca/state/places.js'
import { type CaState, currentKey, issuerOf } from '../../ca/state/state.js'
import type { KeyId } from '../../crypto/ports.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'
import { formatAsn } from '../../resources/asn.js'
import { fromResourceText } from '../../resources/resource-set.js'
import { routerName } from '../../resources/router-names.js'
import type { IsHidden } from '../session/suspended-by.js'
import { type ChangeRow, difference } from './change-row.js'
import type { RoaRow } from './roa-rows.js'
import { waitingObjects } from './waiting-objects.js'

export interface RouterRow {
  /** `ROUTER-0000FBF0-<SKI>`, as commands take it. */
  readonly router: string
  readonly asn: number
  readonly ski: KeyId
  /** BGP Identifier; null where it is not known. */
  readonly routerId: string | null
  readonly comment?: string
  /** The same states as those of a ROA. */
  readonly state: RoaRow['state']
  readonly object: { readonly uri: string; readonly serial: string; readonly notAfter: Instant } | null
  /** Name of the old key that it replaces; absent where it replaces none. */
  readonly replaces?: string
  /** Name of the new key that replaces it; absent where none does. */
  readonly replacedBy?: string
  /** Time from which `tick` removes it; absent where the operator does, and while the new certificate is not published. */
  readonly removedAt?: Instant
}

/** Compares the configured router keys with the published certificates. By AS, then by key. */
export function routerRows(state: CaState, isHidden: IsHidden): readonly RouterRow[] {
  const configs = configuredRouters(state)
  const held = heldSets(state)
  const replacedBy = new Map(configs.map((config) => [config.replaces?.router, nameOf(config)]))
  const removals = new Map(dueRemovals(state).map(({ router, at }) => [router, at]))
  return configs.map((config) => {
    const router = nameOf(config)
    const visible = publishedObject(state, config, (name) => !isHidden(state, name))
    const object = visible ?? publishedObject(state, config, (name) => isHidden(state, name))
    const waits = held.some((set) => isRouterHeld(config, set)) ? 'pending' : 'notHeld'
    const { asn, ski, routerId, comment, replaces } = config
    const [by, at] = [replacedBy.get(router), removals.get(router)]
    return {
      ...{ router, asn, ski, routerId, ...(comment === null ? {} : { comment }) },
      state: object === null ? waits : visible === null ? 'suspended' : 'published',
      object,
      ...(replaces === undefined ? {} : { replaces: replaces.router }),
      ...(by === undefined ? {} : { replacedBy: by }),
      ...(at === undefined ? {} : { removedAt: at }),
    }
  })
}

function nameOf({ asn, ski }: RouterConfig): string {
  return routerName(asn, ski)
}

/** Returns the published certificate of a configured key. If several of the wanted classes publish one, the last counts. */
function publishedObject(
  state: CaState,
  config: RouterConfig,
  isWanted: (className: string) => boolean,
): RouterRow['object'] {
  if (state.repository === null) return null
  const found = Object.entries(state.classes).flatMap(([name, own]) => {
    if (!isWanted(name)) return []
    const key = currentKey(own)
    if (key === undefined || !isRouterHeld(config, fromResourceText(key.certificate.resources))) return []
    const desired = routerObject(config)
    const object = entry(key.point.objects, desired.name)
    if (object === undefined || !isPublished(desired, key.point)) return []
    const uri = `${issuerOf(state, own, key).base}${desired.name}`
    return [{ uri, serial: object.serial, notAfter: object.notAfter }]
  })
  return found.at(-1) ?? null
}

/** Returns the rows with `pending` for each certificate that a repository elsewhere may not have. */
export function confirmedRouterRows(
  state: CaState,
  isHidden: IsHidden,
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): readonly RouterRow[] {
  const rows = routerRows(state, isHidden)
  if (!isUnconfirmed(state)) return rows
  const waiting = waitingObjects(state, confirmedAt)
  return rows.map((row) => {
    const isWaiting = row.state === 'published' && row.object !== null && waiting.has(row.object.uri)
    return isWaiting ? { ...row, state: 'pending' } : row
  })
}

/** Returns the router keys that were added, removed or changed, or whose AS was lost or is back. */
export function routerChanges(of: string, before: CaState, after: CaState): readonly ChangeRow[] {
  if (before.routers === undefined && after.routers === undefined) return []
  const [was, is] = [rowsByName(before), rowsByName(after)]
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((name) => {
    const [old, now] = [was.get(name), is.get(name)]
    const note = (now ?? old)?.comment ?? null
    return difference({ item: 'router', of, name, note }, shown(old), shown(now))
  })
}

function rowsByName(state: CaState): ReadonlyMap<string, RouterRow> {
  // a suspension changes no certificate of its own
  const rows = state.status === 'active' ? routerRows(state, () => false) : []
  return new Map(rows.map((row) => [row.router, row]))
}

function shown(row: RouterRow | undefined): string | undefined {
  if (row === undefined) return undefined
  return [
    formatAsn(row.asn),
    ...(row.routerId === null ? [] : [row.routerId]),
    ...(row.replacedBy === undefined ? [] : ['(replaced)']),
    ...(row.state === 'notHeld' ? ['(not held)'] : []),
  ].join(' ')
}
