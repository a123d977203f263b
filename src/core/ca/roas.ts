/**
 * ROAs: what the operator wants, what the certificate allows, and which objects say it (RFC 9582).
 * Invariant: configuration outlives resources; a ROA that is not held is kept, reported, and comes back with the resources.
 */
import type { Violation } from '../base/errors.js'
import { entry, type Table, withEntries } from '../base/record.js'
import { issueRoa } from '../issuing/issuer.js'
import type { NamedObject, PublicationPoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { dueBefore } from '../issuing/signed-at.js'
import type { Issuer } from '../issuing/signing.js'
import { contentDigest } from '../issuing/stored.js'
import { formatPrefix, trustedPrefix } from '../resources/prefix.js'
import { containsPrefix, fromResourceText, prefixSet } from '../resources/resource-set.js'
import { formatRoaPayload, roaAggregateFileName, roaFileName } from '../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'
import type { RoaAddition } from './commands.js'
import type { CaEvent } from './events.js'
import { type CaState, currentKey, type RoaConfig } from './state.js'

export interface Thresholds {
  readonly roaAggregateThreshold: number
  readonly roaDeaggregateThreshold: number
}

/** One ROA object that should stand. */
export interface DesiredRoa {
  readonly name: string
  readonly asn: number
  readonly payloads: readonly RoaPayload[]
  readonly content: string
}

/** What the operator wrote, as a value. */
export function payloadOf(config: Pick<RoaConfig, 'asn' | 'prefix' | 'maxLength'>): RoaPayload {
  return { asn: config.asn, prefix: trustedPrefix(config.prefix), maxLength: config.maxLength }
}

/** Resources of every current certificate of the CA. */
export function heldSets(state: CaState): readonly ResourceSet[] {
  return Object.values(state.classes).flatMap((c) => {
    const key = currentKey(c)
    return key === undefined ? [] : [fromResourceText(key.certificate.resources)]
  })
}

/** Every fault of a set of changes: duplicates in the set and in the CA, unknown removals, prefixes not held. */
export function checkRoasUpdate(
  state: CaState,
  add: readonly RoaAddition[],
  remove: readonly RoaPayload[],
): readonly Violation[] {
  const faults: Violation[] = []
  const fault = (code: string, roa: string, reason: string): void =>
    void faults.push({ code, message: `${roa}: ${reason}`, details: { roa } })
  const removed = new Set<string>()
  for (const payload of remove) {
    const text = formatRoaPayload(payload)
    if (removed.has(text)) fault('roa-duplicate', text, 'removed twice in this set')
    else if (entry(state.roas, text) === undefined) fault('roa-unknown', text, `${state.handle} has no such ROA`)
    removed.add(text)
  }
  const added = new Set<string>()
  const held = heldSets(state)
  for (const { payload } of add) {
    const text = formatRoaPayload(payload)
    if (added.has(text)) fault('roa-duplicate', text, 'added twice in this set')
    else if (removed.has(text)) fault('roa-duplicate', text, 'both added and removed in this set')
    else if (entry(state.roas, text) !== undefined) fault('roa-duplicate', text, `${state.handle} has it already`)
    if (!held.some((set) => containsPrefix(set, payload.prefix)))
      fault('roa-not-held', text, `${state.handle} does not hold ${formatPrefix(payload.prefix)}`)
    added.add(text)
  }
  return faults
}

/** The event of an update that passed its checks. */
export function roasUpdated(
  add: readonly RoaAddition[],
  remove: readonly RoaPayload[],
  ports: Pick<IssuingPorts, 'clock'>,
): CaEvent {
  const since = ports.clock.now()
  return {
    type: 'roas.updated',
    added: add.map(({ payload, comment }) => ({
      asn: payload.asn,
      prefix: formatPrefix(payload.prefix),
      maxLength: payload.maxLength,
      comment,
      since,
    })),
    removed: remove.map((r) => formatRoaPayload(r)),
  }
}

export function evolveRoas(
  roas: Table<RoaConfig>,
  event: Extract<CaEvent, { type: 'roas.updated' }>,
): Table<RoaConfig> {
  return withEntries(
    roas,
    event.added.map((config) => [formatRoaPayload(payloadOf(config)), config] as const),
    event.removed,
  )
}

/** The ROA objects that a class holding `held` should publish: one per prefix, or one per AS above the threshold, until it falls below the lower one. */
export function desiredRoas(
  roas: Table<RoaConfig>,
  held: ResourceSet,
  aggregated: boolean,
  limits: Thresholds,
): { readonly aggregated: boolean; readonly roas: readonly DesiredRoa[] } {
  const payloads = Object.values(roas)
    .map(payloadOf)
    .filter((p) => containsPrefix(held, p.prefix))
  const many = aggregated
    ? payloads.length >= limits.roaDeaggregateThreshold
    : payloads.length > limits.roaAggregateThreshold
  return { aggregated: many, roas: many ? perAs(payloads) : payloads.map(single) }
}

function single(payload: RoaPayload): DesiredRoa {
  return desired(roaFileName(payload), payload.asn, [payload])
}

function perAs(payloads: readonly RoaPayload[]): readonly DesiredRoa[] {
  const groups = new Map<number, RoaPayload[]>()
  for (const payload of payloads) {
    const group = groups.get(payload.asn)
    if (group === undefined) groups.set(payload.asn, [payload])
    else group.push(payload)
  }
  return [...groups].map(([asn, group]) => desired(roaAggregateFileName(asn), asn, group))
}

function desired(name: string, asn: number, payloads: readonly RoaPayload[]): DesiredRoa {
  return { name, asn, payloads, content: contentDigest(payloads.map(formatRoaPayload).sort()) }
}

/** Issues what is missing, changed or running out (`anew`: all), and drops what should not stand. */
export async function reconcileRoas(
  wanted: readonly DesiredRoa[],
  issuer: Issuer,
  point: PublicationPoint,
  ports: IssuingPorts,
  anew = false,
): Promise<{ readonly put: readonly NamedObject[]; readonly drop: readonly string[] }> {
  const names = new Set(wanted.map((roa) => roa.name))
  const drop = Object.keys(point.objects).filter((name) => name.endsWith('.roa') && !names.has(name))
  const due = wanted.filter((roa) => anew || mustIssue(roa, point, ports))
  const put = await Promise.all(due.map((roa) => issue(roa, issuer, ports)))
  return { put, drop }
}

function mustIssue(roa: DesiredRoa, point: PublicationPoint, ports: IssuingPorts): boolean {
  const object = entry(point.objects, roa.name)
  if (object === undefined || object.content !== roa.content) return true
  return ports.clock.now() >= dueBefore(object.notAfter, ports.timing.roaReissueSeconds)
}

function issue(roa: DesiredRoa, issuer: Issuer, ports: IssuingPorts): Promise<NamedObject> {
  const addresses = roa.payloads.map((p) => ({ ...p.prefix, maxLength: p.maxLength }))
  const ee = prefixSet(roa.payloads.map((p) => p.prefix))
  return issueRoa(issuer, roa.name, { asn: roa.asn, addresses }, ee, roa.content, ports)
}
