/**
 * Manifest and CRL of a publication point, issued together under one number (RFC 9286, RFC 5280).
 * Invariant: what a change drops or replaces is revoked, and every file that stands is on the manifest.
 */
import { fromHex } from '../base/bytes.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { checkCrlContent, signCrl } from '../rpki/crl.js'
import { checkManifestContent, encodeManifest } from '../rpki/manifest.js'
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
import { type Issuer, issuedBy, refuse, serialOf, signAndKeep, signWith } from './signing.js'

/** What a manifest change brings and takes. */
export interface PointChange {
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
  /** The new number is at least this: after a restore numbers jump ahead of what the world may have seen. */
  readonly atLeast?: number
}

/** Issues CRL and manifest over the point with a change applied; what the change drops or replaces is revoked. */
export async function issuePoint(
  issuer: Issuer,
  point: PublicationPoint,
  change: PointChange,
  ports: IssuingPorts,
): Promise<PointIssue> {
  const next = nextIssue(point, ports, change.atLeast)
  const revoked = revocations(point, change, next.thisUpdate)
  const crl = await issueCrl(issuer, liveRevocations([...point.revoked, ...revoked], next.thisUpdate), next, ports)
  const gone = new Set(change.drop)
  const files = new Map<string, Sha256>([[`${issuer.ski}.crl`, crl.sha256]])
  for (const [name, object] of Object.entries(point.objects)) if (!gone.has(name)) files.set(name, object.sha256)
  for (const object of change.put) files.set(object.name, object.sha256)
  const manifest = await issueManifest(issuer, files, next, ports)
  return { ...next, manifest, crl, put: change.put, drop: change.drop, revoked }
}

function revocations(point: PublicationPoint, change: PointChange, at: Instant): readonly Revocation[] {
  const dead: PublishedObject[] = []
  for (const name of [...change.drop, ...change.put.map((o) => o.name)]) {
    const old = Object.hasOwn(point.objects, name) ? point.objects[name] : undefined
    if (old !== undefined) dead.push(old)
  }
  if (point.manifest !== null) dead.push(point.manifest)
  return dead.filter((o) => o.notAfter >= at).map((o) => ({ serial: o.serial, at, expires: o.notAfter }))
}

async function issueCrl(
  issuer: Issuer,
  revoked: readonly Revocation[],
  next: Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'>,
  ports: IssuingPorts,
): Promise<PointIssue['crl']> {
  const content = {
    ...issuedBy(issuer),
    thisUpdate: next.thisUpdate,
    nextUpdate: next.nextUpdate,
    number: BigInt(next.number),
    revoked: revoked.map((r) => ({ serial: serialOf(r.serial), revokedAt: r.at })),
  }
  const name = `${issuer.ski}.crl`
  refuse(name, checkCrlContent(content))
  const bytes = await signCrl(content, signWith(issuer, ports))
  refuse(name, ports.review(name, bytes, issuer.spki))
  return { sha256: ports.objects.put(bytes, next.thisUpdate), size: bytes.length }
}

async function issueManifest(
  issuer: Issuer,
  files: ReadonlyMap<string, Sha256>,
  next: Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'>,
  ports: IssuingPorts,
): Promise<PublishedObject> {
  const content = {
    number: BigInt(next.number),
    thisUpdate: next.thisUpdate,
    nextUpdate: next.nextUpdate,
    files: [...files].map(([name, hash]) => ({ name, sha256: fromHex(hash) ?? new Uint8Array() })),
  }
  const name = `${issuer.ski}.mft`
  refuse(name, checkManifestContent(content))
  const { name: _name, ...manifest } = await signAndKeep(issuer, ports, {
    type: 'mft',
    name,
    eContent: encodeManifest(content),
    signingTime: next.thisUpdate,
    notBefore: next.thisUpdate,
    notAfter: next.nextUpdate,
    resources: { asn: 'inherit', ipv4: 'inherit', ipv6: 'inherit' },
    content: String(next.number),
  })
  return manifest
}
