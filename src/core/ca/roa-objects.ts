/** ROA objects (RFC 9582): those that the configured ROAs and the certificate of a class lead to, and how they are issued. */
import { entry, type Table } from '../base/record.js'
import { isDue } from '../issuing/due.js'
import { issueRoa } from '../issuing/issuer.js'
import type { NamedObject, PublicationPoint } from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { Issuer } from '../issuing/signing.js'
import type { ResourceSet } from '../resources/types.js'
import { kindOf } from '../rpki/object-kinds.js'
import { type DesiredRoa, indexOf, isHeld, singleOf } from './roa-index.js'
import type { RoaConfig } from './state.js'

export interface Thresholds {
  readonly roaAggregateThreshold: number
  readonly roaDeaggregateThreshold: number
}

export interface DesiredRoas {
  readonly aggregated: boolean
  readonly roas: readonly DesiredRoa[]
  /** Returns the object that should have a configured ROA; undefined if the class does not hold its prefix. */
  readonly objectOf: (text: string, config: RoaConfig) => DesiredRoa | undefined
}

/** Returns the ROA objects that a class holding `held` should publish: one per prefix, or one per AS once their number is above the threshold and until it falls below the lower one. */
export function desiredRoas(
  roas: Table<RoaConfig>,
  held: ResourceSet,
  aggregated: boolean,
  limits: Thresholds,
): DesiredRoas {
  const { count, byAs, single } = indexOf(roas, held)
  const isAggregated = aggregated ? count >= limits.roaDeaggregateThreshold : count > limits.roaAggregateThreshold
  const objectOf = (text: string, config: RoaConfig): DesiredRoa | undefined => {
    if (!isHeld(config, held)) return undefined
    return isAggregated ? byAs.get(config.asn) : singleOf(text, config)
  }
  return { aggregated: isAggregated, roas: isAggregated ? [...byAs.values()] : single(), objectOf }
}

/** Returns true if the point has the object as it should be, whether it is due or not. */
export function isPublished(roa: DesiredRoa, point: PublicationPoint): boolean {
  return entry(point.objects, roa.name)?.content === roa.content
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
  return object === undefined || !isPublished(roa, point) || isDue('roa', object.notAfter, ports)
}

function issue(roa: DesiredRoa, issuer: Issuer, ports: IssuingPorts): Promise<NamedObject> {
  const addresses = roa.payloads.map((p) => ({ ...p.prefix, maxLength: p.maxLength }))
  return issueRoa(issuer, roa.name, { asn: roa.asn, addresses }, roa.content, ports)
}
