/**
 * ROAs that the operator configures (RFC 9582): additions, removals and their rules.
 * Invariant: configuration outlives resources; a ROA that is not held is kept, reported, and published again with the resources.
 */
import type { Violation } from '../base/errors.js'
import { entry } from '../base/record.js'
import { isText, listOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { formatPrefix } from '../resources/prefix.js'
import { containsPrefix, fromResourceText } from '../resources/resource-set.js'
import { formatRoaPayload } from '../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'
import { MAX_PRODUCTS } from './products/products.js'
import { changedRoas } from './products/roa-index.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import {
  type ChangedTexts,
  checkDates,
  type Dates,
  datesText,
  type RoaDates,
  type RoaScheduleEvent,
  roasScheduled,
  scheduledOf,
} from './roa-schedule.js'
import { isRoaConfig, type RoaConfig } from './state/configured.js'
import { type CaState, currentKey } from './state/state.js'

const event = eventsOn<CaState>()

export const roaEvents = {
  'roas.updated': event(
    {
      added: listOf(isRoaConfig),
      /** Texts `P-L => ASN`. */
      removed: listOf(isText),
    },
    (state, { added, removed }) => ({ ...state, roas: changedRoas(state.roas, added, removed) }),
  ),
}
type RoaEvent = EventOf<typeof roaEvents>

export interface RoaAddition {
  readonly payload: RoaPayload
  readonly comment: string | null
}

export interface RoaChanges {
  readonly add: readonly RoaAddition[]
  readonly remove: readonly RoaPayload[]
  /** Configured ROAs that get another comment; left out: none. */
  readonly annotate?: readonly RoaAddition[]
  /** Dates that ROAs get; absent if no ROA gets one. */
  readonly dates?: Dates
}

const command = commandsOn<CaState, RoaEvent | RoaScheduleEvent | PublishingEvent, IssuingPorts>()

export const roaCommands = {
  'roas.update': command<RoaChanges>({
    check: checkChanges,
    decide: (state, changes, ports) => {
      const { add, remove, annotate = [] } = changes
      const isDated = state.scheduled !== undefined || changes.dates !== undefined
      const scheduled = isDated ? roasScheduled(state, textsOf(changes), changes.dates?.rows ?? []) : undefined
      const dates = scheduled === undefined ? [] : [scheduled]
      // dates alone change nothing that is published
      if (add.length + remove.length + annotate.length === 0) return dates
      return reconciled([roasUpdated(state, changes, ports), ...dates], ports)
    },
    publishesOnly: false,
    summarize: ({ add, remove, annotate = [], dates }) => ({
      added: add.map(additionText),
      removed: remove.map((r) => formatRoaPayload(r)),
      ...(annotate.length === 0 ? {} : { annotated: annotate.map(additionText) }),
      ...(dates === undefined || dates.rows.length === 0 ? {} : { dates: dates.rows.map(datedText) }),
    }),
  }),
}

/** Returns the event by which the configuration changes. */
export function roasUpdated(
  { roas }: CaState,
  { add, remove, annotate = [] }: RoaChanges,
  { clock }: Pick<IssuingPorts, 'clock'>,
): RoaEvent {
  const now = clock.now()
  const config = ({ payload: { asn, prefix, maxLength }, comment }: RoaAddition, since: Instant): RoaConfig => {
    return { asn, prefix: formatPrefix(prefix), maxLength, comment, since }
  }
  const annotated = annotate.map((one) => config(one, entry(roas, formatRoaPayload(one.payload))?.since ?? now))
  const added = [...annotated, ...add.map((one) => config(one, now))]
  return { type: 'roas.updated', added, removed: remove.map((r) => formatRoaPayload(r)) }
}

function additionText({ payload, comment }: RoaAddition): string {
  const text = formatRoaPayload(payload)
  return comment === null ? text : `${text} # ${comment}`
}

/** Returns `P-L => ASN from T until T`, and its comment; `without dates` in their place where it loses them. */
function datedText({ payload, comment, from, until }: RoaDates): string {
  const text = `${formatRoaPayload(payload)} ${datesText({ from, until }) || 'without dates'}`
  return comment === null ? text : `${text} # ${comment}`
}

function textsOf({ add, remove }: RoaChanges): ChangedTexts {
  return {
    added: new Set(add.map(({ payload }) => formatRoaPayload(payload))),
    removed: new Set(remove.map(formatRoaPayload)),
  }
}

/** Returns the resources of every current certificate of the CA. */
export function heldSets(state: CaState): readonly ResourceSet[] {
  return Object.values(state.classes).flatMap((c) => {
    const key = currentKey(c)
    return key === undefined ? [] : [fromResourceText(key.certificate.resources)]
  })
}

/** Returns the violation of a configuration with more AS numbers, and so ROA objects, than a manifest can list beside ASPAs and router keys. */
function checkAsNumbers(
  { roas, aspas = {}, routers = {} }: CaState,
  { add, remove }: RoaChanges,
): readonly Violation[] {
  const most = MAX_PRODUCTS - Object.keys(aspas).length - Object.keys(routers).length
  if (Object.keys(roas).length + add.length <= most) return []
  const gone = new Set(remove.map(formatRoaPayload))
  const asns = new Set(add.map(({ payload }) => payload.asn))
  for (const [text, { asn }] of Object.entries(roas)) if (!gone.has(text)) asns.add(asn)
  if (asns.size <= most) return []
  const message = `too many AS numbers: ROAs for ${asns.size}, a manifest lists the objects of ${most}`
  return [{ code: 'roa-too-many-asns', message }]
}

/** Returns the function that says that a ROA is absent, and names those that differ in maxLength alone. */
function nearMatches({ handle, roas }: CaState): (payload: RoaPayload) => string {
  const keyOf = (asn: number, prefix: string): string => `${prefix} ${asn}`
  let known: Map<string, string[]> | undefined
  return ({ asn, prefix }) => {
    if (known === undefined) {
      known = new Map()
      for (const [text, config] of Object.entries(roas)) {
        const key = keyOf(config.asn, config.prefix)
        known.set(key, [...(known.get(key) ?? []), text])
      }
    }
    const near = known.get(keyOf(asn, formatPrefix(prefix))) ?? []
    return `${handle} has no such ROA${near.length === 0 ? '' : `, it has ${near.join(', ')}`}`
  }
}

/** Returns every violation of a set of changes: duplicates in the set and in the CA, unknown ROAs, prefixes that are not held. */
function checkChanges(state: CaState, changes: RoaChanges): readonly Violation[] {
  const { add, remove, annotate = [], dates } = changes
  const found: Violation[] = []
  const violation = (code: string, roa: string, reason: string): void =>
    void found.push({ code, message: `${roa}: ${reason}`, details: { roa } })
  const near = nearMatches(state)
  const removed = new Set<string>()
  for (const payload of remove) {
    const text = formatRoaPayload(payload)
    if (removed.has(text)) violation('roa-duplicate', text, 'removed twice in this set')
    else if (entry(state.roas, text) === undefined) violation('roa-unknown', text, near(payload))
    removed.add(text)
  }
  for (const { payload } of annotate) {
    const text = formatRoaPayload(payload)
    if (removed.has(text)) violation('roa-duplicate', text, 'both annotated and removed in this set')
    else if (entry(state.roas, text) === undefined) violation('roa-unknown', text, near(payload))
  }
  const added = new Set<string>()
  const held = heldSets(state)
  // what was accepted for later is configuration, which outlives the resources
  const isAllowed = (payload: RoaPayload): boolean =>
    held.some((set) => containsPrefix(set, payload.prefix)) ||
    scheduledOf(state, formatRoaPayload(payload))?.from !== undefined
  for (const { payload } of add) {
    const text = formatRoaPayload(payload)
    if (added.has(text)) violation('roa-duplicate', text, 'added twice in this set')
    else if (removed.has(text)) violation('roa-duplicate', text, 'both added and removed in this set')
    else if (entry(state.roas, text) !== undefined) violation('roa-duplicate', text, `${state.handle} has it already`)
    if (!isAllowed(payload))
      violation('roa-not-held', text, `${state.handle} does not hold ${formatPrefix(payload.prefix)}`)
    added.add(text)
  }
  for (const { payload, from } of dates?.rows ?? []) {
    if (from === null || isAllowed(payload)) continue
    violation(
      'roa-not-held',
      formatRoaPayload(payload),
      `${state.handle} does not hold ${formatPrefix(payload.prefix)}`,
    )
  }
  const dated = dates === undefined ? [] : checkDates(state, dates, textsOf(changes))
  return [...found, ...dated, ...checkAsNumbers(state, { add, remove })]
}
