/** ROA objects (RFC 9582): those that the configured ROAs and the certificate of a class lead to, and how they are issued. */
import { entry, type Table } from '../base/record.js'
import { isDue } from '../issuing/due.js'
import { issueRoa } from '../issuing/issuer.js'
import type { NamedObject, PublicationPoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { Issuer } from '../issuing/signing.js'
import { contentDigest } from '../issuing/stored.js'
import { trustedPrefix } from '../resources/prefix.js'
import { containsPrefix } from '../resources/resource-set.js'
import { formatRoaPayload, roaAggregateFileName, roaFileName } from '../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'
import { kindOf } from '../rpki/object-kinds.js'
import type { RoaConfig } from './state.js'

export interface Thresholds {
  readonly roaAggregateThreshold: number
  readonly roaDeaggregateThreshold: number
}

/** One ROA object that should be published. */
export interface DesiredRoa {
  readonly name: string
  readonly asn: number
  readonly payloads: readonly RoaPayload[]
  /** Digest of the payloads: an object with the same content is not signed again. */
  readonly content: string
}

/** Returns the configured ROA as a payload. */
export function payloadOf(config: Pick<RoaConfig, 'asn' | 'prefix' | 'maxLength'>): RoaPayload {
  return { asn: config.asn, prefix: trustedPrefix(config.prefix), maxLength: config.maxLength }
}

/** Returns the ROA objects that a class holding `held` should publish: one per prefix, or one per AS once their number is above the threshold and until it falls below the lower one. */
export function desiredRoas(
  roas: Table<RoaConfig>,
  held: ResourceSet,
  aggregated: boolean,
  limits: Thresholds,
): { readonly aggregated: boolean; readonly roas: readonly DesiredRoa[] } {
  const payloads = Object.values(roas)
    .map(payloadOf)
    .filter((p) => containsPrefix(held, p.prefix))
  const isAggregated = aggregated
    ? payloads.length >= limits.roaDeaggregateThreshold
    : payloads.length > limits.roaAggregateThreshold
  return { aggregated: isAggregated, roas: isAggregated ? perAs(payloads) : payloads.map(single) }
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

/** Issues ROAs that are missing, changed or about to expire, and those of which `anew` returns true; withdraws those that are not desired. */
export async function reconcileRoas(
  desiredObjects: readonly DesiredRoa[],
  issuer: Issuer,
  point: PublicationPoint,
  ports: IssuingPorts,
  anew: (name: string) => boolean = () => false,
): Promise<{ readonly put: readonly NamedObject[]; readonly drop: readonly string[] }> {
  const names = new Set(desiredObjects.map((roa) => roa.name))
  const drop = Object.keys(point.objects).filter((name) => kindOf(name) === 'roa' && !names.has(name))
  const due = desiredObjects.filter((roa) => anew(roa.name) || mustIssue(roa, point, ports))
  const put = await Promise.all(due.map((roa) => issue(roa, issuer, ports)))
  return { put, drop }
}

function mustIssue(roa: DesiredRoa, point: PublicationPoint, ports: IssuingPorts): boolean {
  const object = entry(point.objects, roa.name)
  if (object === undefined || object.content !== roa.content) return true
  return isDue('roa', object.notAfter, ports)
}

function issue(roa: DesiredRoa, issuer: Issuer, ports: IssuingPorts): Promise<NamedObject> {
  const addresses = roa.payloads.map((p) => ({ ...p.prefix, maxLength: p.maxLength }))
  return issueRoa(issuer, roa.name, { asn: roa.asn, addresses }, roa.content, ports)
}
