/**
 * Reader of messages in CMS (RFC 5652 sections 3 and 5; the ASN.1 is in rpki/signed-object/cms.ts). Reads BER, collects what breaks the
 * structure, and decides nothing else: accept.ts has the rules. Invariant: nothing is thrown, whatever the octets are.
 */
import { createFindings, type FindingList } from '../../der/findings.js'
import {
  childrenOf,
  constructedTag,
  contentOf,
  type DerNode,
  hasTag,
  primitiveTag,
  rawOf,
  TAG,
} from '../../der/reader.js'
import { membersOf, readInteger, readOid } from '../../der/values.js'
import { readAlgorithm } from '../../rpki/x509/algorithm.js'
import { OID_SIGNED_DATA } from '../../rpki/x509/oids.js'
import { asSetOf, octetsOf, parseBer } from './ber.js'
import { readBpkiCertificate } from './certificate.js'
import { readBpkiCrl } from './crl.js'
import { keyIdFrom } from './extensions.js'
import type { Attribute, BpkiCertificate, BpkiCrl, MessageReading, SignerReading } from './types.js'

/** Largest message in octets: twice what Krill's publication server reads. */
export const LARGEST_MESSAGE = 64 * 1024 * 1024

/** Certificates, CRLs, signers and attributes that are read; a message with more is refused. */
const MOST = 20

/** Largest set of signed attributes in octets; ours has 109. */
const LARGEST_ATTRIBUTES = 65_536

/** Reads a message. Returns what could be read, with the findings about encoding and structure. */
export function readMessage(cms: Uint8Array): MessageReading {
  const findings = createFindings()
  const reading = cms.length > LARGEST_MESSAGE ? tooLarge(cms, findings) : readContentInfo(cms, findings)
  return { ...reading, structure: findings.all() }
}

type Parts = Omit<MessageReading, 'structure'>

const NOTHING: Parts = {
  isSignedData: false,
  version: undefined,
  digestAlgorithms: [],
  contentType: undefined,
  content: undefined,
  certificates: [],
  crls: [],
  signers: [],
}

function tooLarge(cms: Uint8Array, findings: FindingList): Parts {
  findings.add('RFC 6492 section 3.1', `the message has ${cms.length} octets, at most ${LARGEST_MESSAGE} are accepted`)
  return NOTHING
}

function readContentInfo(cms: Uint8Array, findings: FindingList): Parts {
  const node = parseBer(cms, findings)
  if (node === undefined) return NOTHING
  if (readOid(childrenOf(node, TAG.sequence)[0]) !== OID_SIGNED_DATA) {
    findings.add('RFC 6492 section 3.1.1', 'this is not CMS SignedData')
    return NOTHING
  }
  const frame = { what: 'ContentInfo', rule: 'RFC 5652 section 3', tag: TAG.sequence, least: 2, most: 2 }
  const [, wrapper] = membersOf(node, frame, findings)
  const content = { what: 'the content of ContentInfo', rule: frame.rule, tag: constructedTag(0), least: 1, most: 1 }
  const [signedData] = membersOf(wrapper, content, findings)
  return readSignedData(signedData, findings)
}

function readSignedData(node: DerNode | undefined, findings: FindingList): Parts {
  const rule = 'RFC 5652 section 5.1'
  const parts = [...membersOf(node, { what: 'SignedData', rule, tag: TAG.sequence, least: 4, most: 6 }, findings)]
  const version = readInteger(parts.shift())
  const algorithms = membersOf(
    parts.shift(),
    { what: 'the set of digest algorithms', rule, tag: TAG.set, most: MOST },
    findings,
  )
  const { contentType, content } = readEncapsulated(parts.shift(), findings)
  const certificates = hasTag(parts[0], constructedTag(0)) ? parts.shift() : undefined
  const crls = hasTag(parts[0], constructedTag(1)) ? parts.shift() : undefined
  const infos = { what: 'the set of signerInfos', rule, tag: TAG.set, most: MOST }
  const signers = membersOf(parts.shift(), infos, findings)
  if (parts.length > 0) findings.add(rule, 'SignedData has unknown members')
  return {
    isSignedData: true,
    version,
    digestAlgorithms: algorithms.map((node) => readAlgorithm(node, 'digestAlgorithms', findings)),
    contentType,
    content,
    certificates: readCertificates(certificates, findings),
    crls: readCrls(crls, findings),
    signers: signers.map((node) => readSigner(node, findings)),
  }
}

function readEncapsulated(node: DerNode | undefined, findings: FindingList): Pick<Parts, 'contentType' | 'content'> {
  const frame = { what: 'encapContentInfo', rule: 'RFC 5652 section 5.2', tag: TAG.sequence, least: 1, most: 2 }
  const [type, wrapper] = membersOf(node, frame, findings)
  const inner = { what: 'eContent', rule: frame.rule, tag: constructedTag(0), least: 1, most: 1 }
  const content = wrapper === undefined ? undefined : octetsOf(membersOf(wrapper, inner, findings)[0])
  return { contentType: readOid(type), content }
}

function readCertificates(node: DerNode | undefined, findings: FindingList): readonly BpkiCertificate[] {
  const frame = { what: 'the set of certificates', rule: 'RFC 5652 section 5.1', tag: constructedTag(0), most: MOST }
  const nodes = node === undefined ? [] : membersOf(node, frame, findings)
  return nodes
    .map((one, i) =>
      readBpkiCertificate(one, nodes.length === 1 ? 'the EE certificate' : `certificate ${i + 1}`, findings),
    )
    .filter((one) => one !== undefined)
}

function readCrls(node: DerNode | undefined, findings: FindingList): readonly BpkiCrl[] {
  const frame = { what: 'the set of CRLs', rule: 'RFC 5652 section 5.1', tag: constructedTag(1), most: MOST }
  const nodes = node === undefined ? [] : membersOf(node, frame, findings)
  return nodes.map((one) => readBpkiCrl(one, findings)).filter((one) => one !== undefined)
}

function readSigner(node: DerNode, findings: FindingList): SignerReading {
  const frame = { what: 'SignerInfo', rule: 'RFC 5652 section 5.3', tag: TAG.sequence, least: 5, most: 7 }
  const [version, sid, digest, ...rest] = membersOf(node, frame, findings)
  const wire = hasTag(rest[0], constructedTag(0)) ? rest.shift() : undefined
  const isTooLarge = wire !== undefined && rawOf(wire).length > LARGEST_ATTRIBUTES
  if (isTooLarge) findings.add(frame.rule, `the signed attributes have more than ${LARGEST_ATTRIBUTES} octets`)
  const attributes = isTooLarge ? undefined : wire
  const [algorithm, signature, unsigned, ...more] = rest
  const isUnsigned = hasTag(unsigned, constructedTag(1))
  if (more.length > 0 || (unsigned !== undefined && !isUnsigned))
    findings.add(frame.rule, 'SignerInfo has unknown members')
  return {
    version: readInteger(version),
    sid: hasTag(sid, primitiveTag(0)) ? keyIdFrom(contentOf(sid)) : undefined,
    digestAlgorithm: readAlgorithm(digest, 'digestAlgorithm', findings),
    attributes: attributes === undefined ? [] : readAttributes(attributes, findings),
    signedOctets: attributes === undefined ? [] : asSetOf(attributes),
    signatureAlgorithm: readAlgorithm(algorithm, 'signatureAlgorithm', findings),
    signature: octetsOf(signature),
    hasUnsigned: isUnsigned,
  }
}

function readAttributes(node: DerNode, findings: FindingList): readonly Attribute[] {
  const rule = 'RFC 5652 section 5.3'
  const list = { what: 'the set of signed attributes', rule, tag: constructedTag(0), most: MOST }
  return membersOf(node, list, findings).map((attribute) => {
    const frame = { what: 'a signed attribute', rule, tag: TAG.sequence, least: 2, most: 2 }
    const [type, set] = membersOf(attribute, frame, findings)
    const oid = readOid(type)
    if (oid === undefined) findings.add(rule, 'a signed attribute has no readable type')
    const values = { what: `the values of the signed attribute ${oid}`, rule, tag: TAG.set, most: MOST }
    return { oid: oid ?? 'unreadable', values: membersOf(set, values, findings) }
  })
}
