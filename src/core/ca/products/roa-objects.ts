/** ROA objects (RFC 9582): those that the configured ROAs and the certificate of a class lead to, and how they are issued. */
import type { Table } from '../../base/record.js'
import { issueRoa } from '../../issuing/issuer.js'
import type { NamedObject } from '../../issuing/point.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import type { Issuer } from '../../issuing/signing.js'
import type { ResourceSet } from '../../resources/types.js'
import type { RoaConfig } from '../state/configured.js'
import type { DesiredKind } from './products.js'
import { type DesiredRoa, indexOf, isHeld, singleOf } from './roa-index.js'

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

/** Returns the ROA objects as products of a class. */
export function roaProducts(
  desired: readonly DesiredRoa[],
  issuer: Issuer,
  ports: IssuingPorts,
): DesiredKind<DesiredRoa> {
  const issue = ({ name, asn, payloads, content }: DesiredRoa): Promise<NamedObject> => {
    const addresses = payloads.map((p) => ({ ...p.prefix, maxLength: p.maxLength }))
    return issueRoa(issuer, name, { asn, addresses }, content, ports)
  }
  return { kind: 'roa', desired, issue }
}
