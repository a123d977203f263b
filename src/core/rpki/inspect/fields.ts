/** What an object says, as plain JSON for a report: serials and key identifiers in upper hex, numbers that may be large as decimal text, times RFC 3339. */
import { toHex } from '../../base/bytes.js'
import type { Json } from '../../base/json.js'
import { formatAddress } from '../../resources/address.js'
import { toResourceText } from '../../resources/resource-text.js'
import type { ParsedCrl } from '../crl.js'
import type { RoaAddress } from '../roa.js'
import type { ObjectBody } from '../signed-object/decode-object.js'
import type { TalContent } from '../tal.js'
import type { ParsedCertificate } from '../x509/decode-certificate.js'
import { parseKey } from '../x509/key.js'
import type { CertificateResources } from '../x509/types.js'

/** Upper hex, whole octets. */
export function hexOf(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString(16).toUpperCase()
  return `${value < 0n ? '-' : ''}${digits.length % 2 === 0 ? digits : `0${digits}`}`
}

export function certificateFields(certificate: ParsedCertificate): Json {
  const { extensions, key, serial } = certificate
  return {
    kind: certificate.purpose,
    serial: serial === undefined ? null : hexOf(serial),
    issuer: certificate.issuer?.commonName ?? null,
    subject: certificate.subject?.commonName ?? null,
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

/** Text per family, `inherit`, or null where the extension says nothing of it. */
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

export function bodyFields(body: ObjectBody): Json {
  switch (body.type) {
    case 'roa':
      return body.content === undefined
        ? {}
        : { asn: body.content.asn, vrps: vrps(body.content.asn, body.content.addresses) }
    case 'manifest':
      return body.content === undefined
        ? {}
        : {
            number: body.content.number.toString(),
            thisUpdate: body.content.thisUpdate,
            nextUpdate: body.content.nextUpdate,
            files: body.content.files.map(({ name, sha256 }) => ({ name, sha256: toHex(sha256) })),
          }
    case 'aspa':
      return body.content === undefined ? {} : { customer: body.content.customer, providers: body.content.providers }
    case 'ghostbusters':
      return { vcard: body.content ?? null }
    case 'signed-object':
      return {}
  }
}

function vrps(asn: number, addresses: readonly RoaAddress[]): Json {
  return addresses.map(({ family, address, length, maxLength }) => ({
    asn,
    prefix: `${formatAddress(address, family)}/${length}`,
    maxLength: maxLength ?? length,
  }))
}

export function talFields(tal: TalContent): Json {
  const key = parseKey(tal.spki)
  return {
    comments: tal.comments,
    uris: tal.uris,
    key: key === undefined ? null : { algorithm: key.algorithm, bits: key.bits > 0 ? key.bits : null },
    ski: key?.ski ?? null,
  }
}
