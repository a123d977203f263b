/** AlgorithmIdentifiers of RFC 7935 and the encodings of their parameters. */

import type { FindingList } from '../../der/findings.js'
import { type DerNode, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readOid } from '../../der/values.js'
import { OID_RSA_ENCRYPTION, OID_SHA256, OID_SHA256_WITH_RSA } from './oids.js'

/** Returns the dotted identifier of an algorithm; wrong parameters are a finding that validators accept. */
export function readAlgorithm(node: DerNode | undefined, what: string, findings: FindingList): string {
  const frame = {
    what: `the algorithm of ${what}`,
    rule: 'RFC 5280 section 4.1.1.2',
    tag: TAG.sequence,
    least: 1,
    most: 2,
  }
  const [oidNode, parameters] = membersOf(node, frame, findings)
  const oid = readOid(oidNode) ?? 'unreadable'
  const isRsa = oid === OID_SHA256_WITH_RSA || oid === OID_RSA_ENCRYPTION
  if (isRsa && parameters === undefined)
    findings.tolerate('RFC 4055 section 5', `${what}: no NULL parameters after an RSA algorithm`)
  else if (isRsa && parameters?.tag !== TAG.null)
    findings.add('RFC 4055 section 5', `${what}: parameters other than NULL after an RSA algorithm`)
  if (oid === OID_SHA256 && parameters !== undefined)
    findings.tolerate('RFC 5754 section 2', `${what}: parameters after SHA-256, which has none`)
  return oid
}

/** Checks RFC 7935 section 2: certificates and CRLs are signed with sha256WithRSAEncryption, and both places state the same algorithm. */
export function checkSignatureAlgorithms(
  inner: DerNode | undefined,
  outer: DerNode | undefined,
  findings: FindingList,
): void {
  const [first, second] = [
    readAlgorithm(inner, 'signature', findings),
    readAlgorithm(outer, 'signatureAlgorithm', findings),
  ]
  if (first !== OID_SHA256_WITH_RSA)
    findings.add('RFC 7935 section 2', `signed with ${first}, not sha256WithRSAEncryption`)
  if (first !== second)
    findings.add(
      'RFC 5280 section 4.1.1.2',
      `signatureAlgorithm ${second} differs from the signature algorithm ${first} inside`,
    )
  else if (inner !== undefined && outer !== undefined && Buffer.compare(rawOf(inner), rawOf(outer)) !== 0)
    findings.add(
      'RFC 5280 section 4.1.1.2',
      'the parameters of signatureAlgorithm differ from those of the signature algorithm inside',
    )
}

/** Checks RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
export function checkTimeForm(
  node: DerNode | undefined,
  instant: string | undefined,
  what: string,
  findings: FindingList,
): void {
  if (node?.tag === TAG.generalizedTime && instant !== undefined && instant < '2050')
    findings.tolerate(
      'RFC 5280 section 4.1.2.5',
      `${what} ${instant} is a GeneralizedTime, UTCTime is required before 2050`,
    )
}
