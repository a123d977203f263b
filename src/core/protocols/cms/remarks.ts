/** Remarks about a message that is accepted: departures from the profile that are tolerated, and what the operator should know about the sender. */
import { equalBytes } from '../../base/bytes.js'
import type { ObjectFinding } from '../../der/findings.js'
import {
  OID_BINARY_SIGNING_TIME,
  OID_CONTENT_TYPE,
  OID_MESSAGE_DIGEST,
  OID_SHA256_WITH_RSA,
  OID_SIGNING_TIME,
} from '../../rpki/x509/oids.js'
import { type Examined, isStale } from './accept.js'
import type { IdCertificate } from './types.js'

const KNOWN: readonly string[] = [OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNING_TIME, OID_BINARY_SIGNING_TIME]

/** Returns the remarks about a message that no rule refuses. */
export function remarksAbout(message: Examined, id: IdCertificate | Uint8Array | undefined): readonly ObjectFinding[] {
  const { reading, signer, crl, ee, chain, at } = message
  const unknown = signer?.attributes.filter(({ oid }) => !KNOWN.includes(oid)).map(({ oid }) => oid) ?? []
  const unused = reading.certificates.filter(
    (one) => one !== ee && chain !== undefined && !chain.cas.includes(one),
  ).length
  const certificate = id === undefined || id instanceof Uint8Array ? undefined : id
  const remarks: readonly (readonly [rule: string, text: string | false | undefined])[] = [
    [
      '3.1.1.6.5',
      signer?.signatureAlgorithm === OID_SHA256_WITH_RSA &&
        'the signature algorithm is sha256WithRSAEncryption, the profile has rsaEncryption',
    ],
    ['3.1.1.6.4', unknown.length > 0 && `unknown signed attributes are ignored: ${unknown.join(', ')}`],
    ['3.1.1.4', unused > 0 && `${unused} CA certificates of the message are not needed`],
    [
      '3.1.1.4',
      ee !== undefined && ee.extensions.aki === undefined && 'the EE certificate has no key identifier of its issuer',
    ],
    ['3.1.1.5', crl !== undefined && crl.number === undefined && 'the CRL has no CRL number'],
    [
      '3.1.2',
      isStale(message) &&
        message.acceptStaleCrl &&
        `the CRL was valid until ${crl?.nextUpdate}: accepted by permission`,
    ],
    [
      '3.1.2',
      certificate !== undefined &&
        certificate.notAfter < at &&
        `the ID certificate of the peer expired at ${certificate.notAfter}`,
    ],
    [
      '3.1.2',
      certificate !== undefined &&
        chain?.cas.length === 0 &&
        ee?.issuer !== undefined &&
        !equalBytes(ee.issuer, certificate.subject) &&
        'the issuer of the EE certificate is not named as the ID certificate is',
    ],
  ]
  return [
    ...reading.structure.filter(({ tolerated }) => tolerated === true),
    ...remarks.flatMap(([section, text]) =>
      typeof text === 'string'
        ? [{ rule: `RFC 6492 section ${section}`, message: text, tolerated: true as const }]
        : [],
    ),
  ]
}
