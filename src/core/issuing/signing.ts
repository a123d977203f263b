/**
 * Signatures with the key of a CA; a signed object is stored as a published object.
 * Invariant: an object that its profile refuses or that does not decode strictly is not stored (RFC 6487, 6488).
 * The encoders load on the first signature: a command that signs nothing does not pay for them.
 */
import { AppError } from '../base/errors.js'
import type { Random } from '../base/ports.js'
import type { Instant } from '../base/time.js'
import type { KeyId, Sign } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/findings.js'
import { fileName, type SignedKind } from '../rpki/object-kinds.js'
import type { CertificateContent } from '../rpki/x509/types.js'
import type { NamedObject } from './point.js'
import type { IssuingPorts } from './ports.js'

/** The issuing key and the place of its objects. */
export interface Issuer {
  readonly ski: KeyId
  readonly spki: Uint8Array
  /** DER of the subject of this key's certificate where the parent chose one that differs from the common name SKI. */
  readonly name?: Uint8Array
  /** URI of the certificate of this key: AIA of everything it issues. */
  readonly certificateUri: string
  /** URI of the publication point, with trailing slash. */
  readonly base: string
  /** thisUpdate of the current manifest; null before the first. */
  readonly lastUpdate: Instant | null
}

/** Returns a serial of 20 random octets, positive (RFC 6487 section 4.2, RFC 5280 section 4.1.2.2). */
export function randomSerial(random: Random): bigint {
  const bytes = random.bytes(20)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** Returns a serial in upper hex with an even number of digits. */
export function serialText(serial: bigint): string {
  const hex = serial.toString(16).toUpperCase()
  return hex.length % 2 === 0 ? hex : `0${hex}`
}

/** Returns the serial that `serialText` wrote. */
export function serialOf(text: string): bigint {
  return BigInt(`0x${text}`)
}

interface SigningRequest {
  readonly kind: SignedKind
  readonly name: string
  readonly eContent: Uint8Array
  readonly signingTime: Instant
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly resources: CertificateContent['resources']
  readonly content: string
}

/** Signs an object with a one-time EE certificate (RFC 6488) and stores it. */
export async function signAndStore(issuer: Issuer, ports: IssuingPorts, request: SigningRequest): Promise<NamedObject> {
  const { signObject } = await import('../rpki/signed-object/sign-object.js')
  const serial = randomSerial(ports.random)
  const bytes = await ports.signer.signOneOff((key) =>
    signObject({
      kind: request.kind,
      eContent: request.eContent,
      signingTime: request.signingTime,
      ee: {
        serial,
        ...issuedBy(issuer),
        notBefore: request.notBefore,
        notAfter: request.notAfter,
        crl: crlUri(issuer),
        aia: issuer.certificateUri,
        sia: { kind: 'ee', signedObject: `${issuer.base}${request.name}` },
        resources: request.resources,
      },
      issuerSign: signWith(issuer, ports),
      key,
    }),
  )
  const { name, notAfter, content, signingTime } = request
  return store({ name, bytes, serial, notAfter, content, dated: signingTime }, issuer, ports)
}

interface Signed {
  readonly name: string
  readonly bytes: Uint8Array
  readonly serial: bigint
  readonly notAfter: Instant
  readonly content: string
  readonly dated: Instant
}

/** Reviews a new object and stores it. Throws `object-profile` where the review has a finding. */
export async function store(
  { name, bytes, serial, notAfter, content, dated }: Signed,
  issuer: Issuer,
  ports: IssuingPorts,
): Promise<NamedObject> {
  refuse(name, await ports.review(name, bytes, issuer.spki))
  const sha256 = ports.objects.put(bytes, dated)
  return { name, sha256, size: bytes.length, serial: serialText(serial), notAfter, content }
}

/** Returns issuer name and AKI of what `issuer` signs. The issuer name is the subject of the issuer's certificate (RFC 6487 section 4.4). */
export function issuedBy({
  ski,
  name,
}: Issuer): Pick<CertificateContent, 'issuer' | 'issuerName'> & { readonly aki: KeyId } {
  return { issuer: ski, aki: ski, ...(name === undefined ? {} : { issuerName: name }) }
}

/** Returns the URI of the CRL of this key. */
export function crlUri({ base, ski }: Issuer): string {
  return `${base}${fileName('crl', ski)}`
}

export function signWith(issuer: Issuer, ports: IssuingPorts): Sign {
  return (tbs) => ports.signer.sign(issuer.ski, tbs)
}

/** Throws `object-profile` where there is a finding: an object of this CA that its own profile refuses is a bug, not bad input, and must not be published. */
export function refuse(name: string, findings: readonly ObjectFinding[]): void {
  if (findings.length === 0) return
  const text = findings.map((f) => `  ${name}: ${f.rule}: ${f.message}`).join('\n')
  throw new AppError(
    'internal',
    'object-profile',
    `refused to publish an object that relying parties would reject\n${text}`,
  )
}
