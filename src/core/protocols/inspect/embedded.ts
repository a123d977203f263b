/** Certificates and requests inside messages, for a report: their fields, and their findings with the name of the place. */
import type { Json } from '../../base/json.js'
import type { Instant } from '../../base/time.js'
import { createFindings, type FindingList, type ObjectFinding } from '../../der/findings.js'
import { parseDer } from '../../der/reader.js'
import { decodeCertificationRequest } from '../../rpki/certification-request.js'
import { certificateFields } from '../../rpki/inspect/fields.js'
import { parseCertificate } from '../../rpki/x509/decode-certificate.js'
import { describeIdCertificate } from '../cms/describe.js'

/** Adds findings about a part of a message; `what` begins their sentence. */
export function addAbout(what: string, found: readonly ObjectFinding[], findings: FindingList): void {
  findings.addAll(found.map((finding) => ({ ...finding, message: `${what}: ${finding.message}` })))
}

/** Describes an RPKI certificate; null where it cannot be read. */
export function describeCertificate(what: string, der: Uint8Array, at: Instant, findings: FindingList): Json {
  const found = createFindings()
  const node = parseDer(der, found)
  const certificate = node === undefined ? undefined : parseCertificate(node, undefined, found)
  const { notBefore, notAfter } = certificate ?? {}
  if (notAfter !== undefined && at > notAfter) found.add('RFC 6487 section 4.6', `it was valid until ${notAfter}`)
  if (notBefore !== undefined && at < notBefore)
    found.add('RFC 6487 section 4.6', `it is not valid before ${notBefore}`)
  addAbout(what, found.all(), findings)
  return certificate === undefined ? null : certificateFields(certificate)
}

/** Describes a certification request; null where it is not acceptable. */
export function describeRequest(what: string, der: Uint8Array, findings: FindingList): Json {
  const { content, findings: found } = decodeCertificationRequest(der)
  addAbout(what, found, findings)
  if (content === undefined) return null
  const { caRepository, manifest, notify } = content.sia
  return { ski: content.ski, sia: { caRepository, manifest, ...(notify !== undefined && { notify }) } }
}

/** Describes an ID certificate. One that is not valid at `at` is a remark: some servers do not look at it, others refuse its owner. */
export function describeId(what: string, der: Uint8Array, at: Instant, findings: FindingList): Json {
  const { fields, findings: found } = describeIdCertificate(der)
  addAbout(what, found, findings)
  const [notBefore, notAfter] = [fields['notBefore'], fields['notAfter']]
  if (typeof notBefore === 'string' && typeof notAfter === 'string' && (at < notBefore || at > notAfter))
    findings.tolerate('RFC 8183 section 4', `${what} is valid from ${notBefore} to ${notAfter}, not at ${at}`)
  return fields
}
