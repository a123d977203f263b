/**
 * Manifest and CRL of a publication point, issued together under one number (RFC 9286, RFC 5280).
 * Invariant: every object that a change drops or replaces is revoked, and every published file is on the manifest.
 */
import { fromHex } from '../base/bytes.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { fileName, OBJECT_KINDS } from '../rpki/object-kinds.js'
import {
  liveRevocations,
  type NamedObject,
  type PointIssue,
  type PublicationPoint,
  type PublishedObject,
  type Revocation,
} from './point.js'
import type { IssuingPorts } from './ports.js'
import { nextIssue } from './signed-at.js'
import { type Issuer, issuedBy, refuse, serialOf, signAndStore, signWith } from './signing.js'

/** Objects that a new manifest adds and removes. */
export interface PointChange {
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
  /** Lower bound of the new number: after a restore, numbers are raised above every number that may have been published. */
  readonly atLeast?: number
}

/** Issues CRL and manifest over the point with a change applied; objects that the change drops or replaces are revoked. */
export async function issuePoint(
  issuer: Issuer,
  point: PublicationPoint,
  change: PointChange,
  ports: IssuingPorts,
): Promise<PointIssue> {
  const next = nextIssue(point, ports, change.atLeast)
  const revoked = revocations(point, change, next.thisUpdate)
  const crl = await issueCrl(issuer, liveRevocations([...point.revoked, ...revoked], next.thisUpdate), next, ports)
  const dropped = new Set(change.drop)
  const files = new Map<string, Sha256>([[fileName('crl', issuer.ski), crl.sha256]])
  for (const [name, object] of Object.entries(point.objects)) if (!dropped.has(name)) files.set(name, object.sha256)
  for (const object of change.put) files.set(object.name, object.sha256)
  const manifest = await issueManifest(issuer, files, next, ports)
  return { ...next, manifest, crl, put: change.put, drop: change.drop, revoked }
}

function revocations(point: PublicationPoint, change: PointChange, at: Instant): readonly Revocation[] {
  const replaced: PublishedObject[] = []
  for (const name of [...change.drop, ...change.put.map((o) => o.name)]) {
    const old = Object.hasOwn(point.objects, name) ? point.objects[name] : undefined
    if (old !== undefined) replaced.push(old)
  }
  if (point.manifest !== null) replaced.push(point.manifest)
  return replaced.filter((o) => o.notAfter >= at).map((o) => ({ serial: o.serial, at, expires: o.notAfter }))
}

async function issueCrl(
  issuer: Issuer,
  revoked: readonly Revocation[],
  next: Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'>,
  ports: IssuingPorts,
): Promise<PointIssue['crl']> {
  const { encode, profile } = await OBJECT_KINDS.crl.codec()
  const content = {
    ...issuedBy(issuer),
    thisUpdate: next.thisUpdate,
    nextUpdate: next.nextUpdate,
    number: BigInt(next.number),
    revoked: revoked.map((r) => ({ serial: serialOf(r.serial), revokedAt: r.at })),
  }
  const name = fileName('crl', issuer.ski)
  refuse(name, profile(content))
  const bytes = await encode(content, signWith(issuer, ports))
  refuse(name, await ports.review(name, bytes, issuer.spki))
  return { sha256: ports.objects.put(bytes, next.thisUpdate), size: bytes.length }
}

async function issueManifest(
  issuer: Issuer,
  files: ReadonlyMap<string, Sha256>,
  next: Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'>,
  ports: IssuingPorts,
): Promise<PublishedObject> {
  const { encode, profile, resources } = await OBJECT_KINDS.mft.codec()
  const content = {
    number: BigInt(next.number),
    thisUpdate: next.thisUpdate,
    nextUpdate: next.nextUpdate,
    files: [...files].map(([name, hash]) => ({ name, sha256: fromHex(hash) ?? new Uint8Array() })),
  }
  const name = fileName('mft', issuer.ski)
  refuse(name, profile(content))
  const { name: _name, ...manifest } = await signAndStore(issuer, ports, {
    kind: 'mft',
    name,
    eContent: encode(content),
    signingTime: next.thisUpdate,
    notBefore: next.thisUpdate,
    notAfter: next.nextUpdate,
    resources: resources(content),
    content: String(next.number),
  })
  return manifest
}
