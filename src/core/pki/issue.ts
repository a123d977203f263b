/**
 * Issues end-entity certificates (RFC 5280) for requests that a profile allows.
 * Invariants: only checked fields are copied; the validity is within that of the CA; the serial has 159 bits, 158 of them random.
 */
import type { Random } from '../base/ports.js'
import { addSeconds, earlier, type Instant, later } from '../base/time.js'
import {
  bits,
  type Der,
  encode,
  explicit,
  ia5,
  implicit,
  integer,
  octets,
  oid,
  raw,
  seq,
  seqOf,
  utcOrGeneralized,
} from '../der/writer.js'
import type { SignatureScheme } from './algorithms.js'
import type { PlainCertificate } from './certificate.js'
import type { CertificateRequest } from './csr.js'
import { authorityKeyIdentifier, extension, keyIdentifier } from './extensions.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from './profile.js'

/** A CA certificate with the function that signs with its key, in a file or a token. */
export interface Issuer {
  readonly certificate: PlainCertificate
  readonly scheme: SignatureScheme
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>
  /** Where the CRL of the CA is published (RFC 5280 section 4.2.1.13). */
  readonly crlUrl?: string
  /** Where the certificate of the CA is published (section 4.2.2.1, caIssuers). */
  readonly issuerUrl?: string
}

/** Seconds by which notBefore is in the past, since the clocks of relying parties may be behind. */
const BACKDATED = 300

/** The certificate, DER. The request has been checked against the profile. */
export async function issueCertificate(
  issuer: Issuer,
  request: CertificateRequest,
  profile: CertificateProfile,
  now: Instant,
  random: Random,
): Promise<Uint8Array> {
  const { certificate: ca, scheme } = issuer
  const notBefore = later(addSeconds(now, -BACKDATED), ca.notBefore)
  const notAfter = earlier(addSeconds(now, profile.validSeconds), ca.notAfter)
  const tbs = encode(
    seq(
      explicit(0, integer(2)),
      integer(newSerial(random)),
      scheme.algorithm,
      raw(ca.subject.der),
      seq(utcOrGeneralized(notBefore), utcOrGeneralized(notAfter)),
      raw(request.subject.der),
      raw(request.spki),
      explicit(3, seqOf([...extensions(ca, request, profile), ...locations(issuer)])),
    ),
  )
  return encode(seq(raw(tbs), scheme.algorithm, bits(await issuer.sign(tbs))))
}

function newSerial(random: Random): bigint {
  const bytes = Uint8Array.from(random.bytes(20))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function extensions(ca: PlainCertificate, request: CertificateRequest, profile: CertificateProfile): readonly Der[] {
  const ski = keyIdentifier(request.spki)
  const usages = profile.extendedKeyUsages.map((usage) => oid(EXTENDED_KEY_USAGES[usage]))
  return [
    // not a CA: an empty sequence (section 4.2.1.9)
    extension('2.5.29.19', true, seq()),
    extension('2.5.29.15', true, keyUsage(request.key.kind)),
    ...(usages.length === 0 ? [] : [extension('2.5.29.37', false, seqOf(usages))]),
    // critical where the subject is empty (section 4.2.1.6)
    ...(request.san === undefined ? [] : [extension('2.5.29.17', request.subject.isEmpty, raw(request.san))]),
    extension('2.5.29.14', false, octets(ski)),
    authorityKeyIdentifier(ca),
  ]
}

/** Encodes cRLDistributionPoints and authorityInfoAccess. OCSP is not offered. */
function locations({ crlUrl, issuerUrl }: Issuer): readonly Der[] {
  const uri = (url: string): Der => implicit(6, ia5(url))
  const point = (url: string): Der => seq(explicit(0, implicit(0, seq(uri(url)))))
  return [
    ...(crlUrl === undefined ? [] : [extension('2.5.29.31', false, seq(point(crlUrl)))]),
    ...(issuerUrl === undefined
      ? []
      : [extension('1.3.6.1.5.5.7.1.1', false, seq(seq(oid('1.3.6.1.5.5.7.48.2'), uri(issuerUrl))))]),
  ]
}

/** Encodes digitalSignature, and keyEncipherment for RSA (RFC 5480 section 3 has no such use of an EC key). */
function keyUsage(kind: 'rsa' | 'ec'): Der {
  return kind === 'rsa' ? bits(Uint8Array.of(0xa0), 5) : bits(Uint8Array.of(0x80), 7)
}
