/** ASPAs of a CA with their state: whether each is published, waits for it, or is not held. */
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { aspaObject, isAspaHeld } from '../../ca/aspa-objects.js'
import { configuredAspas } from '../../ca/aspas.js'
import { isUnconfirmed, type Place } from '../../ca/places.js'
import { isPublished } from '../../ca/products.js'
import { heldSets } from '../../ca/roas.js'
import { type AspaConfig, type CaState, currentKey, issuerOf } from '../../ca/state.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'
import { formatAsn } from '../../resources/asn.js'
import { formatAspa, formatProviders } from '../../resources/aspa-payload.js'
import { fromResourceText } from '../../resources/resource-set.js'
import { type ChangeRow, difference } from './change-row.js'
import { waitingObjects } from './waiting-objects.js'

export interface AspaRow {
  /** `AS64496 => AS64497, AS64498`, as commands take it. */
  readonly aspa: string
  readonly customer: number
  readonly providers: readonly number[]
  readonly comment?: string
  readonly state: 'published' | 'pending' | 'notHeld'
  readonly object: { readonly uri: string; readonly serial: string; readonly notAfter: Instant } | null
}

/** Compares the configured ASPAs with the published objects. By customer AS, ascending. */
export function aspaRows(state: CaState): readonly AspaRow[] {
  const held = heldSets(state)
  return configuredAspas(state).map((config) => {
    const object = publishedObject(state, config)
    const waits = held.some((set) => isAspaHeld(config, set)) ? 'pending' : 'notHeld'
    const { customer, providers, comment } = config
    const said = { aspa: formatAspa(config), customer, providers, ...(comment === null ? {} : { comment }) }
    return { ...said, state: object === null ? waits : 'published', object }
  })
}

/** Returns the published object of a configured ASPA: that of the last class which publishes it. */
function publishedObject(state: CaState, config: AspaConfig): AspaRow['object'] {
  if (state.repository === null) return null
  const found = Object.values(state.classes).flatMap((own) => {
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
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): readonly AspaRow[] {
  const rows = aspaRows(state)
  if (!isUnconfirmed(state)) return rows
  const waiting = waitingObjects(state, confirmedAt)
  return rows.map((row) => (row.object !== null && waiting.has(row.object.uri) ? { ...row, state: 'pending' } : row))
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
  const rows = state.status === 'active' ? aspaRows(state) : []
  return new Map(rows.map((row) => [row.customer, row]))
}

function shown(row: AspaRow | undefined): string | undefined {
  if (row === undefined) return undefined
  return `${formatProviders(row.providers)}${row.state === 'notHeld' ? ' (not held)' : ''}`
}
