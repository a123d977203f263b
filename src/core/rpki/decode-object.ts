/** A whole signed object: envelope, EE certificate, content, and what each says of the other (RFC 9582 section 5, RFC 9286 section 5.1). */

import type { FindingList } from '../der/faults.js'
import type { DerNode } from '../der/reader.js'
import { prefixRange } from '../resources/prefix.js'
import { BIGINT_STEPS, canonicalRanges, coversRange } from '../resources/ranges.js'
import type { IpRange } from '../resources/types.js'
import { type AspaContent, decodeAspa } from './decode-aspa.js'
import { decodeManifest } from './decode-manifest.js'
import { decodeRoa } from './decode-roa.js'
import { type ParsedSignedObject, parseSignedObject } from './decode-signed-object.js'
import type { CertificateResources, ManifestContent, RoaContent } from './types.js'
import type { ParsedCertificate } from './x509/decode-certificate.js'
import { OID_CT_ASPA, OID_CT_GHOSTBUSTERS, OID_CT_MANIFEST, OID_CT_ROA } from './x509/oids.js'
import { lastSegment } from './x509/uri.js'

export type ObjectBody =
  | { readonly type: 'roa'; readonly content: RoaContent | undefined }
  | { readonly type: 'manifest'; readonly content: ManifestContent | undefined }
  | { readonly type: 'aspa'; readonly content: AspaContent | undefined }
  | { readonly type: 'ghostbusters'; readonly content: string | undefined }
  | { readonly type: 'signed-object' }

export interface ParsedObject {
  readonly envelope: ParsedSignedObject
  readonly body: ObjectBody
}

/** Reads and checks a signed object of any type; undefined when it is no signed object. Nothing here depends on the time or on other objects. */
export function parseObject(node: DerNode, faults: FindingList): ParsedObject | undefined {
  const envelope = parseSignedObject(node, faults)
  if (envelope === undefined) return undefined
  const body = readBody(envelope, faults)
  const { ee, signingTime } = envelope
  if (signingTime !== undefined && ee?.notAfter !== undefined && signingTime > ee.notAfter)
    faults.tolerate(
      'RFC 9589 section 4',
      `the signing time ${signingTime} is after the end of the EE certificate, ${ee.notAfter}`,
    )
  return { envelope, body }
}

function readBody({ contentType, eContent, ee }: ParsedSignedObject, faults: FindingList): ObjectBody {
  const resources = ee?.extensions.resources ?? {}
  const bytes = eContent ?? new Uint8Array()
  switch (contentType) {
    case OID_CT_ROA: {
      const { content, faults: found } = decodeRoa(bytes)
      faults.addAll(found)
      checkRoaResources(content, resources, faults)
      return { type: 'roa', content }
    }
    case OID_CT_MANIFEST: {
      const { content, faults: found } = decodeManifest(bytes, placeOf(ee))
      faults.addAll(found)
      checkManifestEe(content, ee, faults)
      return { type: 'manifest', content }
    }
    case OID_CT_ASPA: {
      const { content, faults: found } = decodeAspa(bytes)
      faults.addAll(found)
      checkAspaResources(content, resources, faults)
      return { type: 'aspa', content }
    }
    case OID_CT_GHOSTBUSTERS:
      return { type: 'ghostbusters', content: readVcard(bytes, resources, faults) }
    default:
      return { type: 'signed-object' }
  }
}

function placeOf(ee: ParsedCertificate | undefined): { readonly ownName?: string; readonly crlName?: string } {
  const { sia, crl } = ee?.extensions ?? {}
  return {
    ...(sia?.signedObject !== undefined && { ownName: lastSegment(sia.signedObject) }),
    ...(crl !== undefined && { crlName: lastSegment(crl) }),
  }
}

/** RFC 9582 section 5: IP addresses only, none inherited, every prefix of the ROA among them. */
function checkRoaResources(
  content: RoaContent | undefined,
  resources: CertificateResources,
  faults: FindingList,
): void {
  const rule = 'RFC 9582 section 5'
  const { asn, ipv4, ipv6 } = resources
  if (asn !== undefined) faults.add(rule, 'the EE certificate of a ROA has AS numbers')
  if (ipv4 === undefined && ipv6 === undefined) faults.add(rule, 'the EE certificate of a ROA has no IP addresses')
  if (ipv4 === 'inherit' || ipv6 === 'inherit') faults.add(rule, 'the EE certificate of a ROA inherits its addresses')
  const held = { 4: rangesOf(ipv4), 6: rangesOf(ipv6) }
  const uncovered = (content?.addresses ?? []).filter((entry) => !coversRange(held[entry.family], prefixRange(entry)))
  if (uncovered.length > 0)
    faults.add(
      rule,
      `${uncovered.length} prefixes of the ROA are not in its EE certificate, the first is an IPv${uncovered[0]?.family} /${uncovered[0]?.length}`,
    )
}

function rangesOf(ranges: readonly IpRange[] | 'inherit' | undefined): readonly IpRange[] {
  if (ranges === undefined || ranges === 'inherit') return []
  return canonicalRanges(
    ranges.filter((range) => range.min <= range.max),
    BIGINT_STEPS,
  )
}

/** RFC 9286 section 5.1: the EE certificate inherits everything and lives exactly as long as the manifest. */
function checkManifestEe(
  content: ManifestContent | undefined,
  ee: ParsedCertificate | undefined,
  faults: FindingList,
): void {
  const rule = 'RFC 9286 section 5.1'
  checkAllInherited(ee?.extensions.resources ?? {}, 'manifest', rule, faults)
  if (content === undefined || ee?.notBefore === undefined || ee.notAfter === undefined) return
  if (content.thisUpdate !== ee.notBefore || content.nextUpdate !== ee.notAfter)
    faults.tolerate(
      rule,
      `the EE certificate is valid from ${ee.notBefore} to ${ee.notAfter}, the manifest from ${content.thisUpdate} to ${content.nextUpdate}`,
    )
}

function checkAllInherited(
  { asn, ipv4, ipv6 }: CertificateResources,
  what: string,
  rule: string,
  faults: FindingList,
): void {
  if (asn !== 'inherit') faults.add(rule, `the EE certificate of a ${what} does not inherit its AS numbers`)
  const families = [ipv4, ipv6].filter((family) => family !== undefined)
  if (families.length === 0 || families.some((family) => family !== 'inherit'))
    faults.add(rule, `the EE certificate of a ${what} does not inherit its IP addresses`)
}

function checkAspaResources(
  content: AspaContent | undefined,
  { asn, ipv4, ipv6 }: CertificateResources,
  faults: FindingList,
): void {
  const rule = 'ASPA profile section 4'
  if (ipv4 !== undefined || ipv6 !== undefined) faults.add(rule, 'the EE certificate of an ASPA has IP addresses')
  if (asn === undefined || asn === 'inherit') {
    faults.add(
      rule,
      `the EE certificate of an ASPA ${asn === undefined ? 'has no AS number' : 'inherits its AS numbers'}`,
    )
    return
  }
  const [only, ...more] = asn
  if (more.length > 0 || only?.min !== only?.max)
    faults.tolerate(rule, 'the EE certificate of an ASPA has more than one AS number')
  if (content !== undefined && !asn.some(({ min, max }) => min <= content.customer && content.customer <= max))
    faults.add(rule, `AS${content.customer} is not in the EE certificate`)
}

/** RFC 6493: a vCard, shown as far as it is text. Validators have stopped reading these. */
function readVcard(bytes: Uint8Array, resources: CertificateResources, faults: FindingList): string | undefined {
  const text = Buffer.from(bytes.subarray(0, 16_384)).toString('utf8')
  if (!/^BEGIN:VCARD\r?\n/i.test(text)) faults.tolerate('RFC 6493 section 4', 'the content is not a vCard')
  const inner = { ...resources }
  if (inner.asn !== 'inherit' || [inner.ipv4, inner.ipv6].some((f) => f !== undefined && f !== 'inherit'))
    faults.tolerate('RFC 6493 section 5', 'the EE certificate of a ghostbusters record does not inherit its resources')
  return text
}
