/**
 * Certificates of BGPsec routers (RFC 8209): content, encoder, strict decoder, profile. An EE certificate of a key that a router holds, with one
 * AS number; it signs no object of the RPKI and is published itself.
 *
 * RFC 8209 section 3.1, beside what every resource certificate has (RFC 6487):
 *
 *     subject              commonName ROUTER-<AS, 8 hex digits>, serialNumber <BGP Identifier, 8 hex digits>
 *     subjectPublicKeyInfo EC on the curve P-256 (RFC 8608)
 *     extendedKeyUsage     id-kp-bgpsec-router, not critical
 *     AS numbers           one, not inherited; no IP addresses, no subject information access
 */
import { keyIdOf } from '../crypto/digest.js'
import type { KeyId, Sign } from '../crypto/ports.js'
import { createFindings, type Decoded, type FindingList, type ObjectFinding } from '../der/findings.js'
import { parseDer } from '../der/reader.js'
import { encode, octets, oid, seq } from '../der/writer.js'
import { routerCommonName, routerIdHex, routerName } from '../resources/router-names.js'
import { caIssuers, certificatePolicy, crlDistributionPoint, EE_KEY_USAGE, tbsCertificate } from './x509/certificate.js'
import { checkCertificateContent } from './x509/certificate-profile.js'
import { type ParsedCertificate, parseCertificate } from './x509/decode-certificate.js'
import { authorityKeyIdentifier, extension, keyIdBytes, numberedName, signed } from './x509/encode-parts.js'
import { asIdentifiers } from './x509/encode-resources.js'
import * as oids from './x509/oids.js'
import type { CertificateContent } from './x509/types.js'

/** A certificate of a router. */
export interface RouterCertificate
  extends Pick<CertificateContent, 'serial' | 'issuer' | 'issuerName' | 'notBefore' | 'notAfter' | 'spki'> {
  readonly asn: number
  /** serialNumber of the subject, eight hexadecimal digits. */
  readonly number: string
  readonly aki: KeyId
  readonly crl: string
  readonly aia: string
}

export interface DecodedRouterCertificate extends RouterCertificate {
  readonly ski: KeyId
  /** The signed bytes and the signature over them. */
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

/** Returns the serialNumber of a router's subject: its BGP Identifier; without one the first digits of its key, since subjects differ (RFC 6487 section 4.5). */
export function routerNumber(routerId: string | null, ski: KeyId): string {
  return routerId === null ? ski.slice(0, 8) : routerIdHex(routerId)
}

/** Returns the DER certificate. Throws a TypeError for content that the profile refuses. */
export async function signRouterCertificate(content: RouterCertificate, sign: Sign): Promise<Uint8Array> {
  const [first] = checkRouterCertificate(content)
  if (first !== undefined) throw new TypeError(`${first.rule}: ${first.message}`)
  const { asn, number, spki, aki, crl, aia } = content
  const as = asIdentifiers({ asn: [{ min: asn, max: asn }] })
  if (as === undefined) throw new TypeError('a router certificate without an AS number')
  const extensions = [
    extension(oids.OID_SUBJECT_KEY_IDENTIFIER, false, octets(keyIdBytes(keyIdOf(spki)))),
    authorityKeyIdentifier(aki),
    extension(oids.OID_KEY_USAGE, true, EE_KEY_USAGE),
    extension(oids.OID_EXTENDED_KEY_USAGE, false, seq(oid(oids.OID_BGPSEC_ROUTER))),
    crlDistributionPoint(crl),
    caIssuers(aia),
    certificatePolicy(),
    extension(oids.OID_AUTONOMOUS_SYS_IDS, true, as),
  ]
  return signed(encode(tbsCertificate(content, numberedName(routerCommonName(asn), number), extensions)), sign)
}

/** Returns the certificate in `bytes` with every finding. Content is there where all members could be read. */
export function decodeRouterCertificate(bytes: Uint8Array): Decoded<DecodedRouterCertificate> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  const parsed = node === undefined ? undefined : parseCertificate(node, 'router', findings)
  if (parsed !== undefined) checkRouterExtensions(parsed, findings)
  return { content: parsed === undefined ? undefined : contentOf(parsed), findings: findings.all() }
}

/** Adds what is wrong with a certificate that has to be one of a router: its extended key usage (RFC 8209 section 3.1.3.2). */
export function checkRouterExtensions({ extensions }: ParsedCertificate, findings: FindingList): void {
  const rule = 'RFC 8209 section 3.1.3.2'
  const { extendedKeyUsage: usages } = extensions
  if (usages === undefined) findings.add(rule, 'no extended key usage')
  else if (!usages.includes(oids.OID_BGPSEC_ROUTER)) findings.add(rule, 'no key usage of a BGPsec router')
}

/** Adds a finding where a file has another name than Brine gives to the certificate. */
export function checkRouterName(
  name: string,
  { key, subject, extensions }: ParsedCertificate,
  findings: FindingList,
): void {
  const { asn } = extensions.resources
  const [only] = asn === undefined || asn === 'inherit' ? [] : asn
  if (only === undefined || key === undefined) return
  if (name !== `${routerName(only.min, key.ski)}.cer`)
    findings.add('RFC 6481 section 2.2', `${name} holds the certificate of ${routerName(only.min, key.ski)}`)
  if (subject?.commonName !== routerCommonName(only.min))
    findings.add('RFC 8209 section 3.1.1', `the subject ${subject?.commonName} is not ${routerCommonName(only.min)}`)
}

/** Returns every finding about the values of a router certificate. */
export function checkRouterCertificate(content: RouterCertificate): readonly ObjectFinding[] {
  const findings = createFindings()
  const { asn, number, ...values } = content
  findings.addAll(
    checkCertificateContent({
      ...values,
      kind: 'router',
      subject: routerCommonName(asn),
      resources: { asn: [{ min: asn, max: asn }] },
    }),
  )
  if (!/^[0-9A-F]{8}$/.test(number))
    findings.add('RFC 8209 section 3.1.1', `the serialNumber ${number} of the subject is not eight hexadecimal digits`)
  if (asn === 0) findings.add('RFC 7607 section 2', 'AS0 is not the AS of a router')
  return findings.all()
}

function contentOf(parsed: ParsedCertificate): DecodedRouterCertificate | undefined {
  const { serial, notBefore, notAfter, key, signature, extensions, tbs } = parsed
  const { aki, crl, aia, resources } = extensions
  const [issuer, number] = [parsed.issuer?.commonName, parsed.subject?.serialNumber]
  const [only] = resources.asn === undefined || resources.asn === 'inherit' ? [] : resources.asn
  if (serial === undefined || issuer === undefined || notBefore === undefined || notAfter === undefined)
    return undefined
  if (key === undefined || signature === undefined || only === undefined) return undefined
  if (aki === undefined || crl === undefined || aia === undefined || number === undefined) return undefined
  const { spki, ski } = key
  return { serial, issuer, notBefore, notAfter, spki, ski, asn: only.min, number, aki, crl, aia, tbs, signature }
}

/** The profile of router certificates as a codec of `object-kinds.ts`. */
export const routerCertificateCodec = {
  encode: signRouterCertificate,
  decode: decodeRouterCertificate,
  profile: checkRouterCertificate,
}
