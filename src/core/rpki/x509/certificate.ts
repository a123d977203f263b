/**
 * Encoder of resource certificates (RFC 6487 section 4); extensions are in the order of section 4.8.
 *
 * RFC 5280 section 4.1:
 *
 *     Certificate ::= SEQUENCE {
 *       tbsCertificate       TBSCertificate,
 *       signatureAlgorithm   AlgorithmIdentifier,
 *       signatureValue       BIT STRING }
 *
 *     TBSCertificate ::= SEQUENCE {
 *       version         [0]  EXPLICIT Version DEFAULT v1,   -- must be v3 (2)
 *       serialNumber         CertificateSerialNumber,
 *       signature            AlgorithmIdentifier,
 *       issuer               Name,
 *       validity             SEQUENCE { notBefore Time, notAfter Time },
 *       subject              Name,
 *       subjectPublicKeyInfo SubjectPublicKeyInfo,
 *       extensions      [3]  EXPLICIT SEQUENCE OF Extension }
 *
 *     Extension ::= SEQUENCE {
 *       extnID               OBJECT IDENTIFIER,
 *       critical             BOOLEAN DEFAULT FALSE,
 *       extnValue            OCTET STRING }
 */
import { keyIdOf } from '../../crypto/digest.js'
import type { KeyId, Sign } from '../../crypto/ports.js'
import {
  bits,
  boolean,
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
} from '../../der/writer.js'
import {
  authorityKeyIdentifier,
  commonName,
  extension,
  issuerName,
  keyIdBytes,
  limitedNumber,
  SHA256_WITH_RSA,
  signed,
} from './encode-parts.js'
import { asIdentifiers, ipAddrBlocks } from './encode-resources.js'
import * as oids from './oids.js'
import type { CertificateContent, SubjectInfoAccess } from './types.js'

/** Only the named bits: keyCertSign and cRLSign; digitalSignature (RFC 6487 section 4.8.4). */
export const CA_KEY_USAGE = bits(new Uint8Array([0x06]), 1)
export const EE_KEY_USAGE = bits(new Uint8Array([0x80]), 7)

/**
 * Returns the DER certificate. Throws a TypeError for content that no profile allows: a serial outside 1 to 2^159 - 1,
 * times reversed, ranges not canonical, no resources, a member missing or too many for its kind.
 */
export async function signCertificate(content: CertificateContent, sign: Sign): Promise<Uint8Array> {
  return signed(encode(tbsCertificate(content, commonName(content.subject), extensions(content))), sign)
}

/** Members that certificates of every kind have. */
type TbsContent = Pick<CertificateContent, 'serial' | 'issuer' | 'issuerName' | 'notBefore' | 'notAfter' | 'spki'>

/** Encodes what is signed. Throws a TypeError for a serial outside 1 to 2^159 - 1 and for times reversed. */
export function tbsCertificate(content: TbsContent, subject: Der, list: readonly Der[]): Der {
  if (content.notBefore >= content.notAfter)
    throw new TypeError(`notBefore ${content.notBefore} is not before notAfter ${content.notAfter}`)
  return seq(
    explicit(0, integer(2)),
    limitedNumber('serial', content.serial, 1n),
    SHA256_WITH_RSA,
    issuerName(content),
    seq(utcOrGeneralized(content.notBefore), utcOrGeneralized(content.notAfter)),
    subject,
    raw(content.spki),
    explicit(3, seqOf(list)),
  )
}

function extensions(content: CertificateContent): readonly Der[] {
  const isCa = content.kind !== 'ee'
  const ski = keyIdOf(content.spki)
  const issuer = issuerPointers(content, ski)
  const ip = ipAddrBlocks(content.resources)
  const as = asIdentifiers(content.resources)
  if (ip === undefined && as === undefined) throw new TypeError('a resource certificate without resources')
  const list: readonly (Der | undefined)[] = [
    isCa ? extension(oids.OID_BASIC_CONSTRAINTS, true, seq(boolean(true))) : undefined,
    extension(oids.OID_SUBJECT_KEY_IDENTIFIER, false, octets(keyIdBytes(ski))),
    issuer.aki === undefined ? undefined : authorityKeyIdentifier(issuer.aki),
    extension(oids.OID_KEY_USAGE, true, isCa ? CA_KEY_USAGE : EE_KEY_USAGE),
    issuer.crl === undefined ? undefined : crlDistributionPoint(issuer.crl),
    issuer.aia === undefined ? undefined : caIssuers(issuer.aia),
    subjectInfoAccess(content.sia, isCa),
    certificatePolicy(),
    ip === undefined ? undefined : extension(oids.OID_IP_ADDR_BLOCKS, true, ip),
    as === undefined ? undefined : extension(oids.OID_AUTONOMOUS_SYS_IDS, true, as),
  ]
  return list.filter((item) => item !== undefined)
}

/** Returns the pointers at the issuer: all three, or for a trust anchor at most its own key (RFC 6487 sections 4.8.3, 4.8.6, 4.8.7). */
function issuerPointers(
  { kind, aki, crl, aia, issuer, subject, resources }: CertificateContent,
  ski: KeyId,
): Pick<CertificateContent, 'aki' | 'crl' | 'aia'> {
  if (kind !== 'ta') {
    if (aki === undefined || crl === undefined || aia === undefined)
      throw new TypeError(`a certificate of kind ${kind} needs aki, crl and aia`)
    return { aki, crl, aia }
  }
  if (crl !== undefined || aia !== undefined) throw new TypeError('a trust anchor has no crl and no aia')
  if (issuer !== subject || (aki !== undefined && aki !== ski)) throw new TypeError('a trust anchor issues itself')
  if ([resources.asn, resources.ipv4, resources.ipv6].includes('inherit'))
    throw new TypeError('a trust anchor has nothing to inherit from')
  return aki === undefined ? {} : { aki }
}

/** Encodes one distribution point, its fullName one URI, no reasons (RFC 6487 section 4.8.6). */
export function crlDistributionPoint(uri: string): Der {
  const fullName = implicit(0, seq(uriName(uri)))
  return extension(oids.OID_CRL_DISTRIBUTION_POINTS, false, seq(seq(explicit(0, fullName))))
}

/** Encodes the URI of the issuer's certificate (RFC 6487 section 4.8.7). */
export function caIssuers(uri: string): Der {
  return extension(oids.OID_AUTHORITY_INFO_ACCESS, false, seq(accessDescription(oids.OID_AD_CA_ISSUERS, uri)))
}

/** Encodes the policy of RFC 6484 alone (RFC 6487 section 4.8.9). */
export function certificatePolicy(): Der {
  return extension(oids.OID_CERTIFICATE_POLICIES, true, seq(seq(oid(oids.OID_RPKI_POLICY))))
}

/** Encodes the extension of RFC 6487 section 4.8.8. */
export function subjectInfoAccess(sia: SubjectInfoAccess, isCa: boolean): Der {
  if (isCa !== (sia.kind === 'ca')) throw new TypeError(`subject information access of kind ${sia.kind} does not fit`)
  const methods =
    sia.kind === 'ee'
      ? [accessDescription(oids.OID_AD_SIGNED_OBJECT, sia.signedObject)]
      : [
          accessDescription(oids.OID_AD_CA_REPOSITORY, sia.caRepository),
          accessDescription(oids.OID_AD_RPKI_MANIFEST, sia.manifest),
          ...(sia.notify === undefined ? [] : [accessDescription(oids.OID_AD_RPKI_NOTIFY, sia.notify)]),
        ]
  return extension(oids.OID_SUBJECT_INFO_ACCESS, false, seqOf(methods))
}

function accessDescription(method: string, uri: string): Der {
  return seq(oid(method), uriName(uri))
}

/** A GeneralName that is a uniformResourceIdentifier. */
function uriName(uri: string): Der {
  if (!/^[a-z]+:\/\/[!-~]+$/.test(uri)) throw new TypeError(`not a URI: ${JSON.stringify(uri)}`)
  return implicit(6, ia5(uri))
}
