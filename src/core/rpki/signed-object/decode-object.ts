/** Whole signed objects: envelope, EE certificate, content, and the agreement between them. */
import type { Json } from '../../base/json.js'
import type { FindingList } from '../../der/findings.js'
import type { DerNode } from '../../der/reader.js'
import type { Period } from '../codec.js'
import type { ManifestContent } from '../manifest.js'
import { READABLE_TYPES, type SignedObjectType } from '../object-kinds.js'
import type { TakContent } from '../tak.js'
import { type ParsedSignedObject, parseSignedObject } from './decode-envelope.js'

/** The content of a signed object; `signed-object`: of a type that is not decoded. */
export interface ObjectBody {
  readonly type: SignedObjectType | 'signed-object'
  /** Members of a report; none where the content could not be read. */
  readonly fields: Readonly<Record<string, Json>>
  /** The validity that the content states in addition to its EE certificate. */
  readonly period?: Period
  /** Contents that other files are checked against. */
  readonly manifest?: ManifestContent
  readonly tak?: TakContent
}

export interface ParsedObject {
  readonly envelope: ParsedSignedObject
  readonly body: ObjectBody
}

/** Reads and checks a signed object of any type. Returns undefined where it is not a signed object. The result does not depend on the time or on other objects. */
export async function parseObject(node: DerNode, findings: FindingList): Promise<ParsedObject | undefined> {
  const envelope = parseSignedObject(node, findings)
  if (envelope === undefined) return undefined
  const body = await readBody(envelope, findings)
  const { ee, signingTime } = envelope
  if (signingTime !== undefined && ee?.notAfter !== undefined && signingTime > ee.notAfter)
    findings.tolerate(
      'RFC 9589 section 4',
      `the signing time ${signingTime} is after the end of the EE certificate, ${ee.notAfter}`,
    )
  return { envelope, body }
}

async function readBody(envelope: ParsedSignedObject, findings: FindingList): Promise<ObjectBody> {
  const { contentType, eContent, ee } = envelope
  const readable = READABLE_TYPES.find((type) => type.contentType === contentType)
  if (readable === undefined)
    return { type: 'signed-object', fields: { content: 'not decoded: an unknown content type' } }
  const codec = await readable.codec()
  const { content, findings: found } = codec.decode(eContent ?? new Uint8Array(), ee)
  findings.addAll(found)
  codec.checkEe(content, ee, findings)
  if (content === undefined) return { type: readable.type, fields: {} }
  const period = codec.period?.(content)
  return {
    type: readable.type,
    fields: codec.fields(content),
    ...(period !== undefined && { period }),
    ...(readable.type === 'manifest' && { manifest: content as ManifestContent }),
    ...(readable.type === 'trust-anchor-key' && { tak: content as TakContent }),
  }
}
