/** Certificates, CRLs and TALs as plain JSON for a report: serials and key identifiers in upper hex, numbers that may be large as decimal text, times RFC 3339. */
import type { Json } from '../../base/json.js'
import { toResourceText } from '../../resources/resource-text.js'
import { routerIdOf } from '../../resources/router-names.js'
import type { ParsedCrl } from '../crl.js'
import type { TalContent } from '../tal.js'
import type { ParsedCertificate } from '../x509/decode-certificate.js'
import { parseKey } from '../x509/key.js'
import type { CertificateResources } from '../x509/types.js'

/** Returns a serial in upper hex with an even number of digits. */
export function hexOf(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString(16).toUpperCase()
  return `${value < 0n ? '-' : ''}${digits.length % 2 === 0 ? digits : `0${digits}`}`
}

/** Returns the members of a report on a certificate; null for what could not be read. */
export function certificateFields(certificate: ParsedCertificate): Json {
  const { extensions, key, serial } = certificate
  return {
    kind: certificate.purpose === 'checklist-ee' ? 'ee' : certificate.purpose,
    serial: serial === undefined ? null : hexOf(serial),
    issuer: certificate.issuer?.commonName ?? null,
    subject: certificate.subject?.commonName ?? null,
    ...(certificate.purpose === 'router' && { routerId: routerIdOf(certificate.subject?.serialNumber ?? '') ?? null }),
    notBefore: certificate.notBefore ?? null,
    notAfter: certificate.notAfter ?? null,
    key:
      key === undefined
        ? null
        : { algorithm: key.algorithm, bits: key.bits > 0 ? key.bits : null, curve: key.curve || null },
    ski: extensions.ski ?? null,
    aki: extensions.aki ?? null,
    crl: extensions.crl ?? null,
    aia: extensions.aia ?? null,
    sia: extensions.sia === undefined ? null : siaFields(extensions.sia),
    resources: resourceFields(extensions.resources),
  }
}

function siaFields(sia: NonNullable<ParsedCertificate['extensions']['sia']>): Json {
  return {
    ...(sia.caRepository !== undefined && { caRepository: sia.caRepository }),
    ...(sia.manifest !== undefined && { manifest: sia.manifest }),
    ...(sia.notify !== undefined && { notify: sia.notify }),
    ...(sia.signedObject !== undefined && { signedObject: sia.signedObject }),
  }
}

/** Returns text per family, `inherit`, or null where the extension does not name the family. */
function resourceFields({ asn, ipv4, ipv6 }: CertificateResources): Json {
  const text = toResourceText({
    asn: asn === 'inherit' ? [] : (asn ?? []),
    ipv4: ipv4 === 'inherit' ? [] : (ipv4 ?? []),
    ipv6: ipv6 === 'inherit' ? [] : (ipv6 ?? []),
  })
  const field = (value: unknown, shown: string): Json =>
    value === undefined ? null : value === 'inherit' ? 'inherit' : shown
  return { asn: field(asn, text.asn), ipv4: field(ipv4, text.ipv4), ipv6: field(ipv6, text.ipv6) }
}

/** Returns the members of a report on a CRL; null for what could not be read. */
export function crlFields(crl: ParsedCrl): Json {
  return {
    issuer: crl.issuer?.commonName ?? null,
    aki: crl.aki ?? null,
    number: crl.number?.toString() ?? null,
    thisUpdate: crl.thisUpdate ?? null,
    nextUpdate: crl.nextUpdate ?? null,
    revoked: crl.revoked.map(({ serial, revokedAt }) => ({ serial: hexOf(serial), revokedAt })),
  }
}

/** Returns the members of a report on a trust anchor locator. */
export function talFields(tal: TalContent): Json {
  const key = parseKey(tal.spki)
  return {
    comments: tal.comments,
    uris: tal.uris,
    key: key === undefined ? null : { algorithm: key.algorithm, bits: key.bits > 0 ? key.bits : null },
    ski: key?.ski ?? null,
  }
}
