/** State of a CA. STORED in snapshots: a change of shape needs a migration. */
import type { Handle } from '../../base/handle.js'
import { entry, type Table, withEntry } from '../../base/record.js'
import {
  type Check,
  isFlag,
  isHash,
  isKeyId,
  isOneOf,
  isText,
  isTime,
  listOf,
  objectOf,
  tableOf,
} from '../../base/shape.js'
import type { Instant } from '../../base/time.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import type { IdKey } from '../../identity/id-keys.js'
import type { Child } from '../../issuing/children.js'
import type { PublicationPoint } from '../../issuing/point.js'
import type { Issuer } from '../../issuing/signing.js'
import { nameOf, spkiOf } from '../../issuing/stored.js'
import { isResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import type { AspaConfig, RoaConfig, RouterConfig, ScheduledRoa } from './configured.js'
import type { Parent, Repository } from './contacts.js'

/** STORED. What a remote parent listed last for a class (RFC 6492 section 3.3.2). */
export interface ListedEntitlement {
  readonly resources: ResourceText
  readonly notAfter: Instant
  /** Keys with a certificate that the list leaves out, if there are any. */
  readonly unlisted?: readonly KeyId[]
  /** Listed keys that the CA does not know, each with the time from which on it is revoked, if there are any. */
  readonly unexpected?: Table<Instant>
}

/** STORED. A list of a remote parent by which the class would lose all or some of its resources: it is confirmed before it counts. */
export interface Doubt {
  /** `missing`: no longer listed; `shrunk`: listed with less than the certificate has. */
  readonly reason: 'missing' | 'shrunk'
  readonly since: Instant
  /** True once a later list confirmed it and the loss is above the limit: it waits for the operator. */
  readonly held: boolean
}

export const isListedEntitlement: Check<ListedEntitlement> = objectOf<ListedEntitlement>({
  resources: isResourceText,
  notAfter: isTime,
  'unlisted?': listOf(isKeyId),
  'unexpected?': tableOf(isTime),
})
export const isDoubt: Check<Doubt> = objectOf<Doubt>({
  reason: isOneOf('missing', 'shrunk'),
  since: isTime,
  held: isFlag,
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

/**
 * STORED. States of a key in a roll (RFC 6489 section 2). `pending`: no certificate yet; `new`: staged, publishes an empty manifest and its CRL;
 * `current`: issues and publishes; `old`: given up, publishes as a staged key does until the parent has revoked it.
 */
export interface ClassKey {
  readonly state: 'pending' | 'new' | 'current' | 'old'
  readonly ski: KeyId
  /** Base64 SubjectPublicKeyInfo. */
  readonly spki: string
  readonly certificate: ReceivedCertificate | null
  readonly point: PublicationPoint
  /** Left out: it publishes in the repository of the CA. */
  readonly repository?: 'leaving'
}

/** STORED. A key roll of a class from its start until the parent has revoked the old key. */
export interface KeyRoll {
  readonly startedAt: Instant
  /** Seconds from staging to the activation by `tick`; null: the operator activates. */
  readonly activateAfter: number | null
  /** True if the old key is not trusted any more: activation does not wait. */
  readonly compromised: boolean
  /** Time at which the new key got its certificate and its first manifest; null before. */
  readonly stagedAt: Instant | null
  /**
   * Time at which a repository elsewhere confirmed what the last step published: the staged key, or all that the new one issued. Null before,
   * absent where the CA publishes here.
   */
  readonly publishedAt?: Instant | null
  /**
   * Time at which the repository of a parent in this data directory that publishes elsewhere confirmed the certificate of the staged key. Null before,
   * absent for another parent.
   */
  readonly parentPublishedAt?: Instant | null
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
  /** Left out where no roll is open. */
  readonly roll?: KeyRoll
  /** Resources and end that a remote parent listed last; left out for a local one, whose entitlements are read when they are needed. */
  readonly listed?: ListedEntitlement
  readonly doubt?: Doubt
}

/** Peers that a request of RFC 8183 is for. */
export type OfferedTo = 'parents' | 'repositories'

/** STORED. What a remote repository confirmed last. */
export interface Synced {
  /** Digest of names and hashes. */
  readonly content: Sha256
  readonly at: Instant
}

/** STORED. The repository before a migration, until no key publishes there any more and nothing of the CA is left in it. */
export interface Leaving {
  readonly repository: Repository
  /** Time of the migration. */
  readonly since: Instant
  readonly synced?: Synced
  /** Time from which nothing is sent to it any more; left out: it is in use. */
  readonly abandonedAt?: Instant
}

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
  /** ROAs that `tick` adds or removes at their dates; absent if there are none. */
  readonly scheduled?: Table<ScheduledRoa>
  /** Absent if none was ever configured. */
  readonly aspas?: Table<AspaConfig>
  /** Absent if none was ever configured. */
  readonly routers?: Table<RouterConfig>
  /** Lower bound of manifest numbers, raised if higher numbers than this state knows may have been published. */
  readonly numberFloor: number
  /** Keys that no class uses any more and whose private half is still stored, with the time at which they were retired. */
  readonly retired?: Table<Instant>
  /** ID keys, newest last; left out: none was made yet. */
  readonly ids?: readonly IdKey[]
  /** ID keys of the newest requests that were written for parents and for repositories; left out: none was. */
  readonly offered?: Partial<Record<OfferedTo, KeyId>>
  /** ID keys of the newest requests that were written for one parent; left out: none was. */
  readonly offeredTo?: Table<KeyId>
  /** End of the ID certificate in these requests, by the name of the parent or `/` and the kind; left out: the first one of its key. */
  readonly offeredUntil?: Table<Instant>
  /** Of the repository, if it is a remote one. */
  readonly synced?: Synced
  /** Left out where no migration is open. */
  readonly leaving?: Leaving
  /** Replay clocks of the ID keys of removed children. */
  readonly clocks?: Table<Instant>
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

/** Returns the key of a class that issues, if it has a certificate. */
export function currentKey(
  resourceClass: ResourceClass,
): (ClassKey & { certificate: ReceivedCertificate }) | undefined {
  const key = resourceClass.keys.find((k) => k.state === 'current')
  return key === undefined || key.certificate === null ? undefined : { ...key, certificate: key.certificate }
}

/** Returns the state with one key of a class changed; an unknown class or key changes nothing. */
export function withKey(state: CaState, name: string, ski: string, change: (key: ClassKey) => ClassKey): CaState {
  return withClass(state, name, (found) => {
    return { ...found, keys: found.keys.map((key) => (key.ski === ski ? change(key) : key)) }
  })
}

/** Returns the state with one class changed; an unknown class changes nothing. */
export function withClass(
  state: CaState,
  name: string,
  change: (resourceClass: ResourceClass) => ResourceClass,
): CaState {
  const found = entry(state.classes, name)
  return found === undefined ? state : { ...state, classes: withEntry(state.classes, name, change(found)) }
}

/** Returns the folder of a class, with trailing slash. */
export function classBase(repository: Repository, name: string): string {
  return `${repository.base}${name}/`
}

/** Returns the repository in which a key publishes; null before the CA has one. */
export function repositoryOf(
  { repository, leaving }: Pick<CaState, 'repository' | 'leaving'>,
  key: Pick<ClassKey, 'repository'>,
): Repository | null {
  return key.repository === 'leaving' && leaving !== undefined ? leaving.repository : repository
}

/** Returns a certified key of a class as an issuer. The CA has a repository: without one no key is certified. */
export function issuerOf(
  state: Pick<CaState, 'handle' | 'repository' | 'leaving'>,
  resourceClass: ResourceClass,
  key: ClassKey & { certificate: ReceivedCertificate },
): Issuer {
  const { subject } = key.certificate
  const repository = repositoryOf(state, key)
  if (repository === null) throw new TypeError(`${state.handle} has no repository`)
  return {
    ski: key.ski,
    spki: spkiOf(key.spki),
    ...(subject === undefined ? {} : { name: nameOf(subject) }),
    certificateUri: key.certificate.uri,
    base: classBase(repository, resourceClass.name),
    lastUpdate: key.point.thisUpdate,
  }
}
