/**
 * Strict decoder of the envelope of signed objects (RFC 6488; its ASN.1 is in cms.ts): CMS SignedData, its one EE certificate, and the
 * signature that binds content and certificate. Reads on after a finding.
 */
import { equalBytes } from '../../base/bytes.js'
import type { Instant } from '../../base/time.js'
import { sha256 } from '../../crypto/digest.js'
import { createFindings, type Decoded, type FindingList } from '../../der/findings.js'
import {
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  parseDer,
  primitiveTag,
  TAG,
  toDer,
} from '../../der/reader.js'
import { membersOf, readInteger, readOctets, readOid } from '../../der/values.js'
import { readAlgorithm } from '../x509/algorithm.js'
import type { CertificatePurpose } from '../x509/certificate-profile.js'
import { contentOfCertificate, type ParsedCertificate, parseCertificate } from '../x509/decode-certificate.js'
import { OID_CT_CHECKLIST, OID_RSA_ENCRYPTION, OID_SHA256, OID_SHA256_WITH_RSA, OID_SIGNED_DATA } from '../x509/oids.js'
import type { DecodedCertificate } from '../x509/types.js'
import { verifyRsa } from '../x509/verify-rsa.js'
import { readSignedAttributes } from './read-attributes.js'

/** RFC 6488: the envelope. */
export interface DecodedSignedObject {
  readonly contentType: string
  readonly eContent: Uint8Array
  readonly ee: DecodedCertificate
  readonly signingTime: Instant | undefined
}

/** The readable parts of a signed object, valid or not. */
export interface ParsedSignedObject {
  readonly contentType: string | undefined
  readonly eContent: Uint8Array | undefined
  readonly ee: ParsedCertificate | undefined
  readonly signingTime: Instant | undefined
  /** True if the digest and the signature verify under the key of the EE certificate. */
  readonly isSigned: boolean
}

/** Returns the signed object in `bytes` with every finding about the envelope, the EE certificate and the signature. The caller decodes the content. */
export function decodeSignedObject(bytes: Uint8Array): Decoded<DecodedSignedObject> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  const parsed = node === undefined ? undefined : parseSignedObject(node, findings)
  const ee = parsed?.ee === undefined ? undefined : contentOfCertificate(parsed.ee)
  const content =
    parsed?.contentType === undefined || parsed.eContent === undefined || ee === undefined
      ? undefined
      : { contentType: parsed.contentType, eContent: parsed.eContent, ee, signingTime: parsed.signingTime }
  return { content, findings: findings.all() }
}

/** Reads and checks the envelope. Returns undefined where it is not SignedData. */
export function parseSignedObject(node: DerNode, findings: FindingList): ParsedSignedObject | undefined {
  const frame = { what: 'ContentInfo', rule: 'RFC 5652 section 3', tag: TAG.sequence, least: 2, most: 2 }
  const [typeNode, wrapper] = membersOf(node, frame, findings)
  const content = { what: 'the content', rule: frame.rule, tag: constructedTag(0), least: 1, most: 1 }
  const [signedData] = membersOf(wrapper, content, findings)
  if (readOid(typeNode) !== OID_SIGNED_DATA || signedData === undefined) {
    findings.add('RFC 6488 section 2.1', 'this is not CMS SignedData')
    return undefined
  }
  const parts = [
    ...membersOf(signedData, { what: 'SignedData', rule: 'RFC 5652 section 5.1', tag: TAG.sequence }, findings),
  ]
  const version = readInteger(parts.shift())
  if (version !== 3n)
    findings.add('RFC 6488 section 2.1.1', `SignedData has version ${version ?? '(unreadable)'}, not 3`)
  checkDigestAlgorithms(parts.shift(), findings)
  const { contentType, eContent } = readEncapsulated(parts.shift(), findings)
  const certificates = hasTag(parts[0], constructedTag(0)) ? parts.shift() : undefined
  const ee = readCertificates(certificates, contentType === OID_CT_CHECKLIST ? 'checklist-ee' : 'ee', findings)
  if (hasTag(parts[0], constructedTag(1))) {
    findings.add('RFC 6488 section 2.1.5', 'the object contains CRLs')
    parts.shift()
  }
  const [signerInfos, ...more] = parts
  if (more.length > 0) findings.add('RFC 5652 section 5.1', 'an unknown member in SignedData')
  const list = { what: 'the set of signerInfos', rule: 'RFC 5652 section 5.1', tag: TAG.set }
  const infos = membersOf(signerInfos, list, findings)
  if (infos.length !== 1) findings.add('RFC 6488 section 2.1.6', `${infos.length} signerInfos, not one`)
  const signer = readSignerInfo(infos[0], { contentType, eContent, ee }, findings)
  return { contentType, eContent, ee, ...signer }
}

function checkDigestAlgorithms(node: DerNode | undefined, findings: FindingList): void {
  const frame = { what: 'the set of digest algorithms', rule: 'RFC 5652 section 5.1', tag: TAG.set }
  const algorithms = membersOf(node, frame, findings).map((a) => readAlgorithm(a, 'digestAlgorithms', findings))
  if (algorithms.length !== 1 || algorithms[0] !== OID_SHA256)
    findings.add(
      'RFC 6488 section 2.1.2',
      `the digest algorithms are ${algorithms.join(', ') || 'none'}, not just SHA-256`,
    )
}

function readEncapsulated(
  node: DerNode | undefined,
  findings: FindingList,
): Pick<ParsedSignedObject, 'contentType' | 'eContent'> {
  const frame = { what: 'encapContentInfo', rule: 'RFC 6488 section 2.1.3', tag: TAG.sequence, least: 1, most: 2 }
  const [typeNode, wrapper] = membersOf(node, frame, findings)
  const contentType = readOid(typeNode)
  if (contentType === undefined) findings.add('RFC 6488 section 2.1.3.1', 'no content type')
  const content = { what: 'eContent', rule: frame.rule, tag: constructedTag(0), least: 1, most: 1 }
  const eContent = wrapper === undefined ? undefined : readOctets(membersOf(wrapper, content, findings)[0])
  if (eContent === undefined) findings.add('RFC 6488 section 2.1.3.2', 'no content: the signature is detached')
  return { contentType, eContent }
}

function readCertificates(
  node: DerNode | undefined,
  purpose: CertificatePurpose,
  findings: FindingList,
): ParsedCertificate | undefined {
  const frame = { what: 'the set of certificates', rule: 'RFC 5652 section 5.1', tag: constructedTag(0) }
  const nodes = node === undefined ? [] : membersOf(node, frame, findings)
  if (nodes.length !== 1)
    findings.add('RFC 6488 section 2.1.4', `${nodes.length} certificates, not exactly the EE certificate`)
  const [first] = nodes
  if (first === undefined) return undefined
  const inner = createFindings()
  const ee = parseCertificate(first, purpose, inner)
  findings.addAll(inner.all().map((finding) => ({ ...finding, message: `EE certificate: ${finding.message}` })))
  return ee
}

type Signed = Pick<ParsedSignedObject, 'contentType' | 'eContent' | 'ee'>
type Signer = Pick<ParsedSignedObject, 'signingTime' | 'isSigned'>

function readSignerInfo(node: DerNode | undefined, signed: Signed, findings: FindingList): Signer {
  const frame = { what: 'SignerInfo', rule: 'RFC 5652 section 5.3', tag: TAG.sequence }
  const [versionNode, sid, digest, ...rest] = node === undefined ? [] : membersOf(node, frame, findings)
  const version = readInteger(versionNode)
  if (version !== 3n)
    findings.add('RFC 6488 section 2.1.6.1', `SignerInfo has version ${version ?? '(unreadable)'}, not 3`)
  checkSid(sid, signed.ee, findings)
  if (readAlgorithm(digest, 'digestAlgorithm', findings) !== OID_SHA256)
    findings.add('RFC 6488 section 2.1.6.3', 'the digest algorithm is not SHA-256')
  const attributes = hasTag(rest[0], constructedTag(0)) ? rest.shift() : undefined
  if (attributes === undefined) findings.add('RFC 6488 section 2.1.6.4', 'no signed attributes')
  const [algorithm, signatureNode, unsigned, ...more] = rest
  const oid = readAlgorithm(algorithm, 'signatureAlgorithm', findings)
  if (oid === OID_SHA256_WITH_RSA)
    findings.tolerate('RFC 7935 section 2', 'the SignerInfo says sha256WithRSAEncryption, rsaEncryption is required')
  else if (oid !== OID_RSA_ENCRYPTION)
    findings.add('RFC 6488 section 2.1.6.5', `signature algorithm ${oid}, not rsaEncryption`)
  if (more.length > 0) findings.add('RFC 5652 section 5.3', 'an unknown member in SignerInfo')
  if (unsigned !== undefined) findings.add('RFC 6488 section 2.1.6.7', 'the SignerInfo has unsigned attributes')
  const { signingTime, messageDigest } = readSignedAttributes(attributes, signed.contentType, findings)
  const isDigestValid = checkDigest(signed.eContent, messageDigest, findings)
  const isSignatureValid = checkSignature(attributes, readOctets(signatureNode), signed.ee, findings)
  return { signingTime, isSigned: isDigestValid && isSignatureValid }
}

function checkSid(sid: DerNode | undefined, ee: ParsedCertificate | undefined, findings: FindingList): void {
  const rule = 'RFC 6488 section 2.1.6.2'
  if (!hasTag(sid, primitiveTag(0))) {
    findings.add(rule, 'the signer is not named by a subject key identifier')
    return
  }
  const id = Buffer.from(contentOf(sid).subarray(0, 64)).toString('hex').toUpperCase()
  if (ee !== undefined && id !== ee.extensions.ski) findings.add(rule, `the signer ${id} is not the EE certificate`)
}

function checkDigest(eContent: Uint8Array | undefined, digest: Uint8Array | undefined, findings: FindingList): boolean {
  if (eContent === undefined || digest === undefined) return false
  const isValid = equalBytes(sha256(eContent), digest)
  if (!isValid) findings.add('RFC 6488 section 2.1.6.4.2', 'the message digest is not that of the content')
  return isValid
}

/** RFC 5652 section 5.4: the signature is over the attributes as a SET OF, in DER, in the order of the wire. */
function checkSignature(
  attributes: DerNode | undefined,
  signature: Uint8Array | undefined,
  ee: ParsedCertificate | undefined,
  findings: FindingList,
): boolean {
  const isValid =
    attributes !== undefined &&
    signature !== undefined &&
    ee?.key !== undefined &&
    verifyRsa(ee.key.spki, toDer(attributes, TAG.set), signature)
  if (!isValid) findings.add('RFC 6488 section 3', 'the signature does not verify under the key of the EE certificate')
  return isValid
}
