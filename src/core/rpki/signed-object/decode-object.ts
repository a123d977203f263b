/** Whole signed objects: envelope, EE certificate, content, and the agreement between them (RFC 9582 section 5, RFC 9286 section 5.1). */
import type { FindingList } from '../../der/findings.js'
import type { DerNode } from '../../der/reader.js'
import { type AspaContent, checkAspaEe, decodeAspa } from '../aspa.js'
import { checkGhostbustersEe, decodeGhostbusters } from '../ghostbusters.js'
import { checkManifestEe, decodeManifest, type ManifestContent, type ManifestPlace } from '../manifest.js'
import { checkRoaEe, decodeRoa, type RoaContent } from '../roa.js'
import type { ParsedCertificate } from '../x509/decode-certificate.js'
import { OID_CT_ASPA, OID_CT_GHOSTBUSTERS, OID_CT_MANIFEST, OID_CT_ROA } from '../x509/oids.js'
import { lastSegment } from '../x509/uri.js'
import { type ParsedSignedObject, parseSignedObject } from './decode-envelope.js'

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

/** Reads and checks a signed object of any type. Returns undefined where it is not a signed object. The result does not depend on the time or on other objects. */
export function parseObject(node: DerNode, findings: FindingList): ParsedObject | undefined {
  const envelope = parseSignedObject(node, findings)
  if (envelope === undefined) return undefined
  const body = readBody(envelope, findings)
  const { ee, signingTime } = envelope
  if (signingTime !== undefined && ee?.notAfter !== undefined && signingTime > ee.notAfter)
    findings.tolerate(
      'RFC 9589 section 4',
      `the signing time ${signingTime} is after the end of the EE certificate, ${ee.notAfter}`,
    )
  return { envelope, body }
}

function readBody({ contentType, eContent, ee }: ParsedSignedObject, findings: FindingList): ObjectBody {
  const resources = ee?.extensions.resources ?? {}
  const bytes = eContent ?? new Uint8Array()
  switch (contentType) {
    case OID_CT_ROA: {
      const { content, findings: found } = decodeRoa(bytes)
      findings.addAll(found)
      checkRoaEe(content, resources, findings)
      return { type: 'roa', content }
    }
    case OID_CT_MANIFEST: {
      const { content, findings: found } = decodeManifest(bytes, placeOf(ee))
      findings.addAll(found)
      checkManifestEe(content, ee, findings)
      return { type: 'manifest', content }
    }
    case OID_CT_ASPA: {
      const { content, findings: found } = decodeAspa(bytes)
      findings.addAll(found)
      checkAspaEe(content, resources, findings)
      return { type: 'aspa', content }
    }
    case OID_CT_GHOSTBUSTERS: {
      const { content, findings: found } = decodeGhostbusters(bytes)
      findings.addAll(found)
      checkGhostbustersEe(resources, findings)
      return { type: 'ghostbusters', content }
    }
    default:
      return { type: 'signed-object' }
  }
}

function placeOf(ee: ParsedCertificate | undefined): ManifestPlace {
  const { sia, crl } = ee?.extensions ?? {}
  return {
    ...(sia?.signedObject !== undefined && { ownName: lastSegment(sia.signedObject) }),
    ...(crl !== undefined && { crlName: lastSegment(crl) }),
  }
}
