/** ROAs of a CA with their state: whether each is published, waits for it, or is not held. */
import { entry, type Table } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { isPublished } from '../../ca/products/products.js'
import { differingTexts, payloadOf } from '../../ca/products/roa-index.js'
import { type DesiredRoas, desiredRoas } from '../../ca/products/roa-objects.js'
import { scheduledOf } from '../../ca/roa-schedule.js'
import { heldSets } from '../../ca/roas.js'
import type { RoaConfig, ScheduledRoa } from '../../ca/state/configured.js'
import { isUnconfirmed, type Place } from '../../ca/state/places.js'
import { type CaState, currentKey, issuerOf } from '../../ca/state/state.js'
import type { PublicationPoint } from '../../issuing/point.js'
import type { Timing } from '../../issuing/timing.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'
import { containsPrefix, fromResourceText } from '../../resources/resource-set.js'
import { compareRoaPayload } from '../../resources/roa-payload.js'
import type { ResourceSet } from '../../resources/types.js'
import type { IsHidden } from '../session/suspended-by.js'
import { waitingObjects } from './waiting-objects.js'

export interface RoaRow {
  /** `P-L => ASN`, as commands take it. */
  readonly roa: string
  readonly prefix: string
  readonly maxLength: number
  readonly asn: number
  readonly comment?: string
  /**
   * `suspended`: published, but no certificate leads to it, since a parent in this directory has suspended the CA or one above it. `scheduled`: not
   * in effect before `from`.
   */
  readonly state: 'published' | 'suspended' | 'pending' | 'notHeld' | 'scheduled'
  readonly object: { readonly uri: string; readonly serial: string; readonly notAfter: Instant } | null
  /** Time at which it is added, if that is still to come. */
  readonly from?: Instant
  /** Time at which it is removed, if it has an end. */
  readonly until?: Instant
}

/** Options of rows besides the state of the CA. */
export interface RoaRowOptions {
  readonly timing: Timing
  /** True for the classes that a suspension hides. */
  readonly isHidden: IsHidden
  /** Texts of the ROAs that are wanted; left out: all. */
  readonly wanted?: Iterable<string> | undefined
}

/** Compares the configured ROAs, or those of them that are `wanted`, with the published objects. */
export function roaRows(state: CaState, { timing, isHidden, wanted }: RoaRowOptions): readonly RoaRow[] {
  const later = Object.keys(state.scheduled ?? {})
  const texts = new Set(wanted ?? [...Object.keys(state.roas), ...later])
  const held = heldSets(state)
  const [hidden, visible] = [true, false].map((side) =>
    publishedObjects(state, timing, (name) => isHidden(state, name) === side),
  )
  return [...texts]
    .flatMap((text) => {
      const config = entry(state.roas, text) ?? scheduledOf(state, text)
      return config === undefined ? [] : [{ text, config, payload: payloadOf(config) }]
    })
    .sort((a, b) => compareRoaPayload(a.payload, b.payload))
    .map(({ text, config, payload }) => {
      const dates = scheduledOf(state, text)
      if (!('since' in config)) return row(text, { config, dates }, 'scheduled', null)
      const found = visible?.(text, config) ?? null
      if (found !== null) return row(text, { config, dates }, 'published', found)
      const object = hidden?.(text, config) ?? null
      const isHeld = held.some((set) => containsPrefix(set, payload.prefix))
      return row(text, { config, dates }, object !== null ? 'suspended' : isHeld ? 'pending' : 'notHeld', object)
    })
}

/**
 * Returns the keys of the ROAs whose rows may differ between two states: those that were configured, removed or annotated, and those of
 * objects that began or ceased to be as they should be. Undefined if any may, since what is held, or the kind of objects, has changed.
 */
export function changedRoaTexts(before: CaState, after: CaState, timing: Timing): ReadonlySet<string> | undefined {
  if (before.status !== after.status || (before.repository === null) !== (after.repository === null)) return undefined
  const changed = new Set([
    ...differingTexts(before.roas, after.roas),
    ...differingKeys(before.scheduled ?? {}, after.scheduled ?? {}),
  ])
  for (const name of new Set([...Object.keys(before.classes), ...Object.keys(after.classes)])) {
    const [was, is] = [desiredIn(before, name, timing), desiredIn(after, name, timing)]
    if (was === undefined && is === undefined) continue
    if (was?.held !== is?.held || was?.desired.aggregated !== is?.desired.aggregated) return undefined
    const wasPublished = new Map(was?.desired.roas.map((roa) => [roa.name, isPublished(roa, was.point)]))
    for (const roa of is?.desired.roas ?? []) {
      const old = wasPublished.get(roa.name)
      if (is === undefined || old === undefined || old === isPublished(roa, is.point)) continue
      for (const text of roa.texts) changed.add(text)
    }
  }
  return changed
}

interface DesiredIn {
  readonly held: ResourceSet
  readonly desired: DesiredRoas
  readonly point: PublicationPoint
  /** Folder of the class, with a final slash. */
  readonly base: string
}

/** Returns what a class should publish and what it publishes; undefined if it has no key that issues, or no repository. */
function desiredIn(state: CaState, name: string, timing: Timing): DesiredIn | undefined {
  const resourceClass = entry(state.classes, name)
  const key = resourceClass === undefined ? undefined : currentKey(resourceClass)
  if (state.repository === null || resourceClass === undefined || key === undefined) return undefined
  const held = fromResourceText(key.certificate.resources)
  const desired = desiredRoas(state.roas, held, resourceClass.aggregated, timing)
  return { held, desired, point: key.point, base: issuerOf(state, resourceClass, key).base }
}

/**
 * Returns the rows with `pending` for each object that a repository elsewhere may not have: what it has not confirmed, and all objects while
 * it is not known which of them it has. Of the ROAs that are `wanted`, if it is given.
 */
export function confirmedRows(
  state: CaState,
  options: RoaRowOptions,
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): readonly RoaRow[] {
  const rows = roaRows(state, options)
  if (!isUnconfirmed(state)) return rows
  const waiting = waitingObjects(state, confirmedAt)
  const isConfirmed = ({ uri }: NonNullable<RoaRow['object']>): boolean => !waiting.has(uri)
  return rows.map((own) => {
    const isWaiting = own.state === 'published' && own.object !== null && !isConfirmed(own.object)
    return isWaiting ? { ...own, state: 'pending' } : own
  })
}

interface Described {
  readonly config: RoaConfig | ScheduledRoa
  readonly dates: ScheduledRoa | undefined
}

function row(
  text: string,
  { config, dates: own }: Described,
  state: RoaRow['state'],
  object: RoaRow['object'],
): RoaRow {
  const { asn, prefix, maxLength, comment } = config
  const { from, until } = own ?? {}
  const dates = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) }
  return { roa: text, prefix, maxLength, asn, ...(comment === null ? {} : { comment }), state, object, ...dates }
}

function differingKeys<V>(before: Table<V>, after: Table<V>): readonly string[] {
  if (before === after) return []
  return [...Object.keys(before), ...Object.keys(after)].filter((key) => entry(before, key) !== entry(after, key))
}

/** Returns the function that finds the published object of a configured ROA: that of the last of the wanted classes which publishes it. */
function publishedObjects(
  state: CaState,
  timing: Timing,
  isWanted: (className: string) => boolean,
): (text: string, config: RoaConfig) => RoaRow['object'] {
  const classes = Object.keys(state.classes)
    .filter(isWanted)
    .flatMap((name) => desiredIn(state, name, timing) ?? [])
  const objectIn = ({ desired, point, base }: DesiredIn, text: string, config: RoaConfig): RoaRow['object'] => {
    const roa = desired.objectOf(text, config)
    const object = roa === undefined ? undefined : entry(point.objects, roa.name)
    if (roa === undefined || object === undefined || !isPublished(roa, point)) return null
    return { uri: `${base}${roa.name}`, serial: object.serial, notAfter: object.notAfter }
  }
  return (text, config) => classes.reduce<RoaRow['object']>((last, own) => objectIn(own, text, config) ?? last, null)
}
