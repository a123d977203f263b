/**
 * Suspension of a child: nothing is certified for it, and what it has is revoked and withdrawn. The certificates that it had are kept, so that it
 * gets new ones for the same keys when it is back: what these keys have signed is valid again.
 */
import { type Table, withoutEntry } from '../base/record.js'
import type { Instant } from '../base/time.js'
import { fromResourceText, intersection, isEmpty } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import {
  type Child,
  type ChildChanges,
  certify,
  entitled,
  type IssuedCertificate,
  merge,
  type ParkedCertificate,
} from './children.js'
import type { IssuingPorts } from './ports.js'
import type { Issuer } from './signing.js'

/**
 * Returns a child that is suspended from `since` on. `parks`: false for one of this data directory whose suspension was recorded before its
 * certificates were kept; it lost its classes and requests certificates for new keys when it is back.
 */
export function suspended(
  child: Child,
  since: Instant,
  parks: boolean,
  classOf: (certificate: IssuedCertificate) => string | undefined,
): Child {
  if (child.transport === 'local' && !parks) return { ...child, suspended: since }
  const parked = Object.entries(child.issued).flatMap(([ski, certificate]) => {
    const name = classOf(certificate)
    return name === undefined ? [] : [[ski, { ...certificate, class: name }] as const]
  })
  return { ...child, suspended: since, parked: Object.fromEntries(parked) }
}

/** Returns a child that is suspended no longer. */
export function unsuspended({ suspended: _, parked: __, ...child }: Child): Child {
  return child
}

/** Returns true if a child is suspended and its certificates are kept: a CA of this data directory keeps its classes meanwhile. */
export function isParked({ suspended: since, parked }: Child): boolean {
  return since !== undefined && parked !== undefined
}

/** Returns a suspended child that gets no certificate for this key any more when it is back. */
export function withoutParked(child: Child, ski: string): Child {
  if (child.parked === undefined) return child
  return { ...child, parked: withoutEntry(child.parked, ski) }
}

/** Returns the certificates of a child, those of the time before it was suspended included. */
export function knownCertificates({ issued, parked = {} }: Child): Table<IssuedCertificate> {
  return { ...parked, ...issued }
}

/** Issues what a child had in a class before it was suspended, as far as it is still entitled to it. */
export async function reissueParked(
  child: Child,
  parked: readonly ParkedCertificate[],
  issuer: Issuer,
  held: ResourceSet,
  ports: IssuingPorts,
): Promise<ChildChanges> {
  const changes: ChildChanges[] = []
  for (const { class: _, ...certificate } of parked) {
    const resources = intersection(fromResourceText(certificate.resources), entitled(child, held))
    if (!isEmpty(resources)) changes.push(await certify(issuer, certificate, resources, ports))
  }
  return merge(changes)
}
