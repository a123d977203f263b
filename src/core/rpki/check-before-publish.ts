/** Check of an object of this CA before it is published: decoded strictly, signatures verified. Any finding, tolerated or not, is a bug in Brine. */
import { keyIdOf } from '../crypto/digest.js'
import type { KeyId } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { type DerNode, parseDer } from '../der/reader.js'
import { parseCrl } from './crl.js'
import { kindOf, OBJECT_KINDS, type SignedKind } from './object-kinds.js'
import { checkRouterExtensions, checkRouterName } from './router-certificate.js'
import { parseObject } from './signed-object/decode-object.js'
import { type ParsedCertificate, parseCertificate } from './x509/decode-certificate.js'
import type { ParsedName } from './x509/name.js'
import { lastSegment } from './x509/uri.js'
import { verifyRsa } from './x509/verify-rsa.js'

export interface IssuingKey {
  /** DER SubjectPublicKeyInfo of the key that must have signed the object or its EE certificate. */
  readonly spki: Uint8Array
  /** Common name of the issuing certificate's subject, which the object must name as its issuer; not compared where absent. */
  readonly subject?: string
}

/** Returns every finding about the object `bytes` that is about to be published as `name` under the key of `issuer`; none when it may be published. */
export async function checkBeforePublish(
  name: string,
  bytes: Uint8Array,
  issuer: IssuingKey,
): Promise<readonly ObjectFinding[]> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node === undefined) return findings.all()
  const kind = kindOf(name)
  if (kind === undefined)
    findings.add('RFC 6481 section 2.2', `${name} is not the name of an object that Brine publishes`)
  else if (kind === 'cer') checkCertificate(parseCertificate(node, undefined, findings), issuer, findings)
  else if (kind === 'router') checkRouter(name, node, issuer, findings)
  else if (kind === 'crl') checkCrl(node, issuer, findings)
  else await checkObject(name, node, kind, issuer, findings)
  return findings.all()
}

function checkCertificate(certificate: ParsedCertificate | undefined, issuer: IssuingKey, findings: FindingList): void {
  if (certificate === undefined) return
  const { purpose, tbs, signature, extensions } = certificate
  if (purpose !== 'ta' || extensions.aki !== undefined)
    checkIssuedBy(extensions.aki, certificate.issuer, issuer, findings)
  checkSigned(tbs, signature, issuer, 'RFC 6487 section 4.3', findings)
}

function checkRouter(name: string, node: DerNode, issuer: IssuingKey, findings: FindingList): void {
  const certificate = parseCertificate(node, 'router', findings)
  if (certificate === undefined) return
  checkRouterExtensions(certificate, findings)
  checkRouterName(name, certificate, findings)
  checkCertificate(certificate, issuer, findings)
}

function checkCrl(node: DerNode, issuer: IssuingKey, findings: FindingList): void {
  const crl = parseCrl(node, findings)
  if (crl === undefined) return
  checkIssuedBy(crl.aki, crl.issuer, issuer, findings)
  checkSigned(crl.tbs, crl.signature, issuer, 'RFC 6487 section 5', findings)
}

async function checkObject(
  name: string,
  node: DerNode,
  kind: SignedKind,
  issuer: IssuingKey,
  findings: FindingList,
): Promise<void> {
  const object = await parseObject(node, findings)
  if (object === undefined) return
  if (object.body.type !== OBJECT_KINDS[kind].type)
    findings.add('RFC 6481 section 2.2', `${name} holds a ${object.body.type}`)
  const { ee } = object.envelope
  const uri = ee?.extensions.sia?.signedObject
  if (uri !== undefined && lastSegment(uri) !== name)
    findings.add(
      'RFC 6487 section 4.8.8.2',
      `the signedObject URI ends in ${lastSegment(uri)}, the object is published as ${name}`,
    )
  checkCertificate(ee, issuer, findings)
}

function checkIssuedBy(
  aki: KeyId | undefined,
  name: ParsedName | undefined,
  issuer: IssuingKey,
  findings: FindingList,
): void {
  const ski = keyIdOf(issuer.spki)
  if (aki !== ski)
    findings.add('RFC 6487 section 4.8.3', `the authority key identifier is ${aki}, the issuing key ${ski}`)
  if (issuer.subject !== undefined && name?.commonName !== issuer.subject)
    findings.add(
      'RFC 6487 section 4.4',
      `the issuer is ${name?.commonName}, the subject of the issuing certificate ${issuer.subject}`,
    )
}

function checkSigned(
  tbs: Uint8Array,
  signature: Uint8Array | undefined,
  issuer: IssuingKey,
  rule: string,
  findings: FindingList,
): void {
  if (signature === undefined || !verifyRsa(issuer.spki, tbs, signature))
    findings.add(rule, 'the signature does not verify under the issuing key')
}
