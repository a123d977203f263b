/**
 * Issues certificates to other CAs and ROAs.
 * Invariant: nothing leaves here that its profile refuses (RFC 6487, RFC 9582).
 */
import { addSeconds } from '../base/time.js'
import type { KeyId } from '../crypto/ports.js'
import type { ResourceSet } from '../resources/types.js'
import type { RoaContent } from '../rpki/roa.js'
import { checkRoaContent, encodeRoa } from '../rpki/roa.js'
import { signCertificate } from '../rpki/x509/certificate.js'
import { checkCertificateContent } from '../rpki/x509/certificate-profile.js'
import { certificateResources } from '../rpki/x509/encode-resources.js'
import type { CertificateContent, SubjectInfoAccess } from '../rpki/x509/types.js'
import type { NamedObject } from './point.js'
import type { IssuingPorts } from './ports.js'
import { signedAt } from './signed-at.js'
import { type Issuer, issuedBy, keep, randomSerial, refuse, signAndKeep, signWith } from './signing.js'

/** A certificate to issue to another CA. */
export interface CaCertificateRequest {
  readonly ski: KeyId
  readonly spki: Uint8Array
  readonly sia: Extract<SubjectInfoAccess, { kind: 'ca' }>
  readonly resources: ResourceSet
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
