/** The signed attributes of a signed object (RFC 6488 section 2.1.6.4, RFC 9589): content type, message digest, signing time, each once with one value. */
import { compareBytes } from '../../base/bytes.js'
import type { Instant } from '../../base/time.js'
import type { FindingList } from '../../der/findings.js'
import { constructedTag, type DerNode, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readOctets, readOid, readTime } from '../../der/values.js'
import { OID_BINARY_SIGNING_TIME, OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNING_TIME } from '../x509/oids.js'

export interface SignedAttributes {
  readonly signingTime: Instant | undefined
  readonly messageDigest: Uint8Array | undefined
}

const SECTION: ReadonlyMap<string, string> = new Map([
  [OID_CONTENT_TYPE, 'RFC 6488 section 2.1.6.4.1'],
  [OID_MESSAGE_DIGEST, 'RFC 6488 section 2.1.6.4.2'],
  [OID_SIGNING_TIME, 'RFC 9589 section 4'],
])

/** Reads and checks the attributes under `[0]`; `contentType` is that of the content, which the attribute must repeat. */
export function readSignedAttributes(
  node: DerNode | undefined,
  contentType: string | undefined,
  findings: FindingList,
): SignedAttributes {
  if (node === undefined) return { signingTime: undefined, messageDigest: undefined }
  const list = { what: 'the list of signed attributes', rule: 'RFC 6488 section 2.1.6.4', tag: constructedTag(0) }
  const attributes = membersOf(node, list, findings)
  checkOrder(attributes, findings)
  const values = collect(attributes, findings)
  const typeNode = single(values, OID_CONTENT_TYPE, 'content-type', findings)
  const digestNode = single(values, OID_MESSAGE_DIGEST, 'message-digest', findings)
  const timeNode = single(values, OID_SIGNING_TIME, 'signing-time', findings)
  const type = readOid(typeNode)
  if (typeNode !== undefined && type !== contentType)
    findings.add(
      'RFC 6488 section 2.1.6.4.1',
      `the content-type attribute is ${type ?? 'unreadable'}, the content ${contentType}`,
    )
  const signingTime = readTime(timeNode)
  if (timeNode !== undefined && signingTime === undefined)
    findings.add('RFC 9589 section 4', 'the signing time is unreadable')
  if (timeNode?.tag === TAG.generalizedTime && signingTime !== undefined && signingTime < '2050')
    findings.tolerate(
      'RFC 5652 section 11.3',
      `the signing time ${signingTime} is a GeneralizedTime, UTCTime is required before 2050`,
    )
  const messageDigest = readOctets(digestNode)
  if (digestNode !== undefined && messageDigest === undefined)
    findings.add('RFC 6488 section 2.1.6.4.2', 'the message digest is not an OCTET STRING')
  return { signingTime, messageDigest }
}

/** Checks the order of the SET OF: its implicit tag hides it from the check in the DER reader. */
function checkOrder(attributes: readonly DerNode[], findings: FindingList): void {
  const raw = attributes.map(rawOf)
  if (raw.some((bytes, i) => i > 0 && compareBytes(raw[i - 1] ?? bytes, bytes) > 0))
    findings.tolerate('X.690 section 11.6', 'the signed attributes are not sorted')
}

function collect(attributes: readonly DerNode[], findings: FindingList): ReadonlyMap<string, readonly DerNode[]> {
  const found = new Map<string, readonly DerNode[]>()
  const rule = 'RFC 6488 section 2.1.6.4'
  for (const attribute of attributes) {
    const frame = { what: 'a signed attribute', rule, tag: TAG.sequence, least: 2, most: 2 }
    const [type, set] = membersOf(attribute, frame, findings)
    const oid = readOid(type) ?? 'unreadable'
    if (!SECTION.has(oid)) {
      const [section, note] =
        oid === OID_BINARY_SIGNING_TIME ? ['RFC 9589 section 4', ' (binary-signing-time)'] : [rule, '']
      findings.add(section, `unexpected signed attribute ${oid}${note}`)
    } else if (found.has(oid)) findings.add(rule, `signed attribute ${oid} appears twice`)
    else found.set(oid, membersOf(set, { what: `the values of attribute ${oid}`, rule, tag: TAG.set }, findings))
  }
  return found
}

function single(
  values: ReadonlyMap<string, readonly DerNode[]>,
  oid: string,
  name: string,
  findings: FindingList,
): DerNode | undefined {
  const nodes = values.get(oid)
  const rule = SECTION.get(oid) ?? 'RFC 6488 section 2.1.6.4'
  if (nodes === undefined) findings.add(rule, `no ${name} attribute`)
  else if (nodes.length !== 1) findings.add(rule, `the ${name} attribute has ${nodes.length} values, not one`)
  return nodes?.[0]
}
