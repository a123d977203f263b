/** State of a CA. STORED in snapshots: a change of shape needs a migration. */
import type { Handle } from '../base/handle.js'
import { entry, type Table, withEntry } from '../base/record.js'
import { type Check, isCount, isHash, isName, isOneOf, isText, isTime, objectOf, orNull } from '../base/shape.js'
import type { Instant } from '../base/time.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import { type AggregateId, isAggregateId } from '../eventsourcing/types.js'
import type { Child } from '../issuing/children.js'
import { type PublicationPoint, pointFiles } from '../issuing/point.js'
import type { Issuer } from '../issuing/signing.js'
import { nameOf, spkiOf } from '../issuing/stored.js'
import { isResourceText } from '../resources/resource-set.js'
import type { ResourceText } from '../resources/types.js'

/** STORED. Where this CA publishes. */
export interface Repository {
  readonly transport: 'local'
  /** rsync URI with trailing slash: all objects of this CA are below it. */
  readonly base: string
  /** RRDP notification. */
  readonly notify: string
}

export const isRepository: Check<Repository> = objectOf<Repository>({
  transport: isOneOf('local'),
  base: isText,
  notify: isText,
})

/** STORED. How a parent is reached. */
export interface Parent {
  readonly transport: 'local'
  readonly aggregate: AggregateId
  /** The parent's name for this CA. */
  readonly childName: Handle
}

export const isParent: Check<Parent> = objectOf<Parent>({
  transport: isOneOf('local'),
  aggregate: isAggregateId,
  childName: isName,
})

/** STORED. The certificate that a parent issued to a key of this CA. */
export interface ReceivedCertificate {
  readonly uri: string
  readonly sha256: Sha256
  readonly resources: ResourceText
  readonly notAfter: Instant
  /** Base64 of the Name that the parent chose as its subject; left out: the common name is the SKI. */
  readonly subject?: string
}

export const isReceivedCertificate: Check<ReceivedCertificate> = objectOf<ReceivedCertificate>({
  uri: isText,
  sha256: isHash,
  resources: isResourceText,
  notAfter: isTime,
  'subject?': isText,
})

/** STORED. `pending`: no certificate yet; `current`: issues and publishes. */
export interface ClassKey {
  readonly state: 'pending' | 'current'
  readonly ski: KeyId
  /** Base64 SubjectPublicKeyInfo. */
  readonly spki: string
  readonly certificate: ReceivedCertificate | null
  readonly point: PublicationPoint
}

/** STORED. Resources from one class of one parent (RFC 6492 section 3.3.2). */
export interface ResourceClass {
  /** Name in this CA: a counter, and the folder below the CA's base. */
  readonly name: string
  readonly parent: Handle
  /** The parent's name for it. */
  readonly parentClass: string
  readonly keys: readonly ClassKey[]
  /** One ROA per AS instead of one per prefix. */
  readonly aggregated: boolean
}

/** STORED. A ROA that the operator configured; the key in the table is its text `P-L => ASN`. */
export interface RoaConfig {
  readonly asn: number
  readonly prefix: string
  readonly maxLength: number
  readonly comment: string | null
  readonly since: Instant
}

export const isRoaConfig: Check<RoaConfig> = objectOf<RoaConfig>({
  asn: isCount,
  prefix: isText,
  maxLength: isCount,
  comment: orNull(isText),
  since: isTime,
})

/** STORED. */
export interface CaState {
  readonly handle: Handle
  readonly status: 'absent' | 'active' | 'removed'
  readonly repository: Repository | null
  readonly parents: Table<Parent>
  readonly children: Table<Child>
  readonly classes: Table<ResourceClass>
  /** Name of the next resource class. */
  readonly nextClass: number
  readonly roas: Table<RoaConfig>
  /** Lower bound of manifest numbers, raised if higher numbers than this state knows may have been published. */
  readonly numberFloor: number
}

/** Returns the state before `ca.add`. */
export function initialCa(handle: Handle): CaState {
  return {
    handle,
    status: 'absent',
    repository: null,
    parents: {},
    children: {},
    classes: {},
    nextClass: 0,
    roas: {},
    numberFloor: 0,
  }
}

/** Returns the key of a class that publishes, if it has a certificate. */
export function currentKey(
  resourceClass: ResourceClass,
): (ClassKey & { certificate: ReceivedCertificate }) | undefined {
  const key = resourceClass.keys.find((k) => k.state === 'current')
  return key === undefined || key.certificate === null ? undefined : { ...key, certificate: key.certificate }
}

/** Returns the state with one key of a class changed; an unknown class or key changes nothing. */
export function withKey(state: CaState, name: string, ski: string, change: (key: ClassKey) => ClassKey): CaState {
  const found = entry(state.classes, name)
  if (found === undefined) return state
  const keys = found.keys.map((key) => (key.ski === ski ? change(key) : key))
  return { ...state, classes: withEntry(state.classes, name, { ...found, keys }) }
}

/** Returns the folder of a class, with trailing slash. */
export function classBase(repository: Repository, name: string): string {
  return `${repository.base}${name}/`
}

/** Returns the current key of a class as an issuer. */
export function issuerOf(
  repository: Repository,
  resourceClass: ResourceClass,
  key: ClassKey & { certificate: ReceivedCertificate },
): Issuer {
  const { subject } = key.certificate
  return {
    ski: key.ski,
    spki: spkiOf(key.spki),
    ...(subject === undefined ? {} : { name: nameOf(subject) }),
    certificateUri: key.certificate.uri,
    base: classBase(repository, resourceClass.name),
    lastUpdate: key.point.thisUpdate,
  }
}

/** Returns the files that this CA publishes, by name below its base. */
export function publishedFiles(state: CaState): readonly { name: string; sha256: Sha256; size: number }[] {
  if (state.status !== 'active') return []
  return Object.values(state.classes).flatMap((c) =>
    c.keys.flatMap((k) => pointFiles(k.ski, k.point).map((f) => ({ ...f, name: `${c.name}/${f.name}` }))),
  )
}
