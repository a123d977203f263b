/**
 * Certification requests of a CA (PKCS #10, RFC 2986) with the profile of RFC 6487 section 6: the extensions asked for are basicConstraints,
 * keyUsage and subjectInfoAccess; name and all others are up to the issuer.
 *
 *     CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm, signature BIT STRING }
 *     CertificationRequestInfo ::= SEQUENCE { version INTEGER (0), subject Name, subjectPKInfo, attributes [0] SET OF Attribute }
 */
import { quoted } from '../base/text.js'
import type { KeyId, Sign } from '../crypto/ports.js'
import { createFindings, type Decoded, type FindingList } from '../der/findings.js'
import { constructedTag, type DerNode, parseDer, rawOf, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readOid } from '../der/values.js'
import { boolean, encode, implicit, integer, oid, raw, seq, set } from '../der/writer.js'
import { readAlgorithm } from './x509/algorithm.js'
import { CA_KEY_USAGE, subjectInfoAccess } from './x509/certificate.js'
import { checkCaSia } from './x509/certificate-profile.js'
import { commonName, extension, signed } from './x509/encode-parts.js'
import { type Extensions, readExtensions } from './x509/extensions.js'
import { checkRsaKey, readKey } from './x509/key.js'
import * as oids from './x509/oids.js'
import type { SubjectInfoAccess } from './x509/types.js'
import { verifyRsa } from './x509/verify-rsa.js'

const RULE = 'RFC 6487 section 6'
const OID_EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
/** Longest request that is read, in octets: a key, three extensions and URIs. */
const LARGEST = 16 * 1024

/** A URI whose authority is a host, by name or address, and perhaps a port. */
const PLAIN_AUTHORITY =
  /^[a-z]+:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([1-9]\d{0,4}))?\//

type CaSia = Extract<SubjectInfoAccess, { readonly kind: 'ca' }>

export interface CaRequest {
  readonly ski: KeyId
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly sia: CaSia
}

/** Returns the DER of a request, signed with the key that it is for. */
export async function signCertificationRequest({ ski, spki, sia }: CaRequest, sign: Sign): Promise<Uint8Array> {
  const extensions = seq(
    extension(oids.OID_BASIC_CONSTRAINTS, true, seq(boolean(true))),
    extension(oids.OID_KEY_USAGE, true, CA_KEY_USAGE),
    subjectInfoAccess(sia, true),
  )
  const attribute = seq(oid(OID_EXTENSION_REQUEST), set(extensions))
  const info = seq(integer(0), commonName(ski), raw(spki), implicit(0, set(attribute)))
  return signed(encode(info), sign)
}

/** Decodes a request and verifies that its sender holds the private key. `content` is undefined where a finding makes it unacceptable. */
export function decodeCertificationRequest(der: Uint8Array): Decoded<CaRequest> {
  const findings = createFindings()
  if (der.length > LARGEST) findings.add(RULE, `${der.length} octets; at most ${LARGEST} are read`)
  const node = findings.isBroken() ? undefined : parseDer(der, findings)
  const content = node === undefined ? undefined : readRequest(node, findings)
  return { content: findings.isBroken() ? undefined : content, findings: findings.all() }
}

function readRequest(node: DerNode, findings: FindingList): CaRequest | undefined {
  const frame = { what: 'the request', rule: 'RFC 2986 section 4', tag: TAG.sequence, least: 3, most: 3 }
  const [info, algorithm, signature] = membersOf(node, frame, findings)
  const inner = { what: 'the request information', rule: 'RFC 2986 section 4', tag: TAG.sequence, least: 4, most: 4 }
  const [version, , spki, attributes] = membersOf(info, inner, findings)
  if (readInteger(version) !== 0n) findings.add('RFC 2986 section 4.1', 'the version is not 0')
  const key = readKey(spki, findings)
  for (const finding of checkRsaKey(key)) findings.add(finding.rule, finding.message)
  if (readAlgorithm(algorithm, 'the signature algorithm', findings) !== oids.OID_SHA256_WITH_RSA)
    findings.add('RFC 7935 section 2', 'the signature algorithm is not sha256WithRSAEncryption')
  const extensions = readExtensionRequest(attributes, findings)
  if (info === undefined || key === undefined || extensions === undefined) return undefined
  const octets = readBits(signature)
  if (octets?.unused !== 0 || !verifyRsa(key.spki, rawOf(info), octets.bytes))
    findings.add('RFC 2986 section 3', 'the signature does not verify: no proof that the sender holds the private key')
  const sia = siaOf(extensions, findings)
  return sia === undefined ? undefined : { ski: key.ski, spki: key.spki, sia }
}

function readExtensionRequest(attributes: DerNode | undefined, findings: FindingList): Extensions | undefined {
  const rule = 'RFC 2986 section 4.1'
  const frame = { what: 'the attributes', rule, tag: constructedTag(0) }
  const list = membersOf(attributes, frame, findings).map((attribute) =>
    membersOf(attribute, { what: 'an attribute', rule, tag: TAG.sequence, least: 2, most: 2 }, findings),
  )
  const requests = list.filter(([type]) => readOid(type) === OID_EXTENSION_REQUEST)
  if (requests.length !== 1) {
    findings.add(RULE, requests.length === 0 ? 'no extensions are requested' : 'extensions are requested twice')
    return undefined
  }
  const values = { what: 'the extension request', rule, tag: TAG.set, least: 1, most: 1 }
  const [value] = membersOf(requests[0]?.[1], values, findings)
  const extensions = readExtensions(value, findings)
  if (extensions.isCa !== true) findings.add(`${RULE}.1.1`, 'no CA certificate is requested (basicConstraints cA)')
  if (extensions.keyUsage !== undefined && extensions.keyUsage !== 0x06)
    findings.add(`${RULE}.1.1`, 'the key usage is not keyCertSign and cRLSign')
  return extensions
}

/** Returns true if the authority of a URI is a host, and a port at most: with a user or a last dot a place would have two names (RFC 3986 section 3.2). */
function hasPlainHost(uri: string): boolean {
  const [, port] = PLAIN_AUTHORITY.exec(uri) ?? [undefined, 'none']
  return port === undefined || Number(port) <= 65_535
}

/** Returns the places that the certificate shall name, where validators accept them. */
function siaOf({ sia }: Extensions, findings: FindingList): CaSia | undefined {
  if (sia === undefined) {
    findings.add('RFC 6487 section 4.8.8', 'no subject information access')
    return undefined
  }
  checkCaSia(sia, findings)
  const { caRepository, manifest, notify } = sia
  if (caRepository === undefined || manifest === undefined) return undefined
  for (const uri of [caRepository, ...(notify === undefined ? [] : [notify])])
    if (!hasPlainHost(uri))
      findings.add('RFC 6487 section 4.8.8.1', `${quoted(uri)} names a user, or has no valid host or port`)
  if (!caRepository.endsWith('/'))
    findings.add(
      'RFC 6487 section 4.8.8.1',
      `caRepository ${quoted(caRepository)} is not a folder: a slash must be at its end`,
    )
  return { kind: 'ca', caRepository, manifest, ...(notify === undefined ? {} : { notify }) }
}
