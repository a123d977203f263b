/**
 * Inspection of what peers exchange: files of RFC 8183, messages of RFC 6492 and RFC 8181 in CMS or as bare XML, and ID certificates. A
 * message is judged at the time of the exchange, since its EE certificate lives for minutes. Invariant: no bytes make it throw.
 */
import type { Json } from '../../base/json.js'
import { type Instant, parseInstant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { type Inspection, verdictOf } from '../../rpki/inspect/inspect.js'
import { describeMessage, type MessageDescription } from '../cms/describe.js'
import { readMessage } from '../cms/read-message.js'
import type { IdCertificate } from '../cms/types.js'
import { collectFaults, type FaultList } from '../elements/shape.js'
import type { ProtocolFault } from '../fault.js'
import { decodeProvisioning } from '../provisioning/decode.js'
import { decodePublication } from '../publication/decode.js'
import { decodeSetup } from '../setup/decode.js'
import { type Body, describeProvisioning, describePublication, describeSetup } from './bodies.js'
import { describeId } from './embedded.js'
import { type LoggedName, type Protocol, type Recognized, readLoggedName, recognize } from './recognize.js'

export type ExchangeType = Protocol | 'id-certificate' | 'message' | 'peer-error'

export interface ExchangeInspection extends Omit<Inspection, 'type' | 'checkedAgainst' | 'ee'> {
  readonly type: ExchangeType
  /** The peer that a message was verified with. */
  readonly checkedAgainst?: { readonly peer: string }
}

/** A peer to verify messages with. */
export interface KnownPeer {
  /** The file that its ID certificate is from. */
  readonly file: string
  readonly id: IdCertificate
}

export interface ExchangeOptions {
  readonly peers: readonly KnownPeer[]
  /** Time at which all is judged; without it a message at its own time, all else at `now`. */
  readonly at?: Instant
  readonly now: Instant
}

interface Found {
  readonly type: ExchangeType
  readonly fields: Readonly<Record<string, Json>>
  readonly peer?: string
}

/** Returns the report on `bytes`; undefined for what peers do not exchange by these protocols. */
export function inspectExchange(
  file: string,
  bytes: Uint8Array,
  options: ExchangeOptions,
): ExchangeInspection | undefined {
  const recognized = recognize(bytes, file)
  if (recognized === undefined) return undefined
  const findings = createFindings()
  const { type, fields, peer } = found(recognized, readLoggedName(file), options, findings)
  const faults = findings.all()
  return {
    ...{ file, type, size: bytes.length, sha256: sha256Hex(bytes), fields, faults },
    ...{ accepted: !findings.isBroken(), verdict: verdictOf(faults) },
    ...(peer !== undefined && { checkedAgainst: { peer } }),
  }
}

function found(it: Recognized, logged: LoggedName | undefined, options: ExchangeOptions, findings: FindingList): Found {
  const at = options.at ?? options.now
  switch (it.kind) {
    case 'peer-error':
      findings.add('RFC 6492 section 3', 'the peer sent an HTTP error with this text, not a message')
      return { type: 'peer-error', fields: { text: it.text.slice(0, 4000).split(/\r?\n/) } }
    case 'id-certificate':
      if (it.armour === 'base64') findings.tolerate('RFC 8183 section 4', 'base64 text: servers read DER and PEM')
      return { type: 'id-certificate', fields: record(describeId('the ID certificate', it.der, at, findings)) }
    case 'xml':
      return bareXml(it.protocol, it.bytes, options, findings)
    case 'cms':
      if (it.armour !== undefined)
        findings.tolerate('RFC 6492 section 3', `${it.armour} text: a message is sent as octets`)
      return inspectSigned(it.der, logged, options, findings)
  }
}

function record(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : {}
}

function bareXml(protocol: Protocol, bytes: Uint8Array, options: ExchangeOptions, findings: FindingList): Found {
  const body = readBody(protocol, bytes, options.at ?? options.now, findings)
  if (protocol === 'rfc8183') return { type: protocol, fields: fieldsOf(body) }
  if (options.peers.length > 0) findings.add('RFC 6492 section 3.1', 'bare XML: there is no signature to verify')
  return {
    type: protocol,
    fields: { ...fieldsOf(body), signature: { state: 'none: bare XML, which servers do not accept' } },
  }
}

function inspectSigned(
  cms: Uint8Array,
  logged: LoggedName | undefined,
  { peers, at, now }: ExchangeOptions,
  findings: FindingList,
): Found {
  const received = logged === undefined ? undefined : parseInstant(logged.at)
  const peer = peerOf(cms, peers)
  const judged = at ?? received
  const described = describeMessage({
    cms,
    ...(peer !== undefined && { id: peer.id }),
    ...(judged !== undefined && { at: judged }),
  })
  findings.addAll(described.findings)
  const protocol = protocolOf(described.content)
  const time = described.signingTime === undefined ? (judged ?? now) : described.judgedAt
  const body =
    protocol === undefined || described.content === undefined
      ? undefined
      : readBody(protocol, described.content, time, findings)
  if (described.content !== undefined && protocol === undefined)
    findings.add('RFC 6492 section 3.2', 'the content is no message of RFC 6492 or RFC 8181')
  checkDirection(body, logged, findings)
  const signature = { state: stateOf(described, peer), judgedAt: time, ...described.fields }
  return {
    type: protocol ?? 'message',
    fields: { ...fieldsOf(body), signature },
    ...(peer !== undefined && { peer: peer.file }),
  }
}

/** Returns the peer whose key is named as the issuer of the EE certificate, otherwise the first. */
function peerOf(cms: Uint8Array, peers: readonly KnownPeer[]): KnownPeer | undefined {
  if (peers.length < 2) return peers[0]
  const named = readMessage(cms).certificates.map(({ extensions }) => extensions.aki)
  return peers.find(({ id }) => named.includes(id.ski)) ?? peers[0]
}

function protocolOf(content: Uint8Array | undefined): Protocol | undefined {
  if (content === undefined) return undefined
  const it = recognize(content, '')
  return it?.kind === 'xml' && it.protocol !== 'rfc8183' ? it.protocol : undefined
}

function stateOf(described: MessageDescription, peer: KnownPeer | undefined): string {
  const rules = new Set(described.findings.filter(({ tolerated }) => tolerated !== true).map(({ message }) => message))
  if (peer !== undefined)
    return described.isVerified === true ? `verified by ${peer.file}` : `not accepted from ${peer.file}`
  return rules.size === 0
    ? 'verified by the certificate in the message only, not by a known peer'
    : 'not accepted; it is not known which peer signed'
}

/** Compares the message with the file name that the log of exchanges gave it. */
function checkDirection(body: Body | undefined, logged: LoggedName | undefined, findings: FindingList): void {
  if (body?.isQuestion === undefined || logged === undefined) return
  const { role, direction } = logged
  const weAsk = role === 'parent' || role === 'repository'
  if (((direction === 'sent') === weAsk) === body.isQuestion) return
  const what = body.isQuestion ? 'a request' : 'an answer'
  findings.add(
    body.fields['sender'] === undefined ? 'RFC 8181 section 2.1' : 'RFC 6492 section 3.2',
    `${what} where the file name says: ${direction} ${direction === 'sent' ? 'to' : 'by'} a ${role}`,
  )
}

function readBody(protocol: Protocol, bytes: Uint8Array, at: Instant, findings: FindingList): Body | undefined {
  switch (protocol) {
    case 'rfc8183':
      return decoded(
        (faults) => decodeSetup(bytes, faults),
        (message) => describeSetup(message, at, findings),
        findings,
      )
    case 'rfc6492':
      return decoded(
        (faults) => decodeProvisioning(bytes, faults),
        (message) => describeProvisioning(message, at, findings),
        findings,
      )
    case 'rfc8181':
      return decoded(
        (faults) => decodePublication(bytes, faults),
        (message) => describePublication(message, findings),
        findings,
      )
  }
}

function decoded<T>(
  decode: (faults: FaultList) => T,
  describe: (message: T) => Body,
  findings: FindingList,
): Body | undefined {
  const result = collectFaults(decode)
  if ('value' in result) return describe(result.value)
  for (const fault of result.faults) findings.add(fault.rule, placed(fault))
  return undefined
}

function placed({ line, column, message }: ProtocolFault): string {
  return line === undefined ? message : `line ${line}, column ${column ?? 1}: ${message}`
}

function fieldsOf(body: Body | undefined): Readonly<Record<string, Json>> {
  return body === undefined ? {} : { summary: body.summary, ...body.fields }
}
