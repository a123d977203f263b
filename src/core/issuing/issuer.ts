/**
 * Signs what one CA key issues: certificates, ROAs, and the manifest and CRL that go with every change.
 * Invariant: nothing leaves here that its profile refuses or that does not decode strictly (RFC 6487, 6488, 9286, 9582).
 */
import { fromBase64, fromHex } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import { type Random, randomBelow } from '../base/ports.js'
import { addSeconds, clockBehind, epochOf, type Instant, instantOf, later } from '../base/time.js'
import { jsonDigest } from '../crypto/digest.js'
import type { KeyId, Sha256, Sign } from '../crypto/ports.js'
import type { ResourceSet } from '../resources/types.js'
import { signCertificate } from '../rpki/cert.js'
import { signCrl } from '../rpki/crl.js'
import { encodeManifest } from '../rpki/manifest.js'
import {
  checkCertificateContent,
  checkCrlContent,
  checkManifestContent,
  checkRoaContent,
} from '../rpki/profile/index.js'
import { certificateResources } from '../rpki/resources-ext.js'
import { encodeRoa } from '../rpki/roa.js'
import { signObject } from '../rpki/signed-object.js'
import type { CertificateContent, ObjectFault, RoaContent, SignedObjectType, SubjectInfoAccess } from '../rpki/types.js'
import {
  liveRevocations,
  type NamedObject,
  type PointIssue,
  type PublicationPoint,
  type PublishedObject,
  type Revocation,
} from './point.js'
import type { IssuingPorts } from './ports.js'

/** Signing reaches back this far, so that a relying party with a slow clock sees no future (seconds). */
const BACKDATE = 300

/** The key that issues and where its objects lie. */
export interface Issuer {
  readonly ski: KeyId
  readonly spki: Uint8Array
  /** DER of the subject of this key's certificate, where the parent chose another than the common name SKI. */
  readonly name?: Uint8Array
  /** Where the certificate of this key is published: AIA of everything it issues. */
  readonly certificateUri: string
  /** Publication point, with trailing slash. */
  readonly base: string
  /** thisUpdate of the manifest that stands; null before the first. */
  readonly lastUpdate: Instant | null
}

/** A certificate to issue to another CA. */
export interface CaCertificateRequest {
  readonly ski: KeyId
  readonly spki: Uint8Array
  readonly sia: Extract<SubjectInfoAccess, { kind: 'ca' }>
  readonly resources: ResourceSet
}

/** What a manifest change brings and takes. */
export interface PointChange {
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
  /** The new number is at least this: after a restore numbers jump ahead of what the world may have seen. */
  readonly atLeast?: number
}

/** 20 random octets, positive (RFC 6487 section 4.2, RFC 5280 section 4.1.2.2). */
export function randomSerial(random: Random): bigint {
  const bytes = random.bytes(20)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

export function serialText(serial: bigint): string {
  const hex = serial.toString(16).toUpperCase()
  return hex.length % 2 === 0 ? hex : `0${hex}`
}

export function serialOf(text: string): bigint {
  return BigInt(`0x${text}`)
}

/** Issues a CA certificate (RFC 6487) and returns it as a published object named `<SKI>.cer`. */
export async function issueCaCertificate(
  issuer: Issuer,
  request: CaCertificateRequest,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  const notBefore = signedAt(issuer.lastUpdate, ports)
  const serial = randomSerial(ports.random)
  const notAfter = addSeconds(ports.clock.now(), ports.timing.childValidSeconds)
  const certificate: CertificateContent = {
    kind: 'ca',
    serial,
    ...issuedBy(issuer),
    subject: request.ski,
    notBefore,
    notAfter,
    spki: request.spki,
    crl: `${issuer.base}${issuer.ski}.crl`,
    aia: issuer.certificateUri,
    sia: request.sia,
    resources: certificateResources(request.resources),
  }
  const name = `${request.ski}.cer`
  refuse(name, checkCertificateContent(certificate))
  const bytes = await signCertificate(certificate, signWith(issuer, ports))
  return keep({ name, bytes, serial, notAfter, content, dated: notBefore }, issuer, ports)
}

/** Issues a ROA (RFC 9582) under `name`, with a one-time EE certificate. */
export async function issueRoa(
  issuer: Issuer,
  name: string,
  roa: RoaContent,
  ee: ResourceSet,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  const signingTime = signedAt(issuer.lastUpdate, ports)
  refuse(name, checkRoaContent(roa))
  return signAndKeep(issuer, ports, {
    type: 'roa',
    name,
    eContent: encodeRoa(roa),
    signingTime,
    notBefore: signingTime,
    notAfter: addSeconds(ports.clock.now(), ports.timing.roaValidSeconds),
    resources: certificateResources({ asn: [], ipv4: ee.ipv4, ipv6: ee.ipv6 }),
    content,
  })
}

/**
 * When everything that the next manifest brings says it was signed: the manifest's thisUpdate. Rising from one to the next, it is also the
 * date of the files (RFC 9589 section 5), so that rsync, which compares size and second, never takes a version for the one before it.
 * Throws `clock-behind` when the clock stands before the last manifest, `wait-a-second` when time must pass first.
 */
export function signedAt(last: Instant | null, ports: Pick<IssuingPorts, 'clock'>, backdate = BACKDATE): Instant {
  const now = ports.clock.now()
  if (last !== null && now < last) throw clockBehind(now, last)
  const back = addSeconds(now, -backdate)
  const thisUpdate = last === null ? back : later(back, addSeconds(last, 1))
  if (thisUpdate > now) {
    throw new AppError(
      'rejected',
      'wait-a-second',
      `a manifest of ${last} exists already; the next may follow in a second`,
      {
        retry: true,
        retryAfter: 1,
      },
    )
  }
  return thisUpdate
}

/** The time and number of the next manifest. Throws what `signedAt` throws. */
export function nextIssue(
  point: PublicationPoint,
  ports: IssuingPorts,
  atLeast = 0,
): Pick<PointIssue, 'number' | 'thisUpdate' | 'nextUpdate'> {
  // a number jumps where another host may have issued until now: a thisUpdate of ours must not lie before its last one (RFC 9286 section 4.2.1)
  const jumps = atLeast > point.number + 1
  const thisUpdate = signedAt(point.thisUpdate, ports, jumps ? 0 : BACKDATE)
  const jitter = randomBelow(ports.random, Math.floor(ports.timing.publishJitterSeconds / 60) + 1) * 60
  const nextUpdate = addSeconds(ports.clock.now(), ports.timing.publishNextSeconds - jitter)
  return { number: Math.max(point.number + 1, atLeast), thisUpdate, nextUpdate }
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

interface SigningOrder {
  readonly type: SignedObjectType
  readonly name: string
  readonly eContent: Uint8Array
  readonly signingTime: Instant
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly resources: CertificateContent['resources']
  readonly content: string
}

async function signAndKeep(issuer: Issuer, ports: IssuingPorts, order: SigningOrder): Promise<NamedObject> {
  const serial = randomSerial(ports.random)
  const bytes = await ports.signer.signOneOff((key) =>
    signObject({
      type: order.type,
      eContent: order.eContent,
      signingTime: order.signingTime,
      ee: {
        serial,
        ...issuedBy(issuer),
        notBefore: order.notBefore,
        notAfter: order.notAfter,
        crl: `${issuer.base}${issuer.ski}.crl`,
        aia: issuer.certificateUri,
        sia: { kind: 'ee', signedObject: `${issuer.base}${order.name}` },
        resources: order.resources,
      },
      issuerSign: signWith(issuer, ports),
      key,
    }),
  )
  const { name, notAfter, content, signingTime } = order
  return keep({ name, bytes, serial, notAfter, content, dated: signingTime }, issuer, ports)
}

interface Signed {
  readonly name: string
  readonly bytes: Uint8Array
  readonly serial: bigint
  readonly notAfter: Instant
  readonly content: string
  readonly dated: Instant
}

function keep(
  { name, bytes, serial, notAfter, content, dated }: Signed,
  issuer: Issuer,
  ports: IssuingPorts,
): NamedObject {
  refuse(name, ports.review(name, bytes, issuer.spki))
  const sha256 = ports.objects.put(bytes, dated)
  return { name, sha256, size: bytes.length, serial: serialText(serial), notAfter, content }
}

/** The issuer name is the subject of the issuer's certificate (RFC 6487 section 4.4). */
function issuedBy({ ski, name }: Issuer): Pick<CertificateContent, 'issuer' | 'issuerName'> & { readonly aki: KeyId } {
  return { issuer: ski, aki: ski, ...(name === undefined ? {} : { issuerName: name }) }
}

function signWith(issuer: Issuer, ports: IssuingPorts): Sign {
  return (tbs) => ports.signer.sign(issuer.ski, tbs)
}

/** An object of ours that its own profile refuses is a bug, not bad input: nothing may leave. */
export function refuse(name: string, faults: readonly ObjectFault[]): void {
  if (faults.length === 0) return
  const text = faults.map((f) => `${name}: ${f.rule}: ${f.message}`).join('\n')
  throw new AppError(
    'internal',
    'object-profile',
    `refused to publish an object that relying parties would reject\n${text}`,
  )
}

/** A stored public key. */
export function spkiOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'key-text', 'a stored public key is not base64')
  return bytes
}

/** A stored Name. */
export function nameOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw new AppError('corrupt', 'name-text', 'a stored subject name is not base64')
  return bytes
}

/** The digest by which content is compared. */
export function contentDigest(value: unknown): string {
  return jsonDigest(value).slice(0, 32)
}

/** When `seconds` before `end` begins. */
export function dueBefore(end: Instant, seconds: number): Instant {
  return instantOf(epochOf(end) - seconds)
}
