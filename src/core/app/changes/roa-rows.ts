/** ROAs of a CA with their state: whether each is published, waits for it, or is not held. */
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { filesAt, isUnconfirmed, isUnconfirmedAt, PLACES, type Place, repositoryAt } from '../../ca/places.js'
import { desiredRoas, payloadOf } from '../../ca/roa-objects.js'
import { heldSets } from '../../ca/roas.js'
import { type CaState, currentKey, issuerOf, type RoaConfig } from '../../ca/state.js'
import type { Timing } from '../../issuing/timing.js'
import type { ConfirmedObjects } from '../../peers/confirmed-content.js'
import { containsPrefix, fromResourceText } from '../../resources/resource-set.js'
import { compareRoaPayload, formatRoaPayload } from '../../resources/roa-payload.js'

export interface RoaRow {
  /** `P-L => ASN`, as commands take it. */
  readonly roa: string
  readonly prefix: string
  readonly maxLength: number
  readonly asn: number
  readonly comment?: string
  readonly state: 'published' | 'pending' | 'notHeld'
  readonly object: { readonly uri: string; readonly serial: string; readonly notAfter: Instant } | null
}

/** Compares the configured ROAs with the published objects. */
export function roaRows(state: CaState, timing: Timing): readonly RoaRow[] {
  const objects = objectsByPayload(state, timing)
  const held = heldSets(state)
  return Object.entries(state.roas)
    .map(([text, config]) => ({ text, config, payload: payloadOf(config) }))
    .sort((a, b) => compareRoaPayload(a.payload, b.payload))
    .map(({ text, config, payload }) => {
      const object = objects.get(text) ?? null
      const isHeld = held.some((set) => containsPrefix(set, payload.prefix))
      return row(text, config, object === null ? (isHeld ? 'pending' : 'notHeld') : 'published', object)
    })
}

/**
 * Returns the rows with `pending` for each object that a repository elsewhere may not have: what it has not confirmed, and all objects while
 * it is not known which of them it has.
 */
export function confirmedRows(
  state: CaState,
  timing: Timing,
  confirmedAt: (place: Place) => ConfirmedObjects | undefined,
): readonly RoaRow[] {
  const rows = roaRows(state, timing)
  if (!isUnconfirmed(state)) return rows
  const waiting = new Set(PLACES.filter((place) => isUnconfirmedAt(state, place)).flatMap(missing))
  function missing(place: Place): readonly string[] {
    const [base, confirmed] = [repositoryAt(state, place)?.base, confirmedAt(place)]
    const files = filesAt(state, place).filter(({ sha256 }) => confirmed?.has(sha256) !== true)
    return files.map(({ name }) => `${base}${name}`)
  }
  const isConfirmed = ({ uri }: NonNullable<RoaRow['object']>): boolean => !waiting.has(uri)
  return rows.map((own) => (own.object === null || isConfirmed(own.object) ? own : { ...own, state: 'pending' }))
}

function row(text: string, config: RoaConfig, state: RoaRow['state'], object: RoaRow['object']): RoaRow {
  const { asn, prefix, maxLength, comment } = config
  return { roa: text, prefix, maxLength, asn, ...(comment === null ? {} : { comment }), state, object }
}

/** Returns the published object of each payload. */
function objectsByPayload(state: CaState, timing: Timing): ReadonlyMap<string, NonNullable<RoaRow['object']>> {
  const found = new Map<string, NonNullable<RoaRow['object']>>()
  if (state.repository === null) return found
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key === undefined) continue
    const held = fromResourceText(key.certificate.resources)
    for (const roa of desiredRoas(state.roas, held, resourceClass.aggregated, timing).roas) {
      const object = entry(key.point.objects, roa.name)
      if (object === undefined || object.content !== roa.content) continue
      const uri = `${issuerOf(state, resourceClass, key).base}${roa.name}`
      for (const payload of roa.payloads)
        found.set(formatRoaPayload(payload), { uri, serial: object.serial, notAfter: object.notAfter })
    }
  }
  return found
}
