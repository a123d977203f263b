/** ASPAs of a CA with their state: whether each is published, waits for it, or is not held. */
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { configuredAspas } from '../../ca/aspas.js'
import { aspaObject, isAspaHeld } from '../../ca/products/aspa-objects.js'
import { isPublished } from '../../ca/products/products.js'
import { heldSets } from '../../ca/roas.js'
import type { AspaConfig } from '../../ca/state/configured.js'
import { isUnconfirmed, type Place } from '../../ca/state/places.js'
import { type CaState, currentKey, issuerOf } from '../../ca/state/state.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'
import { formatAsn } from '../../resources/asn.js'
import { formatAspa, formatProviders } from '../../resources/aspa-payload.js'
import { fromResourceText } from '../../resources/resource-set.js'
import type { IsHidden } from '../session/suspended-by.js'
import { type ChangeRow, difference } from './change-row.js'
import type { RoaRow } from './roa-rows.js'
import { waitingObjects } from './waiting-objects.js'

export interface AspaRow {
  /** `AS64496 => AS64497, AS64498`, as commands take it. */
  readonly aspa: string
  readonly customer: number
  readonly providers: readonly number[]
  readonly comment?: string
  /** As that of a ROA. */
  readonly state: RoaRow['state']
  readonly object: { readonly uri: string; readonly serial: string; readonly notAfter: Instant } | null
}

/** Compares the configured ASPAs with the published objects. By customer AS, ascending. */
export function aspaRows(state: CaState, isHidden: IsHidden): readonly AspaRow[] {
  const held = heldSets(state)
  return configuredAspas(state).map((config) => {
    const visible = publishedObject(state, config, (name) => !isHidden(state, name))
    const object = visible ?? publishedObject(state, config, (name) => isHidden(state, name))
    const waits = held.some((set) => isAspaHeld(config, set)) ? 'pending' : 'notHeld'
    const { customer, providers, comment } = config
    const said = { aspa: formatAspa(config), customer, providers, ...(comment === null ? {} : { comment }) }
    return { ...said, state: object === null ? waits : visible === null ? 'suspended' : 'published', object }
  })
}

/** Returns the published object of a configured ASPA: that of the last of the wanted classes which publishes it. */
function publishedObject(
  state: CaState,
  config: AspaConfig,
  isWanted: (className: string) => boolean,
): AspaRow['object'] {
  if (state.repository === null) return null
  const found = Object.entries(state.classes).flatMap(([name, own]) => {
    if (!isWanted(name)) return []
    const key = currentKey(own)
    if (key === undefined || !isAspaHeld(config, fromResourceText(key.certificate.resources))) return []
    const desired = aspaObject(config)
    const object = entry(key.point.objects, desired.name)
    if (object === undefined || !isPublished(desired, key.point)) return []
    const uri = `${issuerOf(state, own, key).base}${desired.name}`
    return [{ uri, serial: object.serial, notAfter: object.notAfter }]
  })
  return found.at(-1) ?? null
}

/** Returns the rows with `pending` for each object that a repository elsewhere may not have. */
export function confirmedAspaRows(
  state: CaState,
  isHidden: IsHidden,
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): readonly AspaRow[] {
  const rows = aspaRows(state, isHidden)
  if (!isUnconfirmed(state)) return rows
  const waiting = waitingObjects(state, confirmedAt)
  return rows.map((row) => {
    const isWaiting = row.state === 'published' && row.object !== null && waiting.has(row.object.uri)
    return isWaiting ? { ...row, state: 'pending' } : row
  })
}

/** Returns the ASPAs that were added, removed or changed, or whose customer AS was lost or is back: each with its providers. */
export function aspaChanges(of: string, before: CaState, after: CaState): readonly ChangeRow[] {
  if (before.aspas === undefined && after.aspas === undefined) return []
  const [was, is] = [rowsByCustomer(before), rowsByCustomer(after)]
  const customers = [...new Set([...was.keys(), ...is.keys()])].sort((a, b) => a - b)
  return customers.flatMap((customer) => {
    const [old, now] = [was.get(customer), is.get(customer)]
    const note = (now ?? old)?.comment ?? null
    return difference({ item: 'aspa', of, name: formatAsn(customer), note }, shown(old), shown(now))
  })
}

function rowsByCustomer(state: CaState): ReadonlyMap<number, AspaRow> {
  // the providers are shown, and a suspension changes none of them
  const rows = state.status === 'active' ? aspaRows(state, () => false) : []
  return new Map(rows.map((row) => [row.customer, row]))
}

function shown(row: AspaRow | undefined): string | undefined {
  if (row === undefined) return undefined
  return `${formatProviders(row.providers)}${row.state === 'notHeld' ? ' (not held)' : ''}`
}
