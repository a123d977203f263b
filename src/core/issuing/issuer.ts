/**
 * Issues certificates to other CAs, and signed objects.
 * Invariant: an object that its profile refuses is not signed (RFC 6487, RFC 9582).
 */
import type { Instant } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import type { ResourceSet } from '../resources/types.js'
import type { AspaContent } from '../rpki/aspa.js'
import type { IssuedObjectCodec } from '../rpki/codec.js'
import { fileName, OBJECT_KINDS, type SignedKind } from '../rpki/object-kinds.js'
import type { RoaContent } from '../rpki/roa.js'
import type { RouterCertificate } from '../rpki/router-certificate.js'
import type { CertificateContent, SubjectInfoAccess } from '../rpki/x509/types.js'
import { endOfValidity } from './due.js'
import type { NamedObject } from './point.js'
import type { IssuingPorts } from './ports.js'
import { signedAt } from './signed-at.js'
import { crlUri, type Issuer, issuedBy, randomSerial, refuse, signAndStore, signWith, store } from './signing.js'

/** A certificate to issue to another CA. */
export interface CaCertificateRequest {
  readonly ski: KeyId
  readonly spki: Uint8Array
  readonly sia: Extract<SubjectInfoAccess, { kind: 'ca' }>
  readonly resources: ResourceSet
}

/** Issues a CA certificate (RFC 6487) and returns it as a published object named `<SKI>.cer`. `content` is the digest of what it says. */
export async function issueCaCertificate(
  issuer: Issuer,
  request: CaCertificateRequest,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  const { encode, profile, resources } = await OBJECT_KINDS.cer.codec()
  const notBefore = signedAt(issuer.lastUpdate, ports)
  const serial = randomSerial(ports.random)
  const notAfter = endOfValidity('cer', ports)
  const certificate: CertificateContent = {
    kind: 'ca',
    serial,
    ...issuedBy(issuer),
    subject: request.ski,
    notBefore,
    notAfter,
    spki: request.spki,
    crl: crlUri(issuer),
    aia: issuer.certificateUri,
    sia: request.sia,
    resources: resources(request.resources),
  }
  const name = fileName('cer', request.ski)
  refuse(name, profile(certificate))
  const bytes = await encode(certificate, signWith(issuer, ports))
  return store({ name, bytes, serial, notAfter, content, dated: notBefore }, issuer, ports)
}

/** The key of a router, and the AS and name that its certificate says. */
export interface RouterKey {
  readonly ski: KeyId
  readonly spki: Uint8Array
  readonly asn: number
  /** BGP Identifier `192.0.2.1`; null where it is not known. */
  readonly routerId: string | null
}

/** Issues a certificate of a BGPsec router (RFC 8209) under `name`. `content` is the digest of what it says. */
export async function issueRouterCertificate(
  issuer: Issuer,
  name: string,
  { ski, spki, asn, routerId }: RouterKey,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  const [{ encode, profile }, { routerNumber }] = await Promise.all([
    OBJECT_KINDS.router.codec(),
    import('../rpki/router-certificate.js'),
  ])
  const notBefore = signedAt(issuer.lastUpdate, ports)
  const serial = randomSerial(ports.random)
  const notAfter = endOfValidity('router', ports)
  const certificate: RouterCertificate = {
    serial,
    ...issuedBy(issuer),
    notBefore,
    notAfter,
    spki,
    asn,
    number: routerNumber(routerId, ski),
    crl: crlUri(issuer),
    aia: issuer.certificateUri,
  }
  refuse(name, profile(certificate))
  const bytes = await encode(certificate, signWith(issuer, ports))
  return store({ name, bytes, serial, notAfter, content, dated: notBefore }, issuer, ports)
}

/** Issues a ROA (RFC 9582) under `name`. `content` is the digest of what it says. */
export async function issueRoa(
  issuer: Issuer,
  name: string,
  roa: RoaContent,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  return issueSigned('roa', await OBJECT_KINDS.roa.codec(), issuer, { name, says: roa, content }, ports)
}

/** Issues an ASPA (draft-ietf-sidrops-aspa-profile) under `name`. `content` is the digest of what it says. */
export async function issueAspa(
  issuer: Issuer,
  name: string,
  aspa: AspaContent,
  content: string,
  ports: IssuingPorts,
): Promise<NamedObject> {
  return issueSigned('asa', await OBJECT_KINDS.asa.codec(), issuer, { name, says: aspa, content }, ports)
}

/** Issues a signed object with a one-time EE certificate of exactly its resources. */
function issueSigned<C>(
  kind: SignedKind,
  { encode, profile, resources }: IssuedObjectCodec<C>,
  issuer: Issuer,
  { name, says, content }: { readonly name: string; readonly says: C; readonly content: string },
  ports: IssuingPorts,
): Promise<NamedObject> {
  const signingTime: Instant = signedAt(issuer.lastUpdate, ports)
  refuse(name, profile(says))
  return signAndStore(issuer, ports, {
    kind,
    name,
    eContent: encode(says),
    signingTime,
    notBefore: signingTime,
    notAfter: endOfValidity(kind, ports),
    resources: resources(says),
    content,
  })
}
