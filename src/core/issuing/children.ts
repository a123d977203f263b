/**
 * Children of a CA or trust anchor: their entitlements, the certificates issued to them, re-issue and withdrawal.
 * Invariant: a child's certificate never holds more than the entitlement and the issuer's own certificate together (RFC 6487 section 7.2).
 */
import type { Handle } from '../base/handle.js'
import { entry, type Table, withEntries } from '../base/record.js'
import { type Check, isHash, isKeyId, isName, isText, isTime, objectOf } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import {
  ALL_RESOURCES,
  containsSet,
  equalSets,
  fromResourceText,
  intersection,
  isEmpty,
  isResourceText,
  NO_RESOURCES,
  toResourceText,
} from '../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../resources/types.js'
import { fileName, kindOf } from '../rpki/object-kinds.js'
import { isDue } from './due.js'
import { issueCaCertificate } from './issuer.js'
import type { NamedObject, PublicationPoint } from './point.js'
import type { IssuingPorts } from './ports.js'
import type { Issuer } from './signing.js'
import { contentDigest, spkiOf } from './stored.js'

/** STORED. Where a child publishes (RFC 6487 section 4.8.8). */
export interface ChildSia {
  readonly caRepository: string
  readonly manifest: string
  readonly notify?: string
}

/** STORED. A certificate issued to one key of a child. */
export interface IssuedCertificate {
  readonly child: Handle
  readonly ski: KeyId
  /** Base64 of the child's SubjectPublicKeyInfo: kept so that the certificate can be shrunk without a request of the child. */
  readonly spki: string
  readonly sia: ChildSia
  readonly resources: ResourceText
  readonly sha256: Sha256
  readonly notAfter: Instant
  /** Resources that the child asked for, where it did not ask for all (`req_resource_set_*`, RFC 6492 section 3.4.1). */
  readonly limit?: ResourceLimit
}

/** STORED. A certificate that a suspended child had, and the class that issued it. */
export interface ParkedCertificate extends IssuedCertificate {
  readonly class: string
}

/** STORED. An absent family asks for all of it, an empty one for none. */
export type ResourceLimit = Partial<ResourceText>

const isResourceLimit: Check<ResourceLimit> = objectOf<ResourceLimit>({
  'asn?': isText,
  'ipv4?': isText,
  'ipv6?': isText,
})

export const isIssuedCertificate: Check<IssuedCertificate> = objectOf<IssuedCertificate>({
  child: isName,
  ski: isKeyId,
  spki: isText,
  sia: objectOf<ChildSia>({ caRepository: isText, manifest: isText, 'notify?': isText }),
  resources: isResourceText,
  sha256: isHash,
  notAfter: isTime,
  'limit?': isResourceLimit,
})

/** STORED. A certificate that is no longer published. */
export interface Withdrawal {
  readonly child: Handle
  readonly ski: KeyId
}

export const isWithdrawal: Check<Withdrawal> = objectOf<Withdrawal>({ child: isName, ski: isKeyId })

/** STORED. */
export interface Child {
  /** How the child sends requests: as a CA of the same data directory, or by messages. */
  readonly transport: 'local' | 'rfc6492'
  readonly resources: ResourceText
  /** By key identifier. */
  readonly issued: Table<IssuedCertificate>
  /** Base64 DER of the ID certificate that verifies its messages. */
  readonly peer?: string
  /** When that certificate was given to us: a message that was signed before is a replay. Left out: by a version that did not record it. */
  readonly since?: Instant
  /** Our ID key that it was given. */
  readonly id?: KeyId
  /** End of the certificate of that key which it holds; left out: of the first one. */
  readonly idUntil?: Instant
  /** Signing time of its last message that changed something: an older one is a replay (RFC 6492 section 3.1.2). */
  readonly signedAt?: Instant
  /** Since when nothing is published for it, because it was silent for too long or by the operator. */
  readonly suspended?: Instant
  /** The certificates that it had then; left out for a child of this data directory that was suspended before they were kept. */
  readonly parked?: Table<ParkedCertificate>
}

/** A certificate request of a child. The caller has verified proof of possession. */
export interface ChildRequest {
  readonly child: Handle
  readonly ski: KeyId
  readonly spki: string
  readonly sia: ChildSia
  readonly limit?: ResourceLimit
}

/** A child's entitlement in one class and the certificates issued under it (the response to a `list`, RFC 6492 section 3.3.2). */
export interface Entitlement {
  readonly className: string
  readonly resources: ResourceText
  /** URI of the issuing key's publication point, with trailing slash. */
  readonly issuerUri: string
  readonly issued: readonly IssuedCertificate[]
}

/** Changes of the publication point that follow from a change of the children. */
export interface ChildChanges {
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
  readonly issued: readonly IssuedCertificate[]
  readonly withdrawn: readonly Withdrawal[]
}

export const NO_CHILD_CHANGES: ChildChanges = { put: [], drop: [], issued: [], withdrawn: [] }

/** Returns the table with issued and withdrawn certificates applied. Total: a child that was removed is ignored. */
export function evolveChildren(
  children: Table<Child>,
  changes: Pick<ChildChanges, 'issued' | 'withdrawn'>,
): Table<Child> {
  // one copy of the table for the event, and one of the certificates of each child that changes
  const changed = new Map<string, { readonly child: Child; readonly issued: Map<string, IssuedCertificate> }>()
  const issuedTo = (name: Handle): Map<string, IssuedCertificate> | undefined => {
    const child = entry(children, name)
    if (child !== undefined && !changed.has(name))
      changed.set(name, { child, issued: new Map(Object.entries(child.issued)) })
    return changed.get(name)?.issued
  }
  for (const certificate of changes.issued) issuedTo(certificate.child)?.set(certificate.ski, certificate)
  for (const { child, ski } of changes.withdrawn) issuedTo(child)?.delete(ski)
  if (changed.size === 0) return children
  return withEntries(
    children,
    [...changed].map(([name, { child, issued }]) => [name, { ...child, issued: withEntries({}, issued) }] as const),
  )
}

/** Returns the resources that the child is entitled to under an issuing certificate with the resources `held`. */
export function entitled(child: Child, held: ResourceSet): ResourceSet {
  if (child.suspended !== undefined) return NO_RESOURCES
  return intersection(fromResourceText(child.resources), held)
}

/** Returns the part of `resources` that a request asks for (`req_resource_set_*`, RFC 6492 section 3.4.1). */
export function limited(resources: ResourceSet, limit: ResourceLimit | undefined): ResourceSet {
  if (limit === undefined) return resources
  const all = toResourceText(ALL_RESOURCES)
  return intersection(resources, fromResourceText({ ...all, ...limit }))
}

/** Issues or re-issues one certificate on request. */
export async function certify(
  issuer: Issuer,
  request: ChildRequest,
  resources: ResourceSet,
  ports: IssuingPorts,
): Promise<ChildChanges> {
  const text = toResourceText(resources)
  const sia = { kind: 'ca' as const, ...request.sia }
  const object = await issueCaCertificate(
    issuer,
    { ski: request.ski, spki: spkiOf(request.spki), sia, resources },
    contentDigest({ ski: request.ski, sia: request.sia, text }),
    ports,
  )
  const issued: IssuedCertificate = { ...request, resources: text, sha256: object.sha256, notAfter: object.notAfter }
  return { put: [object], drop: [], issued: [issued], withdrawn: [] }
}

/**
 * Brings the certificates already issued up to date: shrinks those that hold too much, withdraws those that hold nothing any more, renews
 * those that are due (and those of which `anew` returns true). A certificate grows only on the child's own request.
 */
export async function reconcileChildren(
  children: Table<Child>,
  issuer: Issuer,
  point: PublicationPoint,
  held: ResourceSet,
  ports: IssuingPorts,
  anew: (name: string) => boolean = () => false,
): Promise<ChildChanges> {
  const changes: ChildChanges[] = []
  const named = new Set<string>()
  for (const child of Object.values(children)) {
    for (const certificate of Object.values(child.issued)) {
      const name = fileName('cer', certificate.ski)
      if (entry(point.objects, name)?.sha256 !== certificate.sha256) continue
      named.add(name)
      changes.push(await reconcileOne(child, certificate, issuer, held, ports, anew(name)))
    }
  }
  const stray = Object.keys(point.objects).filter((name) => kindOf(name) === 'cer' && !named.has(name))
  return merge([...changes, { ...NO_CHILD_CHANGES, drop: stray }])
}

async function reconcileOne(
  child: Child,
  certificate: IssuedCertificate,
  issuer: Issuer,
  held: ResourceSet,
  ports: IssuingPorts,
  anew: boolean,
): Promise<ChildChanges> {
  const may = entitled(child, held)
  const has = fromResourceText(certificate.resources)
  const { child: name, ski } = certificate
  if (isEmpty(intersection(has, may)))
    return { ...NO_CHILD_CHANGES, drop: [fileName('cer', ski)], withdrawn: [{ child: name, ski }] }
  const due = anew || isDue('cer', certificate.notAfter, ports)
  if (containsSet(may, has) && !due) return NO_CHILD_CHANGES
  return certify(issuer, certificate, intersection(has, may), ports)
}

export function merge(changes: readonly ChildChanges[]): ChildChanges {
  return {
    put: changes.flatMap((c) => c.put),
    drop: changes.flatMap((c) => c.drop),
    issued: changes.flatMap((c) => c.issued),
    withdrawn: changes.flatMap((c) => c.withdrawn),
  }
}

/** Returns true if the child must request a certificate: its certificate and its entitlement differ. */
export function wantsCertificate(
  certificate: { readonly resources: ResourceText } | null,
  entitlement: Entitlement,
): boolean {
  return (
    certificate === null || !equalSets(fromResourceText(certificate.resources), fromResourceText(entitlement.resources))
  )
}
