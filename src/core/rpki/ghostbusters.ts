/** Ghostbusters records (RFC 6493): a vCard with the contacts of a CA. Read for inspection only; validators have stopped reading them. */
import type { Decoded } from '../der/findings.js'
import { createFindings, type FindingList } from '../der/findings.js'
import type { CertificateResources } from './x509/types.js'

/** Octets of the vCard that are shown. */
const MAX_SHOWN = 16_384

/** Returns the vCard in `eContent` as far as it is text. */
export function decodeGhostbusters(eContent: Uint8Array): Decoded<string> {
  const findings = createFindings()
  const text = Buffer.from(eContent.subarray(0, MAX_SHOWN)).toString('utf8')
  if (!/^BEGIN:VCARD\r?\n/i.test(text)) findings.tolerate('RFC 6493 section 4', 'the content is not a vCard')
  return { content: text, findings: findings.all() }
}

/** Adds a finding where the EE certificate does not inherit all its resources (RFC 6493 section 5). */
export function checkGhostbustersEe({ asn, ipv4, ipv6 }: CertificateResources, findings: FindingList): void {
  if (asn !== 'inherit' || [ipv4, ipv6].some((family) => family !== undefined && family !== 'inherit'))
    findings.tolerate(
      'RFC 6493 section 5',
      'the EE certificate of a ghostbusters record does not inherit its resources',
    )
}
