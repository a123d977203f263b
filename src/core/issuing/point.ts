/**
 * Publication points: the published objects of one CA key, its CRL and its manifest (RFC 9286, RFC 6487 section 5).
 * Invariant: manifest and CRL are issued together with one number that only rises, and thisUpdate only rises.
 */
import { type Table, withEntries } from '../base/record.js'
import { type Check, isCount, isHash, isKeyId, isText, isTime, listOf, objectOf, type ShapeOf } from '../base/shape.js'
import { addSeconds, earlier, type Instant } from '../base/time.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import { fileName } from '../rpki/object-kinds.js'

/** STORED. One published object that the manifest lists. */
export interface PublishedObject {
  readonly sha256: Sha256
  /** Octets. */
  readonly size: number
  /** Serial of the object's certificate in upper hex, for the CRL. */
  readonly serial: string
  readonly notAfter: Instant
  /** Digest of the content of the object: the same content is not signed again. */
  readonly content: string
}

const OBJECT: ShapeOf<PublishedObject> = {
  sha256: isHash,
  size: isCount,
  serial: isText,
  notAfter: isTime,
  content: isText,
}
export const isPublishedObject: Check<PublishedObject> = objectOf<PublishedObject>(OBJECT)

/** STORED. */
export interface Revocation {
  readonly serial: string
  readonly at: Instant
  /** End of the certificate's own validity: after it the entry leaves the CRL. */
  readonly expires: Instant
}

/** STORED. */
export interface PublicationPoint {
  /** Manifest and CRL number; 0 before the first. */
  readonly number: number
  readonly thisUpdate: Instant | null
  readonly nextUpdate: Instant | null
  readonly manifest: PublishedObject | null
  readonly crl: { readonly sha256: Sha256; readonly size: number } | null
  /** By file name: certificates, ROAs; without manifest and CRL. */
  readonly objects: Table<PublishedObject>
  readonly revoked: readonly Revocation[]
}

export interface NamedObject extends PublishedObject {
  readonly name: string
}

/** STORED inside the events that issue. One new manifest and CRL, and the objects that they added, removed and revoked. */
export interface PointIssue {
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly manifest: PublishedObject
  readonly crl: { readonly sha256: Sha256; readonly size: number }
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
  readonly revoked: readonly Revocation[]
}

export const isPointIssue: Check<PointIssue> = objectOf<PointIssue>({
  number: isCount,
  thisUpdate: isTime,
  nextUpdate: isTime,
  manifest: isPublishedObject,
  crl: objectOf<PointIssue['crl']>({ sha256: isHash, size: isCount }),
  put: listOf(objectOf<NamedObject>({ ...OBJECT, name: isText })),
  drop: listOf(isText),
  revoked: listOf(objectOf<Revocation>({ serial: isText, at: isTime, expires: isTime })),
})

export const EMPTY_POINT: PublicationPoint = {
  number: 0,
  thisUpdate: null,
  nextUpdate: null,
  manifest: null,
  crl: null,
  objects: {},
  revoked: [],
}

/** Returns the point after an issue, without revocations of expired certificates. */
export function evolvePoint(point: PublicationPoint, issue: PointIssue): PublicationPoint {
  return {
    number: issue.number,
    thisUpdate: issue.thisUpdate,
    nextUpdate: issue.nextUpdate,
    manifest: issue.manifest,
    crl: issue.crl,
    objects: withEntries(
      point.objects,
      issue.put.map(({ name, ...object }) => [name, object] as const),
      issue.drop,
    ),
    revoked: liveRevocations([...point.revoked, ...issue.revoked], issue.thisUpdate),
  }
}

/** STORED inside the event of a clock reset. One point with a future thisUpdate, and the revocations that its CRL must list at the present. */
export interface PointReset {
  readonly class: string
  readonly ski: KeyId
  readonly revoked: readonly Revocation[]
}

export const isPointReset: Check<PointReset> = objectOf<PointReset>({
  class: isText,
  ski: isKeyId,
  revoked: listOf(objectOf<Revocation>({ serial: isText, at: isTime, expires: isTime })),
})

/** Returns true if manifest and CRL of the point are from after `at`. */
export function isFuturePoint({ thisUpdate }: PublicationPoint, at: Instant): boolean {
  return thisUpdate !== null && thisUpdate > at
}

/**
 * Returns the revocations of a point at `at`, none of them later. `known` are those of its state before the clock was ahead: a CRL of the
 * future no longer listed what expires before that.
 */
export function revocationsAt(
  point: PublicationPoint,
  known: readonly Revocation[],
  at: Instant,
): readonly Revocation[] {
  const bySerial = new Map(
    [...known, ...point.revoked].map((r) => [r.serial, { ...r, at: earlier(r.at, at) }] as const),
  )
  return liveRevocations([...bySerial.values()], at)
}

/**
 * Returns a point of the future as one of the second before `at`, so that the next manifest may be of `at`. Its number stays and the next
 * one is higher (RFC 9286 section 4.2.1). A validator with a right clock never accepted the manifest of the future, and takes the next one
 * for its higher number. One whose clock was ahead too has that manifest in its cache, refuses the next for its earlier thisUpdate
 * (rpki-client: `unexpected manifest issuance date`), and takes it once the cached one is stale or the cache is removed.
 */
export function pointBefore(point: PublicationPoint, { revoked }: PointReset, at: Instant): PublicationPoint {
  return isFuturePoint(point, at) ? { ...point, thisUpdate: addSeconds(at, -1), revoked } : point
}

/** Returns the revocations that a CRL of `at` must still list. */
export function liveRevocations(all: readonly Revocation[], at: Instant): readonly Revocation[] {
  return all.filter((r) => r.expires >= at)
}

/** Returns every file of the point, manifest and CRL included. */
export function pointFiles(
  ski: KeyId,
  point: PublicationPoint,
): readonly { name: string; sha256: Sha256; size: number }[] {
  if (point.manifest === null || point.crl === null) return []
  const files = Object.entries(point.objects).map(([name, o]) => ({ name, sha256: o.sha256, size: o.size }))
  files.push({ name: fileName('mft', ski), sha256: point.manifest.sha256, size: point.manifest.size })
  files.push({ name: fileName('crl', ski), ...point.crl })
  return files
}
