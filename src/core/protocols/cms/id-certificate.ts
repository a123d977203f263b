/** ID certificates, the BPKI TAs of RFC 8183 section 4: reader with the rules under which one is accepted, and encoder of self-signed ones. */
import { equalBytes } from '../../base/bytes.js'
import type { Instant } from '../../base/time.js'
import type { KeyId, Sign } from '../../crypto/ports.js'
import { createFindings, type FindingList, type ObjectFinding } from '../../der/findings.js'
import { parseDer } from '../../der/reader.js'
import { boolean, encode, explicit, integer, octets, raw, seq, utcOrGeneralized } from '../../der/writer.js'
import {
  authorityKeyIdentifier,
  commonName,
  extension,
  keyIdBytes,
  limitedNumber,
  SHA256_WITH_RSA,
  signed,
} from '../../rpki/x509/encode-parts.js'
import { OID_BASIC_CONSTRAINTS, OID_SUBJECT_KEY_IDENTIFIER } from '../../rpki/x509/oids.js'
import { ProtocolFault } from '../fault.js'
import { isSignedBy, keyFault, readBpkiCertificate } from './certificate.js'
import type { BpkiCertificate, IdCertificate } from './types.js'

const RULE = 'RFC 8183 section 4'
const WHAT = 'the ID certificate'

/** Elements of an ID certificate; real ones have fewer than 100. */
const MOST_ELEMENTS = 10_000

/**
 * Returns the ID certificate in `der`. Throws a ProtocolFault unless it is a version 3 certificate of a CA with an RSA key and its key
 * identifier, signed by itself where it claims so, and valid at `at`, where that is given.
 */
export function readIdCertificate(der: Uint8Array, at?: Instant): IdCertificate {
  const { certificate, findings } = examineIdCertificate(der, at)
  const fault = findings.find(({ tolerated }) => tolerated !== true)
  if (fault !== undefined) throw new ProtocolFault(fault.rule, fault.message)
  if (certificate === undefined) throw new ProtocolFault(RULE, `${WHAT} is unreadable`)
  return certificate
}

/** Returns what can be read of an ID certificate, with every rule that it breaks. Never throws. */
export function examineIdCertificate(
  der: Uint8Array,
  at?: Instant,
): { readonly certificate: IdCertificate | undefined; readonly findings: readonly ObjectFinding[] } {
  const findings = createFindings()
  const certificate = readAcceptable(der, at, findings)
  return { certificate, findings: findings.all() }
}

function readAcceptable(der: Uint8Array, at: Instant | undefined, findings: FindingList): IdCertificate | undefined {
  const scan = createFindings()
  const node = parseDer(der, scan, MOST_ELEMENTS)
  if (node === undefined) findings.addAll(scan.all())
  else if (node.next !== der.length) findings.add('X.690 section 8.1.1', `octets follow ${WHAT}`)
  const read = node === undefined ? undefined : readBpkiCertificate(node, WHAT, findings)
  if (read === undefined) return undefined
  const isSelfSigned = checkIdCertificate(read, findings)
  const { subject, serial, notBefore, notAfter, key } = read
  const { pathLength } = read.extensions
  if (subject === undefined || serial === undefined || notBefore === undefined) return undefined
  if (notAfter === undefined || key === undefined) return undefined
  if (at !== undefined && (at < notBefore || at > notAfter))
    findings.add(RULE, `${WHAT} is valid from ${notBefore} to ${notAfter}, not at ${at}`)
  return { der, ski: key.ski, spki: key.spki, subject, serial, notBefore, notAfter, isSelfSigned, pathLength }
}

/** Adds what makes a certificate unacceptable as an ID certificate; returns true if it is self-signed. */
function checkIdCertificate(read: BpkiCertificate, findings: FindingList): boolean {
  const { version, key, extensions, issuer, subject, notBefore, notAfter } = read
  if (version !== 2n) findings.add(RULE, `${WHAT} is not of version 3`)
  const fault = keyFault(key)
  if (fault !== undefined) findings.add('RFC 7935 section 3', `${WHAT}: ${fault}`)
  if (extensions.ski === undefined) findings.add(RULE, `${WHAT} has no subject key identifier`)
  else if (extensions.ski !== key?.ski)
    findings.add(RULE, `the subject key identifier ${extensions.ski} of ${WHAT} is not that of its key, ${key?.ski}`)
  if (!extensions.isCa) findings.add(RULE, `${WHAT} is not of a CA (basicConstraints cA)`)
  if (notBefore !== undefined && notAfter !== undefined && notAfter <= notBefore)
    findings.add('RFC 5280 section 4.1.2.5', `${WHAT} ends at ${notAfter}, before it begins at ${notBefore}`)
  const isOwn = extensions.aki === undefined || extensions.aki === extensions.ski
  const isSelfIssued = issuer !== undefined && subject !== undefined && equalBytes(issuer, subject)
  const isSelfSigned = key !== undefined && isSelfIssued && isOwn
  if (isSelfSigned && !isSignedBy(read, key.spki))
    findings.add(
      'RFC 5280 section 6.1.3',
      `${WHAT} names itself as issuer, and its own key does not verify its signature`,
    )
  return isSelfSigned
}

export interface IdCertificateInput {
  readonly ski: KeyId
  readonly spki: Uint8Array
  /** Signs with the ID key itself. */
  readonly sign: Sign
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** 1 to 2^159 - 1. */
  readonly serial: bigint
}

/**
 * Returns a self-signed ID certificate in DER, with the extensions that Krill's has: basicConstraints, SKI and AKI. Throws a TypeError for
 * times reversed or a serial number out of range.
 */
export async function makeIdCertificate(input: IdCertificateInput): Promise<Uint8Array> {
  const { ski, spki, notBefore, notAfter } = input
  if (notBefore >= notAfter) throw new TypeError(`notBefore ${notBefore} is not before notAfter ${notAfter}`)
  const tbs = seq(
    explicit(0, integer(2)),
    limitedNumber('serial', input.serial, 1n),
    SHA256_WITH_RSA,
    commonName(ski),
    seq(utcOrGeneralized(notBefore), utcOrGeneralized(notAfter)),
    commonName(ski),
    raw(spki),
    explicit(
      3,
      seq(
        extension(OID_BASIC_CONSTRAINTS, true, seq(boolean(true))),
        extension(OID_SUBJECT_KEY_IDENTIFIER, false, octets(keyIdBytes(ski))),
        authorityKeyIdentifier(ski),
      ),
    ),
  )
  return signed(encode(tbs), input.sign)
}
