/** Ghostbusters records (RFC 6493): a vCard with the contacts of a CA. Read for inspection only; validators have stopped reading them. */
import { createFindings, type FindingList } from '../der/findings.js'
import type { SignedObjectCodec } from './codec.js'
import type { CertificateResources } from './x509/types.js'

/** Octets of the vCard that are shown. */
const MAX_SHOWN = 16_384

function checkVcard(text: string, findings: FindingList): void {
  if (!/^BEGIN:VCARD\r?\n/i.test(text)) findings.tolerate('RFC 6493 section 4', 'the content is not a vCard')
}

/** RFC 6493 section 5: the EE certificate inherits all its resources. */
function checkEe({ asn, ipv4, ipv6 }: CertificateResources, findings: FindingList): void {
  if (asn !== 'inherit' || [ipv4, ipv6].some((family) => family !== undefined && family !== 'inherit'))
    findings.tolerate(
      'RFC 6493 section 5',
      'the EE certificate of a ghostbusters record does not inherit its resources',
    )
}

/** RFC 6493 as a codec of `object-kinds.ts`; the content is the vCard, as far as it is text. */
export const ghostbustersCodec: SignedObjectCodec<string> = {
  decode(eContent) {
    const content = Buffer.from(eContent.subarray(0, MAX_SHOWN)).toString('utf8')
    return { content, findings: this.profile(content) }
  },
  profile(content) {
    const findings = createFindings()
    checkVcard(content, findings)
    return findings.all()
  },
  checkEe: (_content, ee, findings) => checkEe(ee?.extensions.resources ?? {}, findings),
  fields: (vcard) => ({ vcard }),
}
