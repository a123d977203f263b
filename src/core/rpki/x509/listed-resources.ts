/** The resources that a certificate lists, as a set that can be compared. */
import { resourceSet } from '../../resources/algebra.js'
import type { ResourceSet } from '../../resources/types.js'
import type { CertificateResources } from './types.js'

/** Returns the listed resources; inherited and absent families are empty, and reversed ranges, a finding of their own, are left out. */
export function listedResources({ asn, ipv4, ipv6 }: CertificateResources): ResourceSet {
  return resourceSet({ asn: listOf(asn), ipv4: listOf(ipv4), ipv6: listOf(ipv6) })
}

function listOf<R extends { readonly min: unknown; readonly max: unknown }>(
  part: readonly R[] | 'inherit' | undefined,
): readonly R[] {
  if (part === undefined || part === 'inherit') return []
  return part.filter(({ min, max }) => (min as bigint) <= (max as bigint))
}
