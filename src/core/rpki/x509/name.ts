/** Strict decoder of distinguished names (RFC 6487 sections 4.4 and 4.5): one commonName, at most one serialNumber, nothing else. */
import { quoted } from '../../base/text.js'
import type { FindingList } from '../../der/findings.js'
import { textOf } from '../../der/primitives.js'
import { childrenOf, contentOf, type DerNode, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readOid } from '../../der/values.js'
import { OID_COMMON_NAME, OID_SERIAL_NUMBER } from './oids.js'

export interface ParsedName {
  /** DER of the Name, for comparisons. */
  readonly der: Uint8Array
  readonly commonName: string | undefined
}

/** Reads a name, with its findings under `rule`; `what` is `issuer` or `subject`. */
export function readName(node: DerNode, what: string, rule: string, findings: FindingList): ParsedName {
  const names: string[] = []
  let serials = 0
  if (node.tag !== TAG.sequence) findings.add(rule, `the ${what} is not a Name`)
  const sets = childrenOf(node)
  if (!sets.every((part) => part.tag === TAG.set && childrenOf(part).length > 0))
    findings.add(rule, `the ${what} is malformed`)
  for (const attribute of sets.flatMap(childrenOf)) {
    const [type, value] = membersOf(
      attribute,
      { what: `an attribute of the ${what}`, rule, least: 2, most: 2 },
      findings,
    )
    const oid = readOid(type)
    if (oid === OID_COMMON_NAME && value !== undefined) names.push(readText(value, what, rule, findings))
    else if (oid === OID_SERIAL_NUMBER) serials += 1
    else
      findings.add(
        rule,
        `the ${what} has an attribute ${oid ?? '(unreadable)'} that is neither commonName nor serialNumber`,
      )
  }
  if (names.length === 0) findings.add(rule, `the ${what} has no commonName`)
  if (names.length > 1 || serials > 1) findings.add(rule, `the ${what} has an attribute more than once`)
  return { der: rawOf(node), commonName: names[0] }
}

function readText(value: DerNode, what: string, rule: string, findings: FindingList): string {
  const isUtf8 = value.tag === TAG.utf8String
  const content = contentOf(value)
  const text = isUtf8 ? Buffer.from(content).toString('utf8') : textOf(content)
  if (value.tag !== TAG.printableString)
    findings.tolerate(rule, `the commonName ${quoted(text)} of the ${what} is not a PrintableString`)
  return text
}
