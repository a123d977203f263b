/** Descriptions of messages and ID certificates for an operator: everything that can be read, and every rule that is broken. Nothing is thrown. */
import type { Json } from '../../base/json.js'
import type { Instant } from '../../base/time.js'
import { createFindings, type ObjectFinding } from '../../der/findings.js'
import { parseDer } from '../../der/reader.js'
import { readDistinguishedName } from '../../pki/names.js'
import { readBpkiCertificate } from './certificate.js'
import { examineIdCertificate } from './id-certificate.js'
import { remarksAbout } from './remarks.js'
import type { BpkiCertificate, BpkiCrl } from './types.js'
import { examine, type VerifyInput } from './verify.js'

export interface MessageDescription {
  /** The XML text, in whatever state the message is; undefined where it cannot be read. */
  readonly content: Uint8Array | undefined
  readonly signingTime: Instant | undefined
  /** The time for which the message was judged: `at` of the input, otherwise the signing time. */
  readonly judgedAt: Instant
  /** Plain JSON: content type, algorithms, signer, certificates, CRL. */
  readonly fields: Readonly<Record<string, Json>>
  /** Broken rules of the table in accept.ts first, then what is tolerated. */
  readonly findings: readonly ObjectFinding[]
  /** True if the peer with this ID certificate signed the message and no rule is broken; undefined without an ID certificate. */
  readonly isVerified: boolean | undefined
}

/** Describes a message; without `id` it is not compared with a sender, without `at` it is judged at its signing time. */
export function describeMessage(
  input: Pick<VerifyInput, 'cms'> & Partial<Omit<VerifyInput, 'cms'>>,
): MessageDescription {
  const { message, findings } = examine(input)
  const { reading, ee, crl, signer, signingTime, chain } = message
  const cas = reading.certificates.filter((one) => one !== ee)
  return {
    content: reading.content,
    signingTime,
    judgedAt: message.at,
    fields: {
      contentType: reading.contentType ?? null,
      signingTime: signingTime ?? null,
      digestAlgorithm: signer?.digestAlgorithm ?? null,
      signatureAlgorithm: signer?.signatureAlgorithm ?? null,
      signedAttributes: signer?.attributes.map(({ oid }) => oid) ?? [],
      signer: signer?.sid ?? null,
      ee: ee === undefined ? null : certificateFields(ee),
      ...(cas.length > 0 && { otherCertificates: cas.map(certificateFields) }),
      crl: crl === undefined ? null : crlFields(crl),
      issuedBy: chain === undefined ? null : chain.issuer.ski,
    },
    findings: [
      ...findings.map(({ rule, message: text }) => ({ rule, message: text })),
      ...remarksAbout(message, input.id),
    ],
    isVerified: input.id === undefined ? undefined : findings.length === 0,
  }
}

export interface IdCertificateDescription {
  readonly fields: Readonly<Record<string, Json>>
  readonly findings: readonly ObjectFinding[]
}

/** Describes an ID certificate; without `at` its validity is not judged. */
export function describeIdCertificate(der: Uint8Array, at?: Instant): IdCertificateDescription {
  const { certificate, findings } = examineIdCertificate(der, at)
  const node = parseDer(der, createFindings())
  const read = node === undefined ? undefined : readBpkiCertificate(node, 'the ID certificate', createFindings())
  return {
    fields: { ...(read !== undefined && certificateFields(read)), selfSigned: certificate?.isSelfSigned ?? null },
    findings,
  }
}

function certificateFields(read: BpkiCertificate): Record<string, Json> {
  const { extensions } = read
  return {
    subject: nameText(read.subject),
    issuer: nameText(read.issuer),
    serial: read.serial?.toString(16).toUpperCase() ?? null,
    notBefore: read.notBefore ?? null,
    notAfter: read.notAfter ?? null,
    ski: extensions.ski ?? null,
    aki: extensions.aki ?? null,
    ca: extensions.isCa,
    key: read.key === undefined ? null : `${read.key.algorithm} ${read.key.bits}`,
  }
}

function crlFields(crl: BpkiCrl): Record<string, Json> {
  return {
    issuer: nameText(crl.issuer),
    aki: crl.aki ?? null,
    number: crl.number?.toString() ?? null,
    thisUpdate: crl.thisUpdate ?? null,
    nextUpdate: crl.nextUpdate ?? null,
    revoked: crl.revoked.size,
  }
}

/** Returns a name as text; null where it cannot be read. */
function nameText(der: Uint8Array | undefined): string | null {
  const node = der === undefined ? undefined : parseDer(der, createFindings())
  return node === undefined ? null : readDistinguishedName(node, 'the name', createFindings()).text
}
