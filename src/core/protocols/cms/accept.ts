/**
 * The rules under which a message is accepted, as one table: RFC 6492 sections 3.1.1 and 3.1.2 with the tolerances that real peers need.
 * `verifyMessage` refuses a message with the first rule that it breaks, `describeMessage` lists them all.
 */
import { equalBytes } from '../../base/bytes.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { sha256 } from '../../crypto/digest.js'
import type { ObjectFinding } from '../../der/findings.js'
import { readOid } from '../../der/values.js'
import {
  OID_CONTENT_TYPE,
  OID_MESSAGE_DIGEST,
  OID_RSA_ENCRYPTION,
  OID_SHA256,
  OID_SHA256_WITH_RSA,
} from '../../rpki/x509/oids.js'
import { verifyRsa } from '../../rpki/x509/verify-rsa.js'
import { attributeValue } from './attributes.js'
import { octetsOf } from './ber.js'
import { isSignedBy, keyFault } from './certificate.js'
import { type Chain, chainFaults, MOST_CAS, type TrustedKey } from './chain.js'
import { OID_CT_XML } from './sign.js'
import { signingTimeFaults } from './signing-time.js'
import type { BpkiCertificate, BpkiCrl, MessageReading, SignerReading } from './types.js'

/** Seconds by which the clock of a peer may differ. */
export const SKEW = 300

/** A message, and what it is judged by. */
export interface Examined {
  readonly reading: MessageReading
  readonly ee: BpkiCertificate | undefined
  readonly crl: BpkiCrl | undefined
  readonly signer: SignerReading | undefined
  /** Undefined where a message is described without the certificate of its sender. */
  readonly id: TrustedKey | undefined
  readonly chain: Chain | undefined
  readonly signingTime: Instant | undefined
  /** Time of receipt. */
  readonly at: Instant
  readonly acceptStaleCrl: boolean
}

export interface AcceptanceRule {
  readonly name: string
  readonly rule: string
  /** Returns what breaks the rule; nothing where what it is about is missing, which is a fault by another rule. */
  readonly faults: (message: Examined) => readonly (string | ObjectFinding | undefined | false)[]
}

const section = (number: string): string => `RFC 6492 section ${number}`

export const ACCEPTANCE: readonly AcceptanceRule[] = [
  {
    name: 'structure',
    rule: 'RFC 5652 section 5',
    faults: ({ reading }) => reading.structure.filter(({ tolerated }) => tolerated !== true),
  },
  {
    name: 'version',
    rule: section('3.1.1.1'),
    faults: ({ reading: { version } }) => [
      version !== 3n && `SignedData has version ${version ?? '(unreadable)'}, not 3`,
    ],
  },
  {
    name: 'digest-algorithms',
    rule: section('3.1.1.2'),
    faults: ({ reading: { digestAlgorithms: all } }) => [
      (all.length !== 1 || all[0] !== OID_SHA256) && `the digest algorithms are ${list(all)}, not just SHA-256`,
    ],
  },
  {
    name: 'content-type',
    rule: section('3.1.1.3.1'),
    faults: ({ reading: { contentType } }) => [
      contentType !== OID_CT_XML && `the content is of type ${contentType ?? '(unreadable)'}, not id-ct-xml`,
    ],
  },
  {
    name: 'content',
    rule: section('3.1.1.3.2'),
    faults: ({ reading: { content } }) => [content === undefined && 'the message has no content'],
  },
  {
    name: 'certificates',
    rule: section('3.1.1.4'),
    faults: ({ reading: { certificates } }) => {
      const cas = certificates.filter(({ extensions }) => extensions.isCa).length
      const ees = certificates.length - cas
      return [
        ees !== 1 && `${ees} EE certificates, not one`,
        cas > MOST_CAS && `${cas} CA certificates, at most ${MOST_CAS} are accepted`,
      ]
    },
  },
  { name: 'ee-certificate', rule: section('3.1.1.4'), faults: ({ ee }) => (ee === undefined ? [] : eeFaults(ee)) },
  {
    name: 'crls',
    rule: section('3.1.1.5'),
    faults: ({ reading: { crls } }) => [crls.length !== 1 && `${crls.length} CRLs, not one`],
  },
  {
    name: 'signers',
    rule: section('3.1.1.6'),
    faults: ({ reading: { signers } }) => [signers.length !== 1 && `${signers.length} signers, not one`],
  },
  {
    name: 'signer-version',
    rule: section('3.1.1.6.1'),
    faults: ({ signer }) => [
      signer !== undefined &&
        signer.version !== 3n &&
        `SignerInfo has version ${signer.version ?? '(unreadable)'}, not 3`,
    ],
  },
  { name: 'signer-identifier', rule: section('3.1.1.6.2'), faults: sidFaults },
  {
    name: 'signer-digest',
    rule: section('3.1.1.6.3'),
    faults: ({ signer }) => [
      signer !== undefined &&
        signer.digestAlgorithm !== OID_SHA256 &&
        `the digest algorithm of the signer is ${signer.digestAlgorithm}, not SHA-256`,
    ],
  },
  { name: 'signed-attributes', rule: section('3.1.1.6.4'), faults: attributeFaults },
  { name: 'content-type-attribute', rule: section('3.1.1.6.4.1'), faults: contentTypeFaults },
  { name: 'message-digest', rule: section('3.1.1.6.4.2'), faults: digestFaults },
  { name: 'signing-time', rule: section('3.1.1.6.4'), faults: ({ signer }) => signingTimeFaults(signer?.attributes) },
  {
    name: 'signature-algorithm',
    rule: section('3.1.1.6.5'),
    faults: ({ signer }) => [
      signer !== undefined &&
        signer.signatureAlgorithm !== OID_RSA_ENCRYPTION &&
        signer.signatureAlgorithm !== OID_SHA256_WITH_RSA &&
        `the signature algorithm is ${signer.signatureAlgorithm}, neither rsaEncryption nor sha256WithRSAEncryption`,
    ],
  },
  { name: 'signature', rule: section('3.1.1.6.6'), faults: signatureFaults },
  {
    name: 'unsigned-attributes',
    rule: section('3.1.1.6.7'),
    faults: ({ signer }) => [signer?.hasUnsigned === true && 'the signer has unsigned attributes'],
  },
  { name: 'issuer', rule: section('3.1.2'), faults: issuerFaults },
  {
    name: 'validity',
    rule: section('3.1.2'),
    faults: ({ ee, chain, at }) =>
      [...(ee === undefined ? [] : [ee]), ...(chain?.cas ?? [])].map((one) =>
        periodFault(one === ee ? 'the EE certificate' : 'a CA certificate of the message', one, at),
      ),
  },
  { name: 'crl-signature', rule: section('3.1.2'), faults: crlSignatureFaults },
  {
    name: 'crl-early',
    rule: section('3.1.2'),
    faults: ({ crl, at }) => [
      crl?.thisUpdate !== undefined &&
        crl.thisUpdate > addSeconds(at, SKEW) &&
        `the CRL is valid from ${crl.thisUpdate}, later than ${at}`,
    ],
  },
  {
    name: 'crl-stale',
    rule: section('3.1.2'),
    faults: (message) => [
      !message.acceptStaleCrl &&
        isStale(message) &&
        `the CRL was valid until ${message.crl?.nextUpdate}, it is ${message.at}: the peer has to issue a new one, or --accept-stale-crl permits it for this peer`,
    ],
  },
  { name: 'revoked', rule: section('3.1.2'), faults: revokedFaults },
  { name: 'signing-time-validity', rule: section('3.1.2'), faults: signingPeriodFaults },
]

function list(all: readonly string[]): string {
  return all.length === 0 ? 'none' : all.slice(0, 5).join(', ')
}

/** Returns true if the CRL has expired, clocks apart. */
export function isStale({ crl, at }: Pick<Examined, 'crl' | 'at'>): boolean {
  return crl?.nextUpdate !== undefined && crl.nextUpdate < addSeconds(at, -SKEW)
}

function eeFaults(ee: BpkiCertificate): readonly (string | false | undefined)[] {
  const { version, key, extensions, notBefore, notAfter } = ee
  const fault = keyFault(key)
  return [
    version !== 2n && 'the EE certificate is not of version 3',
    fault !== undefined && `the EE certificate: ${fault}`,
    extensions.ski === undefined && 'the EE certificate has no subject key identifier',
    extensions.ski !== undefined &&
      key !== undefined &&
      extensions.ski !== key.ski &&
      `the subject key identifier ${extensions.ski} of the EE certificate is not that of its key, ${key.ski}`,
    extensions.keyUsage !== undefined &&
      (extensions.keyUsage & 0x80) === 0 &&
      'the EE certificate is not for signatures (key usage without digitalSignature)',
    notBefore !== undefined &&
      notAfter !== undefined &&
      notAfter < notBefore &&
      'the EE certificate ends before it begins',
  ]
}

function sidFaults({ signer, ee }: Examined): readonly (string | false)[] {
  if (signer === undefined) return []
  if (signer.sid === undefined) return ['the signer is not named by a subject key identifier']
  return [ee !== undefined && signer.sid !== ee.extensions.ski && `the signer ${signer.sid} is not the EE certificate`]
}

/** Unknown attributes are ignored; none may appear twice or have several values, since one of them would be ignored. */
function attributeFaults({ signer }: Examined): readonly string[] {
  if (signer === undefined) return []
  if (signer.attributes.length === 0) return ['the signer has no signed attributes']
  const seen = new Set<string>()
  return signer.attributes.flatMap(({ oid, values }) => {
    const isTwice = seen.has(oid)
    seen.add(oid)
    return [
      ...(isTwice ? [`the signed attribute ${oid} appears twice`] : []),
      ...(values.length === 1 ? [] : [`the signed attribute ${oid} has ${values.length} values, not one`]),
    ]
  })
}

function contentTypeFaults({ signer, reading }: Examined): readonly (string | false)[] {
  if (signer === undefined) return []
  const type = readOid(attributeValue(signer.attributes, OID_CONTENT_TYPE))
  if (type === undefined) return ['there is no readable content-type attribute']
  return [type !== reading.contentType && `the content-type attribute is ${type}, the content ${reading.contentType}`]
}

function digestFaults({ signer, reading: { content } }: Examined): readonly (string | false)[] {
  if (signer === undefined) return []
  const digest = octetsOf(attributeValue(signer.attributes, OID_MESSAGE_DIGEST))
  if (digest === undefined) return ['there is no readable message-digest attribute']
  return [
    (content === undefined || !equalBytes(sha256(content), digest)) && 'the message digest is not that of the content',
  ]
}

function signatureFaults({ signer, ee }: Examined): readonly (string | false)[] {
  if (signer === undefined) return []
  const { signature, signedOctets } = signer
  if (signature === undefined) return ['the signature is not an OCTET STRING']
  const spki = ee?.key?.spki
  const isValid = spki !== undefined && signedOctets.some((octets) => verifyRsa(spki, octets, signature))
  return [!isValid && 'the signature does not verify under the key of the EE certificate']
}

function issuerFaults({ ee, id, chain }: Examined): readonly string[] {
  if (id === undefined || ee === undefined) return []
  if (chain !== undefined) return chainFaults(chain, id)
  const { aki } = ee.extensions
  const claim = aki === undefined || aki === id.ski ? '' : `; it says that ${aki} signed it`
  return [`the EE certificate is not signed by the ID key ${id.ski} of the peer${claim}`]
}

function periodFault(what: string, { notBefore, notAfter }: BpkiCertificate, at: Instant): string | false {
  if (notBefore === undefined || notAfter === undefined) return false
  const isWithin = notBefore <= addSeconds(at, SKEW) && notAfter >= addSeconds(at, -SKEW)
  return !isWithin && `${what} is valid from ${notBefore} to ${notAfter}, not at ${at}`
}

function crlSignatureFaults({ crl, chain }: Examined): readonly (string | false)[] {
  if (crl === undefined || chain === undefined) return []
  const { issuer } = chain
  return [
    !isSignedBy(crl, issuer.spki) && `the CRL is not signed by ${issuer.ski}, the key that issued the EE certificate`,
    crl.aki !== undefined &&
      crl.aki !== issuer.ski &&
      `the authority key identifier ${crl.aki} of the CRL is not the key that issued the EE certificate, ${issuer.ski}`,
  ]
}

function revokedFaults({ crl, ee }: Examined): readonly (string | false)[] {
  const serial = ee?.serial
  return [
    serial !== undefined && crl?.revoked.has(serial) === true && `the EE certificate ${serial.toString(16)} is revoked`,
  ]
}

function signingPeriodFaults({ ee, signingTime, at }: Examined): readonly (string | false)[] {
  if (signingTime === undefined) return []
  const fault = ee === undefined ? false : periodFault('the EE certificate', ee, signingTime)
  return [
    fault !== false && `${fault}, the signing time`,
    // the replay clock would refuse all that the peer sends before that time
    signingTime > addSeconds(at, SKEW) && `the signing time ${signingTime} is later than ${at}`,
  ]
}
