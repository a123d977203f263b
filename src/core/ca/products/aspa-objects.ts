/** ASPA objects (draft-ietf-sidrops-aspa-profile): those that the configured ASPAs and the certificate of a class lead to, and how they are issued. */
import type { Table } from '../../base/record.js'
import { issueAspa } from '../../issuing/issuer.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import type { Issuer } from '../../issuing/signing.js'
import { contentDigest } from '../../issuing/stored.js'
import { aspaFileName, formatAspa } from '../../resources/aspa-payload.js'
import { containsAsn } from '../../resources/resource-set.js'
import type { ResourceSet } from '../../resources/types.js'
import type { AspaConfig } from '../state/configured.js'
import type { DesiredKind, DesiredProduct } from './products.js'

export interface DesiredAspa extends DesiredProduct {
  readonly config: AspaConfig
}

/** Returns true if the resources have the customer AS; its providers belong to others. */
export function isAspaHeld({ customer }: Pick<AspaConfig, 'customer'>, held: ResourceSet): boolean {
  return containsAsn(held, customer)
}

/** Returns the object that a configured ASPA leads to in a class that holds its customer AS. */
export function aspaObject(config: AspaConfig): DesiredAspa {
  return { name: aspaFileName(config.customer), content: contentDigest(formatAspa(config)), config }
}

/** Returns the ASPA objects that a class holding `held` should publish, as products of it. */
export function aspaProducts(
  aspas: Table<AspaConfig> = {},
  held: ResourceSet,
  issuer: Issuer,
  ports: IssuingPorts,
): DesiredKind<DesiredAspa> {
  const desired = Object.values(aspas)
    .filter((config) => isAspaHeld(config, held))
    .map(aspaObject)
  const issue = ({ name, content, config: { customer, providers } }: DesiredAspa) =>
    issueAspa(issuer, name, { customer, providers }, content, ports)
  return { kind: 'asa', desired, issue }
}
