/** Strict decoder of resource certificates (RFC 6487 section 4) and of the members that BGPsec router certificates (RFC 8209) share with them. Reads on after a finding. */
import type { Instant } from '../../base/time.js'
import { createFindings, type Decoded, type FindingList } from '../../der/findings.js'
import {
  childrenOf,
  constructedTag,
  type DerNode,
  hasTag,
  parseDer,
  primitiveTag,
  rawOf,
  TAG,
} from '../../der/reader.js'
import { membersOf, readBits, readInteger, readTime } from '../../der/values.js'
import { checkSignatureAlgorithms, checkTimeForm } from './algorithm.js'
import { type CertificatePurpose, checkCertificateContent } from './certificate-profile.js'
import { type Extensions, readExtensions } from './extensions.js'
import { type ParsedKey, readKey } from './key.js'
import { type ParsedName, readName } from './name.js'
import {
  OID_AUTHORITY_INFO_ACCESS,
  OID_BGPSEC_ROUTER,
  OID_CERTIFICATE_POLICIES,
  OID_CRL_DISTRIBUTION_POINTS,
  OID_SUBJECT_INFO_ACCESS,
} from './oids.js'
import type { DecodedCertificate, SubjectInfoAccess } from './types.js'

/** The readable parts of a certificate, valid or not. */
export interface ParsedCertificate {
  readonly purpose: CertificatePurpose
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signature: Uint8Array | undefined
  readonly serial: bigint | undefined
  readonly issuer: ParsedName | undefined
  readonly subject: ParsedName | undefined
  readonly notBefore: Instant | undefined
  readonly notAfter: Instant | undefined
  readonly key: ParsedKey | undefined
  readonly extensions: Extensions
}

/** Returns the certificate in `bytes` with every finding against DER and the profile. Content is there where all members could be read; a router certificate has none. */
export function decodeCertificate(bytes: Uint8Array): Decoded<DecodedCertificate> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  const parsed = node === undefined ? undefined : parseCertificate(node, undefined, findings)
  if (parsed?.purpose === 'router')
    findings.add('RFC 8209 section 3.1', 'this is a router certificate, not one of a CA or a signed object')
  return { content: parsed === undefined ? undefined : contentOfCertificate(parsed), findings: findings.all() }
}

/** Reads and checks a certificate. `purpose` is the purpose that it must have; undefined to derive it from the certificate. Returns undefined where the outer structure is not that of a certificate. */
export function parseCertificate(
  node: DerNode,
  purpose: CertificatePurpose | undefined,
  findings: FindingList,
): ParsedCertificate | undefined {
  const [tbs, outerAlgorithm, signatureNode, ...more] = childrenOf(node, TAG.sequence)
  if (tbs?.tag !== TAG.sequence) {
    findings.add('RFC 5280 section 4.1', 'this is not a certificate')
    return undefined
  }
  if (more.length > 0) findings.add('RFC 5280 section 4.1', 'more than three members in a certificate')
  const signature = readBits(signatureNode)
  if (signature === undefined || signature.unused !== 0)
    findings.add('RFC 5280 section 4.1.1.3', 'the signature is not a BIT STRING of octets')
  const fields = readFields(tbs, outerAlgorithm, findings)
  const kind = purpose ?? purposeOf(fields)
  const parsed: ParsedCertificate = {
    ...fields,
    purpose: kind,
    raw: rawOf(node),
    tbs: rawOf(tbs),
    signature: signature?.bytes,
  }
  checkExtensions(parsed, findings)
  findings.addAll(checkCertificateContent(valuesOf(parsed)))
  if (kind === 'ta' && !isSelfIssued(fields))
    findings.add('RFC 8630 section 2.3', 'the issuer of a self-signed certificate is not its subject')
  return parsed
}

type Fields = Omit<ParsedCertificate, 'purpose' | 'raw' | 'tbs' | 'signature'>

function readFields(tbs: DerNode, outerAlgorithm: DerNode | undefined, findings: FindingList): Fields {
  const parts = [...childrenOf(tbs, TAG.sequence)]
  const versionFrame = { what: 'the version', rule: 'RFC 6487 section 4.1', tag: constructedTag(0), least: 1, most: 1 }
  const version = hasTag(parts[0], versionFrame.tag)
    ? readInteger(membersOf(parts.shift(), versionFrame, findings)[0])
    : 0n
  if (version !== 2n)
    findings.add(
      'RFC 6487 section 4.1',
      `the version is ${version === undefined ? 'unreadable' : `v${version + 1n}`}, not v3`,
    )
  const [serialNode, algorithm, issuer, validity, subject, spki, ...rest] = parts
  const serial = readInteger(serialNode)
  if (serial === undefined)
    findings.add('RFC 6487 section 4.2', 'the serial number is not an INTEGER of at most 20 octets')
  checkSignatureAlgorithms(algorithm, outerAlgorithm, findings)
  const [fromNode, toNode] = membersOf(
    validity,
    { what: 'the validity', rule: 'RFC 6487 section 4.6', tag: TAG.sequence, least: 2, most: 2 },
    findings,
  )
  const key = readKey(spki, findings)
  if (key === undefined) findings.add('RFC 6487 section 4.7', 'the public key is unreadable')
  return {
    serial,
    issuer: issuer === undefined ? undefined : readName(issuer, 'issuer', 'RFC 6487 section 4.4', findings),
    subject: subject === undefined ? undefined : readName(subject, 'subject', 'RFC 6487 section 4.5', findings),
    notBefore: readValidity(fromNode, 'notBefore', 'RFC 6487 section 4.6.1', findings),
    notAfter: readValidity(toNode, 'notAfter', 'RFC 6487 section 4.6.2', findings),
    key,
    extensions: readExtensions(extensionList(rest, findings), findings),
  }
}

function readValidity(
  node: DerNode | undefined,
  what: string,
  rule: string,
  findings: FindingList,
): Instant | undefined {
  const instant = readTime(node)
  if (instant === undefined) findings.add(rule, `${what} is unreadable`)
  checkTimeForm(node, instant, what, findings)
  return instant
}

function extensionList(rest: readonly DerNode[], findings: FindingList): DerNode | undefined {
  let list: DerNode | undefined
  for (const part of rest) {
    const frame = { what: 'the extensions field', rule: 'RFC 5280 section 4.1', tag: constructedTag(3) }
    if (hasTag(part, frame.tag) && list === undefined)
      list = membersOf(part, { ...frame, least: 1, most: 1 }, findings)[0]
    else if (hasTag(part, primitiveTag(1)) || hasTag(part, primitiveTag(2)))
      findings.add('RFC 5280 section 4.1.2.8', 'an issuer or subject unique identifier')
    else findings.add('RFC 5280 section 4.1', 'an unknown member in the certificate')
  }
  if (list === undefined) findings.add('RFC 6487 section 4.8', 'the certificate has no extensions')
  return list
}

/** Returns the purpose that a certificate claims. Without basic constraints the other extensions decide. */
function purposeOf({ extensions, issuer, subject, key }: Fields): CertificatePurpose {
  if (extensions.extendedKeyUsage?.includes(OID_BGPSEC_ROUTER)) return 'router'
  const isCa = extensions.isCa === true || extensions.keyUsage === 0x06 || extensions.sia?.caRepository !== undefined
  if (!isCa && (extensions.sia?.signedObject !== undefined || extensions.keyUsage === 0x80)) return 'ee'
  const isSelfKeyed = extensions.aki !== undefined && extensions.aki === key?.ski
  const isOwn = extensions.aki === undefined || extensions.aki === extensions.ski
  const isNamed = issuer !== undefined && subject !== undefined
  return isSelfKeyed || (isOwn && isNamed && isSelfIssued({ issuer, subject })) ? 'ta' : 'ca'
}

/** Returns true if issuer and subject are one name; true where one of them could not be read, which is a finding of its own. */
function isSelfIssued({ issuer, subject }: Pick<Fields, 'issuer' | 'subject'>): boolean {
  return issuer === undefined || subject === undefined || Buffer.compare(issuer.der, subject.der) === 0
}

function checkExtensions({ purpose, extensions, key }: ParsedCertificate, findings: FindingList): void {
  const isCa = purpose === 'ta' || purpose === 'ca'
  const { isCa: basic, keyUsage, extendedKeyUsage: eku } = extensions
  if (isCa && basic !== true) findings.add('RFC 6487 section 4.8.1', 'a CA certificate without the basic constraint cA')
  if (!isCa && basic !== undefined)
    findings.add('RFC 6487 section 4.8.1', 'basic constraints in a certificate that is not of a CA')
  if (extensions.ski === undefined) findings.add('RFC 6487 section 4.8.2', 'no subject key identifier')
  else if (key !== undefined && extensions.ski !== key.ski)
    findings.add(
      'RFC 6487 section 4.8.2',
      `the subject key identifier ${extensions.ski} is not the SHA-1 hash of the key, ${key.ski}`,
    )
  if (keyUsage === undefined) findings.add('RFC 6487 section 4.8.4', 'no key usage')
  else if (keyUsage !== (isCa ? 0x06 : 0x80))
    findings.add(
      'RFC 6487 section 4.8.4',
      `the key usage is not exactly ${isCa ? 'keyCertSign and cRLSign' : 'digitalSignature'}`,
    )
  if (eku !== undefined && purpose !== 'router')
    findings.add('RFC 6487 section 4.8.5', 'an extended key usage, which only router certificates have')
  if (!extensions.present.has(OID_CERTIFICATE_POLICIES)) findings.add('RFC 6487 section 4.8.9', 'no certificate policy')
}

function valuesOf(parsed: ParsedCertificate): Parameters<typeof checkCertificateContent>[0] {
  const { extensions } = parsed
  const { crl, aia, sia, aki, resources } = extensions
  return {
    kind: parsed.purpose,
    serial: parsed.serial,
    issuer: parsed.issuer?.commonName,
    subject: parsed.subject?.commonName,
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
    spki: parsed.key?.spki,
    aki,
    crl:
      crl ??
      (parsed.purpose === 'ta' && extensions.present.has(OID_CRL_DISTRIBUTION_POINTS) ? 'unreadable' : undefined),
    aia:
      aia ?? (parsed.purpose === 'ta' && extensions.present.has(OID_AUTHORITY_INFO_ACCESS) ? 'unreadable' : undefined),
    sia: sia ?? (parsed.purpose === 'router' && extensions.present.has(OID_SUBJECT_INFO_ACCESS) ? {} : undefined),
    resources,
  }
}

/** Returns the certificate as the value that the encoder takes; undefined while a member is missing. */
export function contentOfCertificate(parsed: ParsedCertificate): DecodedCertificate | undefined {
  const { purpose, serial, notBefore, notAfter, key, signature, extensions } = parsed
  const [issuer, subject] = [parsed.issuer?.commonName, parsed.subject?.commonName]
  const sia = subjectInfoAccess(extensions)
  if (
    purpose === 'router' ||
    purpose === 'checklist-ee' ||
    serial === undefined ||
    issuer === undefined ||
    subject === undefined
  )
    return undefined
  if (notBefore === undefined || notAfter === undefined || key === undefined) return undefined
  if (sia === undefined || signature === undefined) return undefined
  const { aki, crl, aia, resources } = extensions
  return {
    kind: purpose,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki: key.spki,
    ...(aki !== undefined && { aki }),
    ...(crl !== undefined && { crl }),
    ...(aia !== undefined && { aia }),
    sia,
    resources,
    ski: key.ski,
    tbs: parsed.tbs,
    signature,
  }
}

function subjectInfoAccess({ sia }: Extensions): SubjectInfoAccess | undefined {
  if (sia?.signedObject !== undefined) return { kind: 'ee', signedObject: sia.signedObject }
  if (sia?.caRepository === undefined || sia.manifest === undefined) return undefined
  const { caRepository, manifest, notify } = sia
  return { kind: 'ca', caRepository, manifest, ...(notify !== undefined && { notify }) }
}
