/**
 * Signatures with the key of a CA: what is signed is kept as a published object.
 * Invariant: nothing is kept that its profile refuses or that does not decode strictly (RFC 6487, 6488).
 */
import { AppError } from '../base/errors.js'
import type { Random } from '../base/ports.js'
import type { Instant } from '../base/time.js'
import type { KeyId, Sign } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/findings.js'
import type { SignedObjectType } from '../rpki/signed-object/sign-object.js'
import { signObject } from '../rpki/signed-object/sign-object.js'
import type { CertificateContent } from '../rpki/x509/types.js'
import type { NamedObject } from './point.js'
import type { IssuingPorts } from './ports.js'

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

/** Signs an object with a one-time EE certificate (RFC 6488) and keeps it. */
export async function signAndKeep(issuer: Issuer, ports: IssuingPorts, order: SigningOrder): Promise<NamedObject> {
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

/** Reviews what was signed, and keeps it. */
export function keep(
  { name, bytes, serial, notAfter, content, dated }: Signed,
  issuer: Issuer,
  ports: IssuingPorts,
): NamedObject {
  refuse(name, ports.review(name, bytes, issuer.spki))
  const sha256 = ports.objects.put(bytes, dated)
  return { name, sha256, size: bytes.length, serial: serialText(serial), notAfter, content }
}

/** The issuer name is the subject of the issuer's certificate (RFC 6487 section 4.4). */
export function issuedBy({
  ski,
  name,
}: Issuer): Pick<CertificateContent, 'issuer' | 'issuerName'> & { readonly aki: KeyId } {
  return { issuer: ski, aki: ski, ...(name === undefined ? {} : { issuerName: name }) }
}

export function signWith(issuer: Issuer, ports: IssuingPorts): Sign {
  return (tbs) => ports.signer.sign(issuer.ski, tbs)
}

/** An object of ours that its own profile refuses is a bug, not bad input: nothing may leave. */
export function refuse(name: string, faults: readonly ObjectFinding[]): void {
  if (faults.length === 0) return
  const text = faults.map((f) => `${name}: ${f.rule}: ${f.message}`).join('\n')
  throw new AppError(
    'internal',
    'object-profile',
    `refused to publish an object that relying parties would reject\n${text}`,
  )
}
