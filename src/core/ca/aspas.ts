/**
 * ASPAs that the operator configures (draft-ietf-sidrops-aspa-profile): one per customer AS, with the set of its providers.
 * Invariant: configuration outlives resources; an ASPA whose customer AS is not held is kept, reported, and published again with the AS.
 */
import type { Violation } from '../base/errors.js'
import { entry, withEntries } from '../base/record.js'
import { isText, listOf } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { formatAsn } from '../resources/asn.js'
import { type AspaPayload, checkProviders, formatAspa, formatProviders, sorted } from '../resources/aspa-payload.js'
import { isAspaHeld } from './products/aspa-objects.js'
import { MAX_PRODUCTS } from './products/products.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { heldSets } from './roas.js'
import { type AspaConfig, isAspaConfig } from './state/configured.js'
import type { CaState } from './state/state.js'

const event = eventsOn<CaState>()

export const aspaEvents = {
  'aspas.updated': event(
    {
      /** ASPAs that are new, and those that change, each as it is afterwards. */
      set: listOf(isAspaConfig),
      /** Texts `AS64496`. */
      removed: listOf(isText),
    },
    (state, { set, removed }) => {
      const put = set.map((config) => [formatAsn(config.customer), config] as const)
      return { ...state, aspas: withEntries(state.aspas ?? {}, put, removed) }
    },
  ),
}
type AspaEvent = EventOf<typeof aspaEvents>

export interface AspaAddition {
  readonly payload: AspaPayload
  readonly comment: string | null
}

/** Providers to add to and to remove from a configured ASPA; `comment`: left out, it stays. */
export interface AspaEdit {
  readonly customer: number
  readonly add: readonly number[]
  readonly remove: readonly number[]
  readonly comment?: string | null
}

export interface AspaChanges {
  readonly add: readonly AspaAddition[]
  readonly edit: readonly AspaEdit[]
  /** Customer AS numbers. */
  readonly remove: readonly number[]
}

const command = commandsOn<CaState, AspaEvent | PublishingEvent, IssuingPorts>()

export const aspaCommands = {
  'aspas.update': command<AspaChanges>({
    check: checkChanges,
    decide: (state, changes, ports) => {
      const { add, edit, remove } = changes
      return add.length + edit.length + remove.length === 0
        ? []
        : reconciled([aspasUpdated(state, changes, ports)], ports)
    },
    publishesOnly: false,
    summarize: ({ add, edit, remove }) => ({
      added: add.map(additionText),
      changed: edit.map(editText),
      removed: remove.map(formatAsn),
    }),
  }),
}

/** Returns the event by which the configuration changes. */
export function aspasUpdated(
  state: CaState,
  { add, edit, remove }: AspaChanges,
  { clock }: Pick<IssuingPorts, 'clock'>,
): AspaEvent {
  const since = clock.now()
  const added = add.map(({ payload: { customer, providers }, comment }) => {
    return { customer, providers: sorted(providers), comment, since }
  })
  const changed = edit.flatMap((own): readonly AspaConfig[] => {
    const config = configOf(state, own.customer)
    if (config === undefined) return []
    const comment = own.comment === undefined ? config.comment : own.comment
    return [{ ...config, providers: sorted(providersAfter(config, own)), comment }]
  })
  return { type: 'aspas.updated', set: [...added, ...changed], removed: remove.map(formatAsn) }
}

function additionText({ payload, comment }: AspaAddition): string {
  return comment === null ? formatAspa(payload) : `${formatAspa(payload)} # ${comment}`
}

function editText({ customer, add, remove }: AspaEdit): string {
  const part = (sign: string, asns: readonly number[]): readonly string[] =>
    asns.length === 0 ? [] : [`${sign}${formatProviders(asns)}`]
  return [formatAsn(customer), ...part('+', add), ...part('-', remove)].join(' ')
}

/** Returns the configured ASPA of a customer AS. */
export function configOf({ aspas = {} }: Pick<CaState, 'aspas'>, customer: number): AspaConfig | undefined {
  return entry(aspas, formatAsn(customer))
}

/** Returns the configured ASPAs by customer AS, ascending. */
export function configuredAspas({ aspas = {} }: Pick<CaState, 'aspas'>): readonly AspaConfig[] {
  return Object.values(aspas).sort((a, b) => a.customer - b.customer)
}

function providersAfter({ providers }: AspaConfig, { add, remove }: AspaEdit): readonly number[] {
  const gone = new Set(remove)
  return [...providers.filter((asn) => !gone.has(asn)), ...add]
}

/** Returns every violation of a set of changes: of the payloads, duplicates, unknown ASPAs and providers, customers that are not held. */
function checkChanges(state: CaState, changes: AspaChanges): readonly Violation[] {
  const named = new Set<number>()
  const once = (customer: number): readonly Violation[] => {
    if (named.has(customer)) return [violation('aspa-duplicate', customer, 'named twice in this set')]
    named.add(customer)
    return []
  }
  return [
    ...changes.remove.flatMap((customer) => [...once(customer), ...checkKnown(state, customer)]),
    ...changes.edit.flatMap((edit) => [...once(edit.customer), ...checkEdit(state, edit)]),
    ...changes.add.flatMap((one) => [...once(one.payload.customer), ...checkAddition(state, one)]),
    ...checkCount(state, changes),
  ]
}

function violation(code: string, customer: number, reason: string): Violation {
  return { code, message: `${formatAsn(customer)}: ${reason}`, details: { customer } }
}

function checkKnown(state: CaState, customer: number): readonly Violation[] {
  return configOf(state, customer) === undefined
    ? [violation('aspa-unknown', customer, `${state.handle} has no ASPA for it`)]
    : []
}

function checkEdit(state: CaState, edit: AspaEdit): readonly Violation[] {
  const { customer, add, remove } = edit
  const config = configOf(state, customer)
  if (config === undefined) return checkKnown(state, customer)
  const is = new Set(config.providers)
  const removed = new Set(remove)
  return [
    ...remove.flatMap((asn) =>
      is.has(asn) ? [] : [violation('aspa-provider-unknown', customer, `${formatAsn(asn)} is not among its providers`)],
    ),
    ...add.flatMap((asn) => {
      if (removed.has(asn))
        return [violation('aspa-provider-duplicate', customer, `${formatAsn(asn)} is both added and removed`)]
      return is.has(asn)
        ? [violation('aspa-provider-duplicate', customer, `${formatAsn(asn)} is a provider already`)]
        : []
    }),
    ...checkProviders(
      customer,
      providersAfter(config, { ...edit, add: add.filter((asn) => !is.has(asn) || removed.has(asn)) }),
    ),
  ]
}

function checkAddition(state: CaState, { payload }: AspaAddition): readonly Violation[] {
  const { customer, providers } = payload
  const isHeld = heldSets(state).some((held) => isAspaHeld(payload, held))
  return [
    ...checkProviders(customer, providers),
    ...(configOf(state, customer) === undefined
      ? []
      : [violation('aspa-duplicate', customer, `${state.handle} has an ASPA for it already`)]),
    ...(isHeld ? [] : [violation('aspa-not-held', customer, `${state.handle} does not hold it`)]),
  ]
}

/** Returns the violation of a configuration with more ASPAs than a manifest can list beside ROAs and router keys. */
function checkCount({ roas, aspas = {}, routers = {} }: CaState, { add, remove }: AspaChanges): readonly Violation[] {
  const count = Object.keys(aspas).length + add.length - remove.length
  const free = MAX_PRODUCTS - Object.keys(routers).length
  if (add.length === 0 || count + Object.keys(roas).length <= free) return []
  const most = free - new Set(Object.values(roas).map(({ asn }) => asn)).size
  if (count <= most) return []
  return [{ code: 'aspa-too-many', message: `too many ASPAs: ${count}, a manifest lists the objects of ${most}` }]
}
