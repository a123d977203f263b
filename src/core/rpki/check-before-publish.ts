/** The last look at an object of our own before anybody else sees it: decoded strictly, signatures verified. Any fault, tolerated or not, is a bug of ours. */
import { keyIdOf } from '../crypto/digest.js'
import type { KeyId } from '../crypto/ports.js'
import type { ObjectFinding } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import { type DerNode, parseDer } from '../der/reader.js'
import { parseCrl } from './crl.js'
import { type ObjectBody, parseObject } from './signed-object/decode-object.js'
import { type ParsedCertificate, parseCertificate } from './x509/decode-certificate.js'
import type { ParsedName } from './x509/name.js'
import { lastSegment } from './x509/uri.js'
import { verifyRsa } from './x509/verify-rsa.js'

export interface IssuingKey {
  /** DER SubjectPublicKeyInfo of the key that must have signed the object or its EE certificate. */
  readonly spki: Uint8Array
  /** Common name of the issuing certificate's subject, which the object must name as its issuer; not compared when left out. */
  readonly subject?: string
}

const BODIES: ReadonlyMap<string, ObjectBody['type']> = new Map([
  ['mft', 'manifest'],
  ['roa', 'roa'],
  ['asa', 'aspa'],
])

/** Every fault of the object `bytes` that is about to be published as `name` under the key of `issuer`; none when it may go out. */
export function checkBeforePublish(name: string, bytes: Uint8Array, issuer: IssuingKey): readonly ObjectFinding[] {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node === undefined) return findings.all()
  const extension = name.slice(name.lastIndexOf('.') + 1)
  const body = BODIES.get(extension)
  if (extension === 'cer') checkCertificate(parseCertificate(node, undefined, findings), issuer, findings)
  else if (extension === 'crl') checkCrl(node, issuer, findings)
  else if (body !== undefined) checkObject(name, node, body, issuer, findings)
  else findings.add('RFC 6481 section 2.2', `no object of the RPKI is published under a name like ${name}`)
  return findings.all()
}

function checkCertificate(certificate: ParsedCertificate | undefined, issuer: IssuingKey, findings: FindingList): void {
  if (certificate === undefined) return
  const { purpose, tbs, signature, extensions } = certificate
  if (purpose !== 'ta' || extensions.aki !== undefined)
    checkIssuedBy(extensions.aki, certificate.issuer, issuer, findings)
  checkSigned(tbs, signature, issuer, 'RFC 6487 section 4.3', findings)
}

function checkCrl(node: DerNode, issuer: IssuingKey, findings: FindingList): void {
  const crl = parseCrl(node, findings)
  if (crl === undefined) return
  checkIssuedBy(crl.aki, crl.issuer, issuer, findings)
  checkSigned(crl.tbs, crl.signature, issuer, 'RFC 6487 section 5', findings)
}

function checkObject(
  name: string,
  node: DerNode,
  body: ObjectBody['type'],
  issuer: IssuingKey,
  findings: FindingList,
): void {
  const object = parseObject(node, findings)
  if (object === undefined) return
  if (object.body.type !== body) findings.add('RFC 6481 section 2.2', `${name} holds a ${object.body.type}`)
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
