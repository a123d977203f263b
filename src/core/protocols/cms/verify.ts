/** Verification of a message: its content, or the first rule that it breaks. */
import type { Instant } from '../../base/time.js'
import { keyIdOf } from '../../crypto/digest.js'
import type { ObjectFinding } from '../../der/findings.js'
import { ProtocolFault } from '../fault.js'
import { ACCEPTANCE, type Examined } from './accept.js'
import { findChain, type TrustedKey } from './chain.js'
import { readMessage } from './read-message.js'
import { remarksAbout } from './remarks.js'
import { signingTimeOf } from './signing-time.js'
import type { IdCertificate, MessageFinding } from './types.js'

export interface VerifyInput {
  readonly cms: Uint8Array
  /** The ID certificate of the peer, or its DER SubjectPublicKeyInfo. */
  readonly id: IdCertificate | Uint8Array
  /** Time of receipt. */
  readonly at: Instant
  /** Accepts a CRL after its nextUpdate, which some peers do not renew. */
  readonly acceptStaleCrl?: boolean
}

export interface VerifiedMessage {
  readonly content: Uint8Array
  readonly signingTime: Instant
  /** Departures that are tolerated, worth a line to the operator. */
  readonly remarks: readonly ObjectFinding[]
}

/** Returns the content of a message that the peer signed. Throws a ProtocolFault with the first rule of the table in accept.ts that it breaks. */
export function verifyMessage(input: VerifyInput): VerifiedMessage {
  const { message, findings } = examine(input)
  const [fault] = findings
  if (fault !== undefined) throw new ProtocolFault(fault.rule, fault.message)
  const { signingTime, reading } = message
  // unreachable while the table has its rules about both; a message must never pass without them
  if (signingTime === undefined || reading.content === undefined || message.chain === undefined)
    throw new ProtocolFault('RFC 6492 section 3.1', 'the message could not be verified')
  return { content: reading.content, signingTime, remarks: remarksAbout(message, input.id) }
}

/** Returns true if the peer's ID key has issued the EE certificate of a message, whatever else is wrong with it. */
export function isIssuedBy(cms: Uint8Array, id: IdCertificate): boolean {
  return examine({ cms, id }).message.chain !== undefined
}

/** A message and every rule that it breaks, in the order of the table. */
export interface Examination {
  readonly message: Examined
  readonly findings: readonly MessageFinding[]
}

/** Reads a message and applies every rule. `id` undefined skips the rules about the sender. */
export function examine(input: Omit<VerifyInput, 'id' | 'at'> & Partial<Pick<VerifyInput, 'id' | 'at'>>): Examination {
  const reading = readMessage(input.cms)
  const [signer] = reading.signers
  const cas = reading.certificates.filter(({ extensions }) => extensions.isCa)
  const ees = reading.certificates.filter(({ extensions }) => !extensions.isCa)
  const ee = ees.find(({ extensions }) => extensions.ski === signer?.sid) ?? ees[0]
  const id = input.id === undefined ? undefined : trustedKey(input.id)
  const signingTime = signingTimeOf(signer?.attributes)
  const message: Examined = {
    reading,
    ee,
    signer,
    crl: reading.crls[0],
    id,
    chain: ee === undefined || id === undefined ? undefined : findChain(ee, cas, id),
    signingTime,
    at: input.at ?? signingTime ?? ee?.notBefore ?? EPOCH,
    acceptStaleCrl: input.acceptStaleCrl === true,
  }
  const rules = reading.isSignedData ? ACCEPTANCE : ACCEPTANCE.filter(({ name }) => name === 'structure')
  return { message, findings: rules.flatMap((rule) => findingsOf(rule, message)) }
}

const EPOCH = '1970-01-01T00:00:00Z' as Instant

function trustedKey(id: IdCertificate | Uint8Array): TrustedKey {
  return id instanceof Uint8Array
    ? { ski: keyIdOf(id), spki: id }
    : { ski: id.ski, spki: id.spki, pathLength: id.pathLength }
}

function findingsOf({ name, rule, faults }: (typeof ACCEPTANCE)[number], message: Examined): readonly MessageFinding[] {
  return faults(message).flatMap((fault) => {
    if (fault === undefined || fault === false) return []
    return [typeof fault === 'string' ? { check: name, rule, message: fault } : { ...fault, check: name }]
  })
}
