/** Access descriptions of a certificate (RFC 5280 section 4.2.2), and the names in them that are URIs. */
import type { FindingList } from '../../der/findings.js'
import { textOf } from '../../der/primitives.js'
import { contentOf, type DerNode, primitiveTag, TAG } from '../../der/reader.js'
import { membersOf, readOid } from '../../der/values.js'

/** Reads `SEQUENCE OF AccessDescription`; `uri` is undefined for a location that is no URI. */
export function accessDescriptions(
  value: DerNode,
  rule: string,
  findings: FindingList,
): readonly { readonly method: string; readonly uri: string | undefined }[] {
  const list = { what: 'the list of access descriptions', rule, tag: TAG.sequence, least: 1 }
  const frame = { what: 'an access description', rule, tag: TAG.sequence, least: 2, most: 2 }
  return membersOf(value, list, findings).map((description) => {
    const [method, location] = membersOf(description, frame, findings)
    if (location !== undefined && readUri(location) === undefined) findings.add(rule, 'an access location is not a URI')
    return { method: readOid(method) ?? 'unreadable', uri: location === undefined ? undefined : readUri(location) }
  })
}

/** Returns the text of a GeneralName that is a URI; undefined for another name. */
export function readUri(node: DerNode): string | undefined {
  return node.tag === primitiveTag(6) ? textOf(contentOf(node)) : undefined
}

/** Returns true for an rsync URI. */
export function isRsync(uri: string | undefined): uri is string {
  return uri?.startsWith('rsync://') === true
}
